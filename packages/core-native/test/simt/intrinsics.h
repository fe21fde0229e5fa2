// What a kernel may call without an include: thread numbers, barriers, warp operations, bit casts, fast mathematics.
// Names and meanings are CUDA's; fast functions are computed exactly, so a bound must not rest on their last bits.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "simt/block.h"

#define threadIdx (::simt::self->index)
#define blockIdx (::simt::block_index)
#define blockDim (::simt::block_dim)
#define gridDim (::simt::grid_dim)
constexpr int warpSize = 32;

inline void __syncthreads(simt::Where where = simt::Where::current()) { simt::block->barrier("__syncthreads", false, where); }
inline int __syncthreads_count(int vote, simt::Where where = simt::Where::current()) {
  return simt::block->barrier("__syncthreads_count", vote != 0, where);
}
inline int __syncthreads_or(int vote, simt::Where where = simt::Where::current()) {
  return simt::block->barrier("__syncthreads_or", vote != 0, where) != 0;
}
inline int __syncthreads_and(int vote, simt::Where where = simt::Where::current()) {
  return simt::block->barrier("__syncthreads_and", vote == 0, where) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, simt::Where where = simt::Where::current()) {
  simt::block->meet("__syncwarp", mask, nullptr, [](void* const*, unsigned lanes) { simt::block->shared.order_warp(lanes); }, where);
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

namespace simt {

// A lane's part of a shuffle: its value, and the lane it wants to read.
struct ShuffleSlot {
  uint64_t value, result;
  unsigned from;
};

inline void shuffle_together(void* const* slots, unsigned mask) {
  for (unsigned i = 0; i < kWarp; ++i) {
    if ((mask >> i & 1) == 0) continue;
    auto* slot = static_cast<ShuffleSlot*>(slots[i]);
    if ((mask >> slot->from & 1) == 0)
      block->fail("a shuffle: lane " + std::to_string(i) + " reads lane " + std::to_string(slot->from) + ", which is not in the mask");
    slot->result = static_cast<const ShuffleSlot*>(slots[slot->from])->value;
  }
}

template <class T>
T shuffle(const char* what, unsigned mask, T value, unsigned from, Where where) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "a shuffle moves 32 or 64 bits");
  ShuffleSlot slot{0, 0, from};
  std::memcpy(&slot.value, &value, sizeof value);
  block->meet(what, mask, &slot, shuffle_together, where);
  std::memcpy(&value, &slot.result, sizeof value);
  return value;
}

