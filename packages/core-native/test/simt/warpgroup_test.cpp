// Products of a warpgroup: each forgotten fence, wait or barrier is found, and so is a description that says something else.
// What they compute is held to the table by fragments_test.cpp.
#include <cmath>

#include "ops/cuda/hopper/wgmma.cuh"
#include "simt/one_block.h"

using namespace simt::test;
using ace::cuda::SharedMemory;
using ace::cuda::shared_bytes;

namespace {

// A left factor of 64 rows and a right one of 64, each one panel.
constexpr int kPanel = 64 * 64, kElements = 2 * kPanel, kThreads = 128;
constexpr size_t kBytes = shared_bytes<uint16_t>(kElements);

enum class Mistake {
  none, no_fence, fence_behind_barrier, no_barrier, no_wgmma_fence, no_commit, no_wait, wait_too_few, read_early, write_early, write_behind_wait,
  another_product, ends_early, other_order,
};

__global__ void multiply(float* out, Mistake mistake) {
  SharedMemory shared;
  const auto all = shared.take<uint16_t>(kElements);
  const int thread = static_cast<int>(threadIdx.x);
  const auto is = [&](Mistake m) { return mistake == m; };
  for (int i = thread; i < kElements; i += kThreads) all[i] = 0x3f80;  // 1 in bf16
  if (!is(Mistake::no_fence) && !is(Mistake::fence_behind_barrier)) ace::cuda::fence_async();
  if (!is(Mistake::no_barrier)) __syncthreads();
  if (is(Mistake::fence_behind_barrier)) ace::cuda::fence_async();
  float d[8][4];
  const uint64_t a = ace::cuda::wgmma_factor(all.address(0), 0), b = ace::cuda::wgmma_factor(all.address(kPanel), 0);
  if (!is(Mistake::no_wgmma_fence)) ace::cuda::wgmma_fence();
  const int twice = is(Mistake::another_product) && thread == 77 ? 1 : 0;
  ace::cuda::wgmma_rows<false>(d, ace::cuda::wgmma_factor_at(a, 32 * static_cast<uint32_t>(twice)), b);
  ace::cuda::wgmma_commit();
  if (is(Mistake::ends_early) && thread == 5) return;
  if (is(Mistake::other_order) && thread >= 64) ace::cuda::wgmma_rows<true>(d, b, a);
  else ace::cuda::wgmma_rows<true>(d, ace::cuda::wgmma_factor_at(a, 32), ace::cuda::wgmma_factor_at(b, 32));
  if (!is(Mistake::no_commit)) ace::cuda::wgmma_commit();
  if (is(Mistake::write_early)) all[thread] = 0;
  if (is(Mistake::wait_too_few)) ace::cuda::wgmma_wait<1>();
  else if (!is(Mistake::no_wait) && !is(Mistake::read_early)) ace::cuda::wgmma_wait<0>();
  out[thread] = d[3][1];
  if (is(Mistake::read_early)) ace::cuda::wgmma_wait<0>();
  if (is(Mistake::write_behind_wait) && thread == 126) all[0] = 0;  // all others have waited, which it cannot know
}

__global__ void describe(uint64_t change) {
  SharedMemory shared;
  const auto all = shared.take<uint16_t>(kElements);
  for (int i = static_cast<int>(threadIdx.x); i < kElements; i += kThreads) all[i] = 0;
  ace::cuda::fence_async();
  __syncthreads();
  float d[8][4];
  const uint64_t a = ace::cuda::wgmma_factor(all.address(0), 0);
  ace::cuda::wgmma_fence();
  ace::cuda::wgmma_rows<false>(d, a, a ^ change);
  ace::cuda::wgmma_commit();
  ace::cuda::wgmma_wait<0>();
}

}  // namespace

TEST("SIMT: a product of a warpgroup that is fenced, committed and waited for is there") {
  const DeviceNumbers<float> out(kThreads);
  one_block(multiply, kThreads, kBytes, out.data(), Mistake::none);
  for (const float x : out.read()) CHECK_EQ(x, 32.0f);
}

TEST("SIMT: a forgotten fence, barrier or wait of a product of a warpgroup is found") {
  const DeviceNumbers<float> out(kThreads);
  const auto run = [&](Mistake mistake, unsigned threads = kThreads) { one_block(multiply, threads, kBytes, out.data(), mistake); };
  CHECK_THROWS(run(Mistake::no_fence), "with no fence_async() between that and the barrier");
  CHECK_THROWS(run(Mistake::fence_behind_barrier), "with no fence_async() between that and the barrier");
  CHECK_THROWS(run(Mistake::no_barrier), "race: read by a product of a warpgroup of byte");
  CHECK_THROWS(run(Mistake::no_wgmma_fence), "without wgmma_fence()");
  for (const Mistake mistake : {Mistake::no_commit, Mistake::no_wait, Mistake::wait_too_few})
    CHECK_THROWS(run(mistake), "ends while a product of its warpgroup is not waited for");
  CHECK_THROWS(run(Mistake::write_early), "while a product of a warpgroup reads it");
  CHECK_THROWS(run(Mistake::write_behind_wait), "read by a thread of another warp with no barrier between");
  CHECK_THROWS(run(Mistake::another_product), "thread 77 of it asks for another than thread 0");
  CHECK_THROWS(run(Mistake::other_order), "while other threads of the warpgroup ask for one at");
  CHECK_THROWS(run(Mistake::ends_early), "ends while a product of its warpgroup is not waited for");
  CHECK_THROWS(run(Mistake::none, 96), "needs four whole warps");
  run(Mistake::read_early);
  for (const float x : out.read()) CHECK(std::isnan(x));
}

TEST("SIMT: a factor in shared memory is refused where its description is not what is emulated") {
  const auto run = [&](uint64_t change) { one_block(describe, kThreads, kBytes, change); };
  run(0);
  CHECK_THROWS(run(uint64_t{3} << 62), "its swizzle is not that of 128 bytes");
  CHECK_THROWS(run(uint64_t{1} << 49), "a base offset is not emulated");
  CHECK_THROWS(run(128 / 16), "does not begin in the first row of a pattern");
  CHECK_THROWS(run(112 / 16), "leave the row of 128 bytes");
  CHECK_THROWS(run(kBytes / 16), "of shared memory, which has 16384 bytes");
}
