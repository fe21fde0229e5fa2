// The emulator's twins of the functions of ops/cuda/hopper/wgmma.cuh.
#pragma once
#include "simt/warpgroup.h"

namespace ace::cuda {

inline void fence_async() { simt::block->shared.fence(); }
inline void wgmma_fence() { simt::fence_registers(); }
inline void wgmma_commit() { simt::commit_products(); }
template <int N>
inline void wgmma_wait() {
  simt::wait_for_products(N);
}
template <class Registers>
inline void settle(Registers&) {}

template <bool kAdd, int kBlocks>
void wgmma_rows(float (&d)[kBlocks][4], uint64_t a, uint64_t b, simt::Where where = simt::Where::current()) {
  simt::ask_for_product({a, b, nullptr, d[0], kBlocks * 8, kAdd, simt::Factor::Order::along_k}, where);
}
template <bool kAdd, int kBlocks>
void wgmma_rows(float (&d)[kBlocks][4], const uint32_t (&a)[4], uint64_t b, simt::Where where = simt::Where::current()) {
  simt::ask_for_product({0, b, a, d[0], kBlocks * 8, kAdd, simt::Factor::Order::along_k}, where);
}
template <int kBlocks>
void wgmma_columns(float (&d)[kBlocks][4], const uint32_t (&a)[4], uint64_t b, simt::Where where = simt::Where::current()) {
  simt::ask_for_product({0, b, a, d[0], kBlocks * 8, true, simt::Factor::Order::along_rows}, where);
}

}  // namespace ace::cuda