inline unsigned vote(const char* what, unsigned mask, bool predicate, Where where) {
  struct Slot {
    bool predicate;
    unsigned result;
  } slot{predicate, 0};
  block->meet(
      what, mask, &slot,
      [](void* const* slots, unsigned lanes) {
        unsigned all = 0;
        for (unsigned i = 0; i < kWarp; ++i)
          if ((lanes >> i & 1) != 0 && static_cast<Slot*>(slots[i])->predicate) all |= 1u << i;
        for (unsigned i = 0; i < kWarp; ++i)
          if ((lanes >> i & 1) != 0) static_cast<Slot*>(slots[i])->result = all;
      },
      where);
  return slot.result;
}

}  // namespace simt

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32, simt::Where where = simt::Where::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = simt::lane();
  return simt::shuffle("__shfl_sync", mask, value, (lane & ~(w - 1)) | (static_cast<unsigned>(from) & (w - 1)), where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, simt::Where where = simt::Where::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = simt::lane(), from = lane ^ static_cast<unsigned>(bits);
  return simt::shuffle("__shfl_xor_sync", mask, value, from > (lane | (w - 1)) ? lane : from, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, simt::Where where = simt::Where::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = simt::lane();
  return simt::shuffle("__shfl_up_sync", mask, value, (lane & (w - 1)) < by ? lane : lane - by, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, simt::Where where = simt::Where::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = simt::lane();
  return simt::shuffle("__shfl_down_sync", mask, value, (lane & (w - 1)) + by >= w ? lane : lane + by, where);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, simt::Where where = simt::Where::current()) {
  return simt::vote("__ballot_sync", mask, predicate != 0, where);
}
inline int __any_sync(unsigned mask, int predicate, simt::Where where = simt::Where::current()) {
  return simt::vote("__any_sync", mask, predicate != 0, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate, simt::Where where = simt::Where::current()) {
  return simt::vote("__all_sync", mask, predicate != 0, where) == mask;
}
inline unsigned __activemask() { simt::block->fail("__activemask: what it returns depends on the scheduler; give a mask"); }

template <class T>
T __ldg(const T* p) { return *p; }
template <class T>
T __ldcs(const T* p) { return *p; }
template <class T>
T __ldcg(const T* p) { return *p; }
template <class T>
void __stcs(T* p, T value) { *p = value; }
template <class T>
void __stcg(T* p, T value) { *p = value; }

// Integers only: a sum of floats in the order of arrival would not be the same in every run.
template <class T, class V>
T atomicAdd(T* p, V value) {
  static_assert(std::is_integral_v<T>, "no atomics on floats: their order is not fixed");
  return __atomic_fetch_add(p, static_cast<T>(value), __ATOMIC_RELAXED);
}
template <class T>
T atomicMax(T* p, std::type_identity_t<T> value) {
  static_assert(std::is_integral_v<T>);
  const T old = *p;
  *p = std::max(old, value);
  return old;
}
template <class T>
T atomicOr(T* p, std::type_identity_t<T> value) { return __atomic_fetch_or(p, value, __ATOMIC_RELAXED); }
template <class T>
T atomicExch(T* p, std::type_identity_t<T> value) { return __atomic_exchange_n(p, value, __ATOMIC_RELAXED); }

inline uint32_t __float_as_uint(float x) { return std::bit_cast<uint32_t>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(uint32_t x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(uint64_t{a} * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}

inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return static_cast<float>(1 / std::sqrt(static_cast<double>(x))); }
namespace simt {
// A number that no operation before or after it may be fused with: what the suffix _rn promises.
template <class T>
T apart(T x) {
  asm("" : "+m"(x));
  return x;
}
}  // namespace simt
inline float __fadd_rn(float x, float y) { return simt::apart(simt::apart(x) + simt::apart(y)); }
inline float __fsub_rn(float x, float y) { return simt::apart(simt::apart(x) - simt::apart(y)); }
inline float __fmul_rn(float x, float y) { return simt::apart(x * y); }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __dadd_rn(double x, double y) { return simt::apart(simt::apart(x) + simt::apart(y)); }
inline double __dmul_rn(double x, double y) { return simt::apart(x * y); }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsqrt_rn(double x) { return std::sqrt(x); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1.0f) : 0.0f; }
inline float rsqrtf(float x) { return __frsqrt_rn(x); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }
inline float sinpif(float x) { return static_cast<float>(std::sin(M_PI * static_cast<double>(x))); }
inline float cospif(float x) { return static_cast<float>(std::cos(M_PI * static_cast<double>(x))); }
inline void sincospif(float x, float* s, float* c) { *s = sinpif(x), *c = cospif(x); }
inline int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
inline int __float2int_rd(float x) { return static_cast<int>(std::floor(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
inline float fdividef(float x, float y) { return x / y; }

#define SIMT_MIN_MAX(type)                                      \
  inline type min(type a, type b) { return b < a ? b : a; }     \
  inline type max(type a, type b) { return a < b ? b : a; }
SIMT_MIN_MAX(int)
SIMT_MIN_MAX(unsigned)
SIMT_MIN_MAX(long)
SIMT_MIN_MAX(unsigned long)
SIMT_MIN_MAX(long long)
SIMT_MIN_MAX(unsigned long long)
#undef SIMT_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
