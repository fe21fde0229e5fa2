// The emulator's twins of the functions of ops/cuda/ptx.cuh.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "simt/block.h"
#include "simt/counters.h"
#include "simt/fragments.h"
#include "tensor/dtype.h"

namespace ace::cuda {

using simt::touch;

// The copy happens when it is waited for, the latest moment at which hardware may do it.
inline void cp_async16(uint32_t shared, const void* global, bool valid = true) {
  if (shared % 16 != 0 || (valid && reinterpret_cast<uintptr_t>(global) % 16 != 0))
    simt::block->fail("cp.async of 16 bytes: an address is not aligned to 16");
  simt::block->shared.depart(shared, 16);
  simt::touch_shared(shared, 16);
  if (valid) touch(global, 16, false);
  simt::self->copies.push_back({shared, global, valid, simt::self->groups});
}
inline void cp_async_commit() { ++simt::self->groups; }

template <int N>
inline void cp_async_wait() {
  simt::Thread& me = *simt::self;
  std::erase_if(me.copies, [&](const simt::AsyncCopy& copy) {
    if (copy.group + N >= me.groups) return false;
    unsigned char* to = simt::block->shared.land(copy.shared, 16);
    if (copy.valid) std::memcpy(to, copy.global, 16);
    else std::memset(to, 0, 16);
    return true;
  });
}

namespace emulated {

template <int N>
struct LdmatrixSlot {
  uint32_t address;
  uint32_t (*r)[N];
};

template <int N, bool kTransposed>
void ldmatrix(uint32_t (&r)[N], uint32_t row, simt::Where where) {
  LdmatrixSlot<N> slot{row, &r};
  simt::block->meet(
      kTransposed ? "ldmatrix (transposed)" : "ldmatrix", 0xffffffffu, &slot,
      [](void* const* slots, unsigned) {
        if (simt::counting != nullptr) {
          unsigned rows[32] = {};
          for (int i = 0; i < 8 * N; ++i) rows[i] = static_cast<const LdmatrixSlot<N>*>(slots[i])->address;
          simt::counting->ldmatrix(rows, N);
        }
        for (int m = 0; m < N; ++m) {
          uint16_t matrix[8][8];
          for (int i = 0; i < 8; ++i) {
            const auto* of = static_cast<const LdmatrixSlot<N>*>(slots[m * 8 + i]);
            if (of->address % 16 != 0) simt::block->fail("ldmatrix: the address of lane " + std::to_string(m * 8 + i) + " is not aligned to 16");
            std::memcpy(matrix[i], simt::block->shared.read(of->address, 16), 16);
          }
          for (int lane = 0; lane < 32; ++lane) {
            uint32_t word = 0;
            for (int half = 0; half < 2; ++half) {
              const simt::fragments::Element at =
                  kTransposed ? simt::fragments::matrix_transposed(lane, half) : simt::fragments::matrix(lane, half);
              word |= uint32_t{matrix[at.row][at.column]} << 16 * half;
            }
            (*static_cast<const LdmatrixSlot<N>*>(slots[lane])->r)[m] = word;
          }
        }
      },
      where);
}

struct MmaSlot {
  float (*d)[4];
  const uint32_t (*a)[4];
  const uint32_t (*b)[2];
};

inline void mma_together(void* const* slots, unsigned) {
  if (simt::counting != nullptr) simt::counting->mma();
  float a[16][16], b[16][8], d[16][8];
  const auto number = [](uint32_t word, int half) { return to_float(ace::bf16{static_cast<uint16_t>(word >> 16 * half)}); };
  for (int lane = 0; lane < 32; ++lane) {
    const auto& slot = *static_cast<const MmaSlot*>(slots[lane]);
    for (int half = 0; half < 2; ++half) {
      for (int reg = 0; reg < 4; ++reg) {
        const simt::fragments::Element at = simt::fragments::a(lane, reg, half);
        a[at.row][at.column] = number((*slot.a)[reg], half);
      }
      for (int reg = 0; reg < 2; ++reg) {
        const simt::fragments::Element at = simt::fragments::b(lane, reg, half);
        b[at.row][at.column] = number((*slot.b)[reg], half);
      }
    }
    for (int reg = 0; reg < 4; ++reg) {
      const simt::fragments::Element at = simt::fragments::c(lane, reg);
      d[at.row][at.column] = (*slot.d)[reg];
    }
  }
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k)
      for (int j = 0; j < 8; ++j) d[i][j] += a[i][k] * b[k][j];
  for (int lane = 0; lane < 32; ++lane)
    for (int reg = 0; reg < 4; ++reg) {
      const simt::fragments::Element at = simt::fragments::c(lane, reg);
      (*static_cast<const MmaSlot*>(slots[lane])->d)[reg] = d[at.row][at.column];
    }
}

}  // namespace emulated

inline void ldmatrix_x4(uint32_t (&r)[4], uint32_t row, simt::Where where = simt::Where::current()) { emulated::ldmatrix<4, false>(r, row, where); }
inline void ldmatrix_x4_transposed(uint32_t (&r)[4], uint32_t row, simt::Where where = simt::Where::current()) {
  emulated::ldmatrix<4, true>(r, row, where);
}
inline void ldmatrix_x2(uint32_t (&r)[2], uint32_t row, simt::Where where = simt::Where::current()) { emulated::ldmatrix<2, false>(r, row, where); }
inline void ldmatrix_x2_transposed(uint32_t (&r)[2], uint32_t row, simt::Where where = simt::Where::current()) {
  emulated::ldmatrix<2, true>(r, row, where);
}

inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], simt::Where where = simt::Where::current()) {
  emulated::MmaSlot slot{&d, &a, &b};
  simt::block->meet("mma", 0xffffffffu, &slot, emulated::mma_together, where);
}

inline uint32_t pack_bf16(float low, float high) {
  const auto bits = [](float x) -> uint32_t { return std::isnan(x) ? 0x7fffu : to_bf16(x).bits; };  // hardware has one NaN
  return bits(low) | bits(high) << 16;
}

inline float exp2_fast(float x) {
  const float y = exp2f(x);
  return y < 0x1p-126f ? 0.0f : y;  // .ftz
}

}  // namespace ace::cuda
