// Shared memory: right programs pass, and every kind of mistake that the emulator says it finds is found.
#include "simt/one_block.h"

using namespace simt::test;
using ace::cuda::SharedMemory;
using ace::cuda::shared_bytes;

namespace {

constexpr unsigned kThreads = 64;
constexpr size_t kBytes = shared_bytes<float>(kThreads);

enum class Order { none, warp, block };

void order_by(Order order) {
  if (order == Order::warp) __syncwarp();
  if (order == Order::block) __syncthreads();
}

// Each thread writes its element and reads the one `distance` further.
void read_of_another(float* out, Order order, int distance) {
  SharedMemory shared;
  const auto all = shared.take<float>(kThreads);
  const int me = static_cast<int>(threadIdx.x), other = (me + distance) % static_cast<int>(kThreads);
  all[me] = static_cast<float>(me);
  order_by(order);
  out[me] = all[other];
}

void read_of_the_one_before(float* out) {
  SharedMemory shared;
  const auto all = shared.take<float>(kThreads);
  const int me = static_cast<int>(threadIdx.x);
  all[me] = 1;
  if (me > 0) out[me] = all[me - 1];
}

// Each thread reads the element `distance` further, then writes its own again.
void write_after_read(float* out, Order order, int distance) {
  SharedMemory shared;
  const auto all = shared.take<float>(kThreads);
  const int me = static_cast<int>(threadIdx.x);
  all[me] = 1;
  __syncthreads();
  out[me] = all[(me + distance) % static_cast<int>(blockDim.x)];
  order_by(order);
  all[me] = 2;
}

void both_write(Order order) {
  SharedMemory shared;
  const auto one = shared.take<float>(kThreads);
  if (threadIdx.x == 0) one[7] = 1;
  order_by(order);
  if (threadIdx.x == 33) one[7] = 1;
}

void all_read(float* out) {
  SharedMemory shared;
  const auto one = shared.take<float>(kThreads);
  if (threadIdx.x == 0) one[0] = 5;
  __syncthreads();
  out[threadIdx.x] = one[0];
}

// bf16 neighbours in one word belong to two threads: no race.
void halves_of_a_word(float* out) {
  SharedMemory shared;
  const auto all = shared.take<ace::bf16>(kThreads);
  const int me = static_cast<int>(threadIdx.x);
  all[me] = ace::to_bf16(static_cast<float>(me));
  out[me] = ace::to_float(all[me]);
}

// Only lanes 8 to 15 are in order with one another.
void partial_warp(float* out, bool beyond) {
  SharedMemory shared;
  const auto all = shared.take<float>(kThreads);
  const int me = static_cast<int>(threadIdx.x);
  all[me] = static_cast<float>(me);
  if (me < 8 || me > 15) return;
  __syncwarp(0xff00u);
  out[me] = all[beyond ? me - 1 : me / 2 + 6];
}

void unwritten(float* out) {
  SharedMemory shared;
  const auto all = shared.take<float>(kThreads);
  if (threadIdx.x != 5) all[static_cast<int>(threadIdx.x)] = 1;
  __syncthreads();
  out[threadIdx.x] = all[static_cast<int>(threadIdx.x)];
}

void element(int64_t at) {
  SharedMemory shared;
  const auto first = shared.take<float>(8);
  const auto second = shared.take<float>(8);
  if (threadIdx.x == 0) first[at] = 1, second[0] = 1;
}

void vector_at(int64_t at) {
  SharedMemory shared;
  const auto all = shared.take<float>(8);
  all.store(at, float4{1, 2, 3, 4});
}

void takes_too_much() {
  SharedMemory shared;
  (void)shared.take<float>(9);
}

}  // namespace

