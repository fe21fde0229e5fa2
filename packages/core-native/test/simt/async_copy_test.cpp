// cp.async arrives when it is waited for and not before, and each forgotten wait or barrier is found.
#include "simt/one_block.h"

using namespace simt::test;
using ace::cuda::SharedMemory;
using ace::cuda::shared_bytes;

namespace {

constexpr int kThreads = 32, kFloats = kThreads * 4;
constexpr size_t kBytes = shared_bytes<float>(kFloats);

enum class Mistake { none, no_commit, no_wait, wait_too_few, no_barrier };

// Each thread fetches four floats; afterwards it reads those of its neighbour.
void fetch(float* out, const float* in, Mistake mistake) {
  SharedMemory shared;
  const auto all = shared.take<float>(kFloats);
  const int me = static_cast<int>(threadIdx.x), other = (me + 1) % kThreads;
  ace::cuda::cp_async16(all.address(me * 4), in + me * 4, me != 3);
  if (mistake != Mistake::no_commit) ace::cuda::cp_async_commit();
  if (mistake == Mistake::wait_too_few) ace::cuda::cp_async_wait<1>();
  else if (mistake != Mistake::no_wait) ace::cuda::cp_async_wait<0>();
  if (mistake != Mistake::no_barrier) __syncthreads();
  out[me] = all[other * 4 + 1];
}

// Two stages: while the second is under way the first may be read, and the other way round.
void two_stages(float* out, const float* in) {
  SharedMemory shared;
  const auto all = shared.take<float>(8);
  ace::cuda::cp_async16(all.address(0), in);
  ace::cuda::cp_async_commit();
  ace::cuda::cp_async16(all.address(4), in + 4);
  ace::cuda::cp_async_commit();
  ace::cuda::cp_async_wait<1>();
  out[0] = all[3];
  ace::cuda::cp_async_wait<0>();
  out[1] = all[7];
}

void overwrite_in_flight(const float* in) {
  SharedMemory shared;
  const auto all = shared.take<float>(4);
  ace::cuda::cp_async16(all.address(0), in);
  all[2] = 1;
}

// The buffer is fetched into again while another thread may still read it.
void refill_without_barrier(float* out, const float* in) {
  SharedMemory shared;
  const auto all = shared.take<float>(4);
  if (threadIdx.x == 0) {
    ace::cuda::cp_async16(all.address(0), in);
    ace::cuda::cp_async_commit();
    ace::cuda::cp_async_wait<0>();
  }
  __syncthreads();
  out[threadIdx.x] = all[0];
  if (threadIdx.x == 40) ace::cuda::cp_async16(all.address(0), in);
}

void misaligned(const float* in, int global, int to) {
  SharedMemory shared;
  const auto all = shared.take<float>(8);
  ace::cuda::cp_async16(all.address(to), in + global);
}

std::vector<float> numbers(int count) {
  std::vector<float> out;
  for (int i = 0; i < count; ++i) out.push_back(static_cast<float>(i));
  return out;
}

}  // namespace

TEST("SIMT: an asynchronous copy that is committed, waited for and shared arrives, zeros where it is not valid") {
  const DeviceNumbers<float> out(kThreads), in(numbers(kFloats));
  one_block(fetch, kThreads, kBytes, out.data(), in.data(), Mistake::none);
  for (size_t i = 0; i < kThreads; ++i) {
    const size_t other = (i + 1) % kThreads;
    CHECK_EQ(out.read()[i], other == 3 ? 0.0f : static_cast<float>(other * 4 + 1));
  }
  const DeviceNumbers<float> two(2);
  one_block(two_stages, 1, kBytes, two.data(), in.data());
  CHECK_EQ(two.read()[0], 3.0f);
  CHECK_EQ(two.read()[1], 7.0f);
}

TEST("SIMT: a forgotten commit, wait or barrier of an asynchronous copy is found") {
  const DeviceNumbers<float> out(64), in(numbers(kFloats));
  for (const Mistake mistake : {Mistake::no_commit, Mistake::no_wait, Mistake::wait_too_few})
    CHECK_THROWS(one_block(fetch, kThreads, kBytes, out.data(), in.data(), mistake), "was not waited for");
  CHECK_THROWS(one_block(fetch, kThreads, kBytes, out.data(), in.data(), Mistake::no_barrier), "thread (0, 0, 0): read of byte 20 of shared memory, which nobody has written");
  CHECK_THROWS(one_block(overwrite_in_flight, 1, kBytes, in.data()), "write of byte 8 of shared memory while the cp.async of thread 0");
  CHECK_THROWS(one_block(refill_without_barrier, 64, kBytes, out.data(), in.data()), "race: write of byte 0 of shared memory, read by a thread of another warp");
}

TEST("SIMT: an asynchronous copy needs addresses aligned to 16 and room to land") {
  const DeviceNumbers<float> in(numbers(kFloats));
  CHECK_THROWS(one_block(misaligned, 1, kBytes, in.data(), 1, 0), "an address is not aligned to 16");
  CHECK_THROWS(one_block(misaligned, 1, kBytes, in.data(), 0, 1), "an address is not aligned to 16");
  CHECK_THROWS(one_block(misaligned, 1, shared_bytes<float>(8), in.data(), 0, 8), "cp.async of 16 bytes at byte 32 of shared memory, which has 32 bytes");
}
