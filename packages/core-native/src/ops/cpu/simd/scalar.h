// Vectors of four in plain C++: what every CPU runs and every other instruction set is tested against.
// Include from one kernels_<isa>.cpp only: the unnamed namespace keeps each instruction set's code to itself.
#pragma once
#include "ops/cpu/simd/unroll.h"
#include "tensor/dtype.h"

namespace ace::cpu {
namespace {

template <class Element> struct ScalarVector {
  using T = Element;
  static constexpr int W = 4;
  struct Reg { T v[W]; };
  using Mask = int;  // lanes [0, mask) are on

  template <class F> static ACE_ALWAYS_INLINE Reg each(F&& f) {
    Reg r;
    ACE_UNROLL for (int i = 0; i < W; ++i) r.v[i] = f(i);
    return r;
  }
  static ACE_ALWAYS_INLINE Reg zero() { return each([](int) { return T(0); }); }
  static ACE_ALWAYS_INLINE Reg set1(T x) { return each([&](int) { return x; }); }
  static ACE_ALWAYS_INLINE Mask first(int n) { return n; }
  static ACE_ALWAYS_INLINE Reg load(const T* p) { return each([&](int i) { return p[i]; }); }
  static ACE_ALWAYS_INLINE Reg load(const T* p, Mask m) { return each([&](int i) { return i < m ? p[i] : T(0); }); }
  static ACE_ALWAYS_INLINE Reg load(const bf16* p) { return each([&](int i) { return T(to_float(p[i])); }); }
  static ACE_ALWAYS_INLINE Reg load(const f16* p) { return each([&](int i) { return T(to_float(p[i])); }); }
  // The first n elements, zeros after them.
  template <class Source> static ACE_ALWAYS_INLINE Reg load_first(const Source* p, int n) {
    return each([&](int i) { return i < n ? element(p[i]) : T(0); });
  }
  static ACE_ALWAYS_INLINE T element(T x) { return x; }
  static ACE_ALWAYS_INLINE T element(bf16 x) { return T(to_float(x)); }
  static ACE_ALWAYS_INLINE T element(f16 x) { return T(to_float(x)); }
  static ACE_ALWAYS_INLINE void store(T* p, Reg r) {
    ACE_UNROLL for (int i = 0; i < W; ++i) p[i] = r.v[i];
  }
  static ACE_ALWAYS_INLINE void store(T* p, Reg r, Mask m) {
    for (int i = 0; i < m; ++i) p[i] = r.v[i];
  }
  static ACE_ALWAYS_INLINE Reg add(Reg a, Reg b) { return each([&](int i) { return a.v[i] + b.v[i]; }); }
  static ACE_ALWAYS_INLINE Reg mul(Reg a, Reg b) { return each([&](int i) { return a.v[i] * b.v[i]; }); }
  static ACE_ALWAYS_INLINE Reg sub(Reg a, Reg b) { return each([&](int i) { return a.v[i] - b.v[i]; }); }
  static ACE_ALWAYS_INLINE Reg div(Reg a, Reg b) { return each([&](int i) { return a.v[i] / b.v[i]; }); }
  // b where either is a NaN, as the vector instructions have it.
  static ACE_ALWAYS_INLINE Reg max(Reg a, Reg b) { return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
  static ACE_ALWAYS_INLINE Reg min(Reg a, Reg b) { return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
  static ACE_ALWAYS_INLINE Reg blend(Mask m, Reg on, Reg off) { return each([&](int i) { return i < m ? on.v[i] : off.v[i]; }); }
  // 2^n for whole n in [-126, 127]; float only.
  static ACE_ALWAYS_INLINE Reg pow2(Reg n) {
    return each([&](int i) { return float_of(static_cast<uint32_t>(static_cast<int32_t>(n.v[i]) + 127) << 23); });
  }
  static ACE_ALWAYS_INLINE Reg fma(Reg a, Reg b, Reg c) { return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; }); }
  static ACE_ALWAYS_INLINE T sum(Reg r) { return (r.v[0] + r.v[2]) + (r.v[1] + r.v[3]); }
  static ACE_ALWAYS_INLINE T largest(Reg r) {
    T top = r.v[0];
    for (int i = 1; i < W; ++i) top = r.v[i] > top ? r.v[i] : top;
    return top;
  }
  static ACE_ALWAYS_INLINE void transpose(Reg (&r)[W]) {
    for (int i = 0; i < W; ++i) {
      for (int j = i + 1; j < W; ++j) {
        const T upper = r[i].v[j];
        r[i].v[j] = r[j].v[i];
        r[j].v[i] = upper;
      }
    }
  }
};

}  // namespace
}  // namespace ace::cpu