TEST("SIMT: shared memory ordered by the right barrier passes") {
  const DeviceNumbers<float> out(kThreads);
  one_block(read_of_another, kThreads, kBytes, out.data(), Order::block, 37);
  for (size_t i = 0; i < kThreads; ++i) CHECK_EQ(out.read()[i], static_cast<float>((i + 37) % kThreads));
  one_block(read_of_another, 32, kBytes, out.data(), Order::none, 0);
  one_block(write_after_read, kThreads, kBytes, out.data(), Order::block, 40);
  one_block(both_write, kThreads, kBytes, Order::block);
  one_block(all_read, kThreads, kBytes, out.data());
  one_block(halves_of_a_word, kThreads, kBytes, out.data());
  one_block(partial_warp, 32, kBytes, out.data(), false);
  CHECK_EQ(out.read()[8], 10.0f);
}

TEST("SIMT: a race between two threads is found, whichever comes first") {
  const DeviceNumbers<float> out(kThreads);
  // The emulator runs thread 0 before thread 1; a GPU need not.
  CHECK_THROWS(one_block(read_of_the_one_before, kThreads, kBytes, out.data()), "thread (1, 0, 0): race: read of byte 0 of shared memory, written by thread 0");
  CHECK_THROWS(one_block(write_after_read, kThreads, kBytes, out.data(), Order::none, 1), "race: write of byte 0 of shared memory, read by a thread of another warp");
  CHECK_THROWS(one_block(write_after_read, kThreads, kBytes, out.data(), Order::none, 63), "race: read of byte 252 of shared memory, written by thread 63");
  CHECK_THROWS(one_block(write_after_read, 32, kBytes, out.data(), Order::none, 1), "race: write of byte 0 of shared memory, read by thread 31");
  CHECK_THROWS(one_block(both_write, kThreads, kBytes, Order::none), "race: write of byte 28 of shared memory, written by thread 0");
}

TEST("SIMT: __syncwarp orders the lanes of its mask and nobody else") {
  const DeviceNumbers<float> out(kThreads);
  CHECK_THROWS(one_block(both_write, kThreads, kBytes, Order::warp), "race: write of byte 28");
  CHECK_THROWS(one_block(write_after_read, kThreads, kBytes, out.data(), Order::warp, 32), "read by a thread of another warp");
  CHECK_THROWS(one_block(partial_warp, 32, kBytes, out.data(), true), "thread (8, 0, 0): race: read of byte 28 of shared memory, written by thread 7");
}

TEST("SIMT: a read of shared memory that nobody wrote is found, also where an earlier block wrote") {
  const DeviceNumbers<float> out(kThreads);
  one_block(all_read, kThreads, kBytes, out.data());
  one_block(read_of_another, kThreads, kBytes, out.data(), Order::block, 1);
  CHECK_THROWS(one_block(unwritten, kThreads, kBytes, out.data()), "thread (5, 0, 0): read of byte 20 of shared memory, which nobody has written");
}

TEST("SIMT: accesses outside a piece of shared memory, or not aligned, are found") {
  const size_t bytes = 2 * shared_bytes<float>(8);
  one_block(element, 32, bytes, int64_t{7});
  CHECK_THROWS(one_block(element, 32, bytes, int64_t{8}), "element 8 of a piece of shared memory of 8 elements");
  CHECK_THROWS(one_block(element, 32, bytes, int64_t{-1}), "element -1 of a piece");
  one_block(vector_at, 1, bytes, int64_t{4});
  CHECK_THROWS(one_block(vector_at, 1, bytes, int64_t{5}), "element 5 to 8 of a piece");
  CHECK_THROWS(one_block(vector_at, 1, bytes, int64_t{2}), "an access of 16 bytes to byte 8 of shared memory is not aligned");
  CHECK_THROWS(one_block(takes_too_much, 1, shared_bytes<float>(8)), "takes 48 bytes of shared memory; the launch gave 32");
}

TEST("SIMT: a block gets the shared memory that every served architecture has, and no more") {
  constexpr size_t kMost = 99 * 1024;
  one_block(both_write, kThreads, kMost, Order::block);
  CHECK_THROWS(one_block(both_write, kThreads, kMost + 1, Order::block), "cudaErrorInvalidConfiguration");
}
