// The counters count exactly where one can count by hand.
#include "simt/counters.h"

#include "ops/cuda/numbers.cuh"
#include "simt/one_block.h"

using namespace simt::test;
using ace::bf16;
using ace::cuda::SharedMemory;
using ace::cuda::shared_bytes;
using simt::LaunchCounts;

namespace {

constexpr unsigned kThreads = 64;  // two warps

// Each thread reads the element `stride` times its number.
void strided_read(float* out, const float* in, int stride) {
  const int me = static_cast<int>(threadIdx.x);
  ace::cuda::store(out + me, ace::cuda::load(in + me * stride));
}

// Eight bf16 a thread, in vectors, and the same row by all of a block's warps.
void vector_read(float* out, const bf16* in) {
  float pack[8];
  ace::cuda::load_pack(pack, in + threadIdx.x % 32 * 8);
  ace::cuda::store(out + threadIdx.x, pack[0]);
}

// Writes words `stride` apart.
void shared_stride(int stride) {
  SharedMemory shared;
  const auto all = shared.take<float>(static_cast<int>(kThreads) * 32);
  all[static_cast<int>(threadIdx.x) * stride] = 1;
}

void shared_vectors(int pitch) {
  SharedMemory shared;
  const auto all = shared.take<float>(static_cast<int>(kThreads) * 32);
  all.store(static_cast<int>(threadIdx.x) * pitch, float4{1, 2, 3, 4});
}

// Rows of eight bf16 that lie `pitch` elements apart, as four 8x8 matrices; one product.
void matrices(float* out, int pitch) {
  SharedMemory shared;
  const auto all = shared.take<bf16>(32 * 64);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 32 * 64; i += 32) all[i] = bf16{0};
  __syncwarp();
  uint32_t a[4];
  ace::cuda::ldmatrix_x4(a, all.address(lane * pitch));
  const uint32_t b[2] = {a[0], a[1]};
  float d[4] = {};
  ace::cuda::mma_bf16(d, a, b);
  out[lane] = d[0];
}

template <class F>
LaunchCounts counts_of(F&& run) {
  const simt::Counting counting;
  run();
  CHECK_EQ(counting.launches().size(), 1u);
  return counting.launches().back().second;
}

}  // namespace

TEST("emulator: sectors of global memory are counted by warp instruction") {
  const DeviceNumbers<float> in(kThreads * 8), out(kThreads);
  // A warp's 32 floats lie in 4 sectors, every second one in 8, every eighth one in 32.
  for (const auto& [stride, sectors] : {std::pair{1, 4u}, {2, 8u}, {8, 32u}, {0, 1u}}) {
    CONTEXT("stride " << stride);
    const LaunchCounts counts = counts_of([&] { one_block(strided_read, kThreads, 0, out.data(), static_cast<const float*>(in.data()), stride); });
    CHECK_EQ(counts.read.instructions, 2u);
    CHECK_EQ(counts.read.sectors, 2u * sectors);
    CHECK_EQ(counts.read.useful, stride == 0 ? 8u : 2u * 32 * 4);
    CHECK_EQ(counts.read.call_sectors, stride == 0 ? 1u : 2u * sectors);
    CHECK_EQ(counts.written.sectors, 8u);
    CHECK_EQ(counts.written.useful, 64u * 4);
  }
}

TEST("emulator: what a block reads twice is one block's sector, and what two blocks read one of the call") {
  const DeviceNumbers<bf16> in(32 * 8);
  const DeviceNumbers<float> out(kThreads);
  const LaunchCounts counts = counts_of([&] {
    ace::cuda::launch("under test", {}, ace::Stream{.device = ace::DeviceKind::cuda}, vector_read, 3, kThreads, 0, out.data(), static_cast<const bf16*>(in.data()));
  });
  CHECK_EQ(counts.blocks, 3u);
  CHECK_EQ(counts.read.instructions, 6u);
  CHECK_EQ(counts.read.sectors, 6u * 16);
  CHECK_EQ(counts.read.block_sectors, 3u * 16);
  CHECK_EQ(counts.read.call_sectors, 16u);
}

TEST("emulator: bank conflicts are counted by warp instruction") {
  const size_t bytes = shared_bytes<float>(kThreads * 32);
  for (const auto& [stride, passes] : {std::pair{1, 1u}, {2, 2u}, {3, 1u}, {4, 4u}, {32, 32u}}) {
    CONTEXT("stride " << stride);
    const LaunchCounts counts = counts_of([&] { one_block(shared_stride, kThreads, bytes, stride); });
    CHECK_EQ(counts.shared.instructions, 2u);
    CHECK_EQ(counts.shared.least, 2u);
    CHECK_EQ(counts.shared.passes, 2u * passes);
  }
  // Vectors of sixteen bytes go by eight lanes: four passes where they lie side by side or five apart, eight where every
  // second one meets it.
  for (const auto& [pitch, passes] : {std::pair{4, 4u}, {8, 8u}, {20, 4u}, {32, 32u}}) {
    CONTEXT("pitch " << pitch);
    const LaunchCounts counts = counts_of([&] { one_block(shared_vectors, kThreads, bytes, pitch); });
    CHECK_EQ(counts.shared.least, 2u * 4);
    CHECK_EQ(counts.shared.passes, 2u * passes);
  }
}

TEST("emulator: conflicts of ldmatrix and products are counted") {
  const DeviceNumbers<float> out(32);
  for (const auto& [pitch, passes] : {std::pair{8, 4u}, {16, 8u}, {24, 4u}, {64, 32u}}) {
    CONTEXT("pitch " << pitch);
    const LaunchCounts counts = counts_of([&] { one_block(matrices, 32, shared_bytes<bf16>(32 * 64), out.data(), pitch); });
    CHECK_EQ(counts.mma, 1u);
    CHECK_EQ(counts.shared.instructions, 64u + 1);  // the stores of zeros, two elements of a word by two lanes
    CHECK_EQ(counts.shared.passes - 64, passes);
    CHECK_EQ(counts.shared.least, 64u + 4);
  }
}

TEST("emulator: nothing is counted where nobody counts") {
  CHECK(simt::counting == nullptr);
  const simt::Counting counting;
  CHECK_THROWS(simt::Counting(), "counted already");
}
