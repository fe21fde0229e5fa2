// Barriers and warp operations: what they compute, and that every wait without end is told instead of waited for.
#include "simt/one_block.h"

using namespace simt::test;

namespace {

constexpr unsigned kAll = 0xffffffffu;

void sums_by_warp(int* out) {
  int value = static_cast<int>(threadIdx.x);
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(kAll, value, offset);
  out[threadIdx.x] = value;
}

void moves(int64_t* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const int64_t big = int64_t{lane} << 40;
  out[lane * 6 + 0] = __shfl_sync(kAll, big, 5) >> 40;
  out[lane * 6 + 1] = __shfl_sync(kAll, lane, 1, 8);
  out[lane * 6 + 2] = __shfl_up_sync(kAll, lane, 3, 16);
  out[lane * 6 + 3] = __shfl_down_sync(kAll, lane, 3);
  out[lane * 6 + 4] = static_cast<int64_t>(__ballot_sync(kAll, lane % 3 == 0));
  out[lane * 6 + 5] = __any_sync(kAll, lane == 7) * 2 + __all_sync(kAll, lane != 7);
}

// Half warps that go different ways may work together among themselves.
void halves(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  if (lane < 16) out[lane] = __shfl_sync(0x0000ffffu, lane, 3);
  else out[lane] = __shfl_sync(0xffff0000u, lane, 20);
}

void counts(int* out) { out[threadIdx.x] = __syncthreads_count(threadIdx.x % 5 == 0); }

void missed_barrier() {
  if (threadIdx.x != 3) __syncthreads();
}

void two_barriers() {
  if (threadIdx.x < 32) __syncthreads();
  else __syncthreads();
}

void missing_lane(int* out) {
  if (threadIdx.x != 9) out[threadIdx.x] = __shfl_xor_sync(kAll, 1, 1);
}

void lane_beyond_mask(int* out) { out[threadIdx.x] = threadIdx.x < 4 ? __shfl_sync(0xfu, 1, 4) : 0; }

void outside_own_mask(int* out) { out[threadIdx.x] = __shfl_sync(0xfu, 1, 0); }

void different_operations(int* out) {
  if (threadIdx.x == 0) out[0] = __any_sync(kAll, 1);
  else out[threadIdx.x] = __shfl_sync(kAll, 1, 0);
}

void barrier_against_shuffle(int* out) {
  if (threadIdx.x < 32) __syncthreads();
  else out[0] = __shfl_sync(kAll, 1, 0) + (threadIdx.x == 40 ? 0 : __shfl_sync(kAll, 1, 0));
}

void throws_in_one_thread(int* out) {
  ace::cuda::SharedMemory shared;
  const auto piece = shared.take<int>(4);
  if (threadIdx.x == 2) piece[4] = 1;
  __syncthreads();
  out[threadIdx.x] = 1;
}

}  // namespace

TEST("SIMT: shuffles, votes and barriers give what CUDA defines") {
  const DeviceNumbers<int> sums(96);
  one_block(sums_by_warp, 96, 0, sums.data());
  const auto got = sums.read();
  for (int i = 0; i < 96; ++i) CHECK_EQ(got[static_cast<size_t>(i)], 32 * (i / 32 * 32) + 496);

  const DeviceNumbers<int64_t> moved(32 * 6);
  one_block(moves, 32, 0, moved.data());
  const auto values = moved.read();
  for (int lane = 0; lane < 32; ++lane) {
    const int64_t* v = &values[static_cast<size_t>(lane) * 6];
    CHECK_EQ(v[0], 5);
    CHECK_EQ(v[1], lane / 8 * 8 + 1);
    CHECK_EQ(v[2], lane % 16 < 3 ? lane : lane - 3);
    CHECK_EQ(v[3], lane + 3 > 31 ? lane : lane + 3);
    CHECK_EQ(v[4], int64_t{0x49249249});
    CHECK_EQ(v[5], 2);
  }

  const DeviceNumbers<int> half(32), counted(70);
  one_block(halves, 32, 0, half.data());
  one_block(counts, 70, 0, counted.data());
  for (size_t i = 0; i < 32; ++i) CHECK_EQ(half.read()[i], i < 16 ? 3 : 20);
  CHECK_EQ(counted.read()[69], 14);
}

TEST("SIMT: a barrier that not all threads reach is an error that names kernel, thread and place") {
  CHECK_THROWS(one_block(missed_barrier, 64, 0), "under test []: block (0, 0, 0): thread (0, 0, 0) waits for ever in __syncthreads at barriers_test.cpp:");
  CHECK_THROWS(one_block(missed_barrier, 64, 0), "63 threads wait, 1 have ended");
  CHECK_THROWS(one_block(two_barriers, 64, 0), "thread (32, 0, 0): __syncthreads at barriers_test.cpp:");
}

TEST("SIMT: a shuffle with missing lanes is an error that names them") {
  const DeviceNumbers<int> out(64);
  CHECK_THROWS(one_block(missing_lane, 32, 0, out.data()), "waits for ever in __shfl_xor_sync at barriers_test.cpp:");
  CHECK_THROWS(one_block(missing_lane, 32, 0, out.data()), "for the lanes 0x00000200 of its warp");
  CHECK_THROWS(one_block(missing_lane, 24, 0, out.data()), "the mask 0xffffffff names lanes beyond the block's threads");
  CHECK_THROWS(one_block(lane_beyond_mask, 32, 0, out.data()), "reads lane 4, which is not in the mask");
  CHECK_THROWS(one_block(outside_own_mask, 32, 0, out.data()), "the lane is not in its own mask 0x0000000f");
  CHECK_THROWS(one_block(different_operations, 32, 0, out.data()), "while other lanes wait at __any_sync");
  CHECK_THROWS(one_block(barrier_against_shuffle, 64, 0, out.data()), "thread (32, 0, 0) waits in __shfl_sync");
}

TEST("SIMT: after an error the next launch starts afresh") {
  const DeviceNumbers<int> out(64);
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS(one_block(throws_in_one_thread, 64, ace::cuda::shared_bytes<int>(4), out.data()), "thread (2, 0, 0): element 4 of a piece");
    one_block(counts, 64, 0, out.data());
    CHECK_EQ(out.read()[63], 13);
  }
}

TEST("SIMT: a launch that no device could run is refused") {
  CHECK_THROWS(one_block(counts, 1025, 0, static_cast<int*>(nullptr)), "cudaErrorInvalidConfiguration");
  CHECK_THROWS(one_block(counts, 0, 0, static_cast<int*>(nullptr)), "cudaErrorInvalidConfiguration");
  CHECK_THROWS(one_block(counts, 32, 228 * 1024, static_cast<int*>(nullptr)), "cudaErrorInvalidConfiguration");
}
