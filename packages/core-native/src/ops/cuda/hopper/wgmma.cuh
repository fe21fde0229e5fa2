// The matrix products of a warpgroup, four warps of 32: only compute capability 9.0 has them, and every file that includes this
// is compiled for it alone (CMakeLists.txt). One factor or both are read from shared memory by the tensor cores themselves,
// once for all four warps. The emulator's twin: test/simt/wgmma.h.
//
// Products are asynchronous. In order: fence_async() by whoever wrote a factor, then a barrier; wgmma_fence(); products;
// wgmma_commit(); wgmma_wait<N>() before a result is used or a factor's memory written. settle() keeps the compiler from moving
// uses of a result across these lines: to it, a product is done where it stands.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace ace::cuda {

// A factor in shared memory, as the tensor cores want it told. Rows of 64 bf16 (128 bytes) lie behind each other, the eight
// chunks of 16 bytes of a row permuted by its number ("128-byte swizzle"), eight rows a pattern that starts at a multiple of
// 1024 bytes. `panel`: bytes from 64 columns to the next 64 of the same rows, where a product reads more than 64 of a row.
// Source: NVIDIA's PTX manual, "Matrix Descriptor Format" of wgmma.
__host__ __device__ constexpr uint64_t wgmma_factor(uint32_t shared, uint32_t panel) {
  constexpr uint64_t kSwizzle128 = uint64_t{1} << 62, kEightRows = uint64_t{1024 / 16} << 32;
  return kSwizzle128 | kEightRows | uint64_t{panel / 16} << 16 | (shared & 0x3ffff) / 16;
}
// The same, `bytes` further on.
__host__ __device__ constexpr uint64_t wgmma_factor_at(uint64_t factor, uint32_t bytes) { return factor + bytes / 16; }

}  // namespace ace::cuda

#if ACE_SIMT
#include "simt/wgmma.h"
#else
namespace ace::cuda {

// What this thread wrote to shared memory by ordinary means (cp.async too, once waited for) becomes visible to products.
__device__ inline void fence_async() { asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory"); }

// Registers written before are seen by the products after: before the first product, and wherever registers changed.
__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }
// Waits until at most N of the committed groups are under way.
template <int N>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(N) : "memory");
}

template <int kBlocks>
__device__ inline void settle(float (&d)[kBlocks][4]) {
#pragma unroll
  for (int n = 0; n < kBlocks; ++n) asm volatile("" : "+f"(d[n][0]), "+f"(d[n][1]), "+f"(d[n][2]), "+f"(d[n][3])::"memory");
}
template <int kBlocks>
__device__ inline void settle(uint32_t (&a)[kBlocks][4]) {
#pragma unroll
  for (int n = 0; n < kBlocks; ++n) asm volatile("" : "+r"(a[n][0]), "+r"(a[n][1]), "+r"(a[n][2]), "+r"(a[n][3])::"memory");
}

#define ACE_WORDS_32 \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
  "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define ACE_WORDS_56 \
  ACE_WORDS_32 \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43," \
  "%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55"
#define ACE_WORDS_64 ACE_WORDS_56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#define ACE_BLOCK(io, n) io(d[n][0]), io(d[n][1]), io(d[n][2]), io(d[n][3])
#define ACE_BLOCKS_4(io, n) ACE_BLOCK(io, n), ACE_BLOCK(io, n + 1), ACE_BLOCK(io, n + 2), ACE_BLOCK(io, n + 3)
#define ACE_BLOCKS_8(io) ACE_BLOCKS_4(io, 0), ACE_BLOCKS_4(io, 4)
#define ACE_BLOCKS_14(io) ACE_BLOCKS_8(io), ACE_BLOCKS_4(io, 8), ACE_BLOCK(io, 12), ACE_BLOCK(io, 13)
#define ACE_BLOCKS_16(io) ACE_BLOCKS_14(io), ACE_BLOCK(io, 14), ACE_BLOCK(io, 15)
// d is only written, or added to; and the instruction's predicate that says so.
#define ACE_SET "=f"
#define ACE_ADD "+f"
#define ACE_PRODUCT(columns, words, factors, adds, modes) \
  "{\n.reg .pred p;\nsetp.ne.b32 p, " adds ", 0;\nwgmma.mma_async.sync.aligned.m64n" columns "k16.f32.bf16.bf16 {" words "}, " factors ", p, 1, 1, " modes ";\n}\n"

// d [64, columns] = a [64, 16] b, or += where kAdd. Both factors lie in shared memory by rows of 16 numbers: row i of `a` makes
// row i of d, row j of `b` column j. d is as mma_bf16 has it: the warpgroup's warp w holds rows 16 w on, d[n] columns 8 n on.
template <bool kAdd>
__device__ inline void wgmma_rows(float (&d)[8][4], uint64_t a, uint64_t b) {
  if constexpr (kAdd) asm volatile(ACE_PRODUCT("64", ACE_WORDS_32, "%32, %33", "1", "0, 0") : ACE_BLOCKS_8(ACE_ADD) : "l"(a), "l"(b));
  else asm volatile(ACE_PRODUCT("64", ACE_WORDS_32, "%32, %33", "0", "0, 0") : ACE_BLOCKS_8(ACE_SET) : "l"(a), "l"(b));
}
template <bool kAdd>
__device__ inline void wgmma_rows(float (&d)[14][4], uint64_t a, uint64_t b) {
  if constexpr (kAdd) asm volatile(ACE_PRODUCT("112", ACE_WORDS_56, "%56, %57", "1", "0, 0") : ACE_BLOCKS_14(ACE_ADD) : "l"(a), "l"(b));
  else asm volatile(ACE_PRODUCT("112", ACE_WORDS_56, "%56, %57", "0", "0, 0") : ACE_BLOCKS_14(ACE_SET) : "l"(a), "l"(b));
}
// The same with `a` in registers, as mma_bf16 has it.
template <bool kAdd>
__device__ inline void wgmma_rows(float (&d)[8][4], const uint32_t (&a)[4], uint64_t b) {
#define ACE_FACTORS "{%32,%33,%34,%35}, %36"
  if constexpr (kAdd)
    asm volatile(ACE_PRODUCT("64", ACE_WORDS_32, ACE_FACTORS, "1", "0") : ACE_BLOCKS_8(ACE_ADD) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  else
    asm volatile(ACE_PRODUCT("64", ACE_WORDS_32, ACE_FACTORS, "0", "0") : ACE_BLOCKS_8(ACE_SET) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
#undef ACE_FACTORS
}
// d [64, 128] += a [64, 16] b [16, 128]: `b` by rows of 128 numbers (two panels); its row k is what column k of `a` multiplies.
__device__ inline void wgmma_columns(float (&d)[16][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(ACE_PRODUCT("128", ACE_WORDS_64, "{%64,%65,%66,%67}, %68", "1", "1")
               : ACE_BLOCKS_16(ACE_ADD)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

#undef ACE_PRODUCT
#undef ACE_ADD
#undef ACE_SET
#undef ACE_BLOCKS_16
#undef ACE_BLOCKS_14
#undef ACE_BLOCKS_8
#undef ACE_BLOCKS_4
#undef ACE_BLOCK
#undef ACE_WORDS_64
#undef ACE_WORDS_56
#undef ACE_WORDS_32

}  // namespace ace::cuda
#endif
