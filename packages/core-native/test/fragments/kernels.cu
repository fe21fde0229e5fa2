#include "fragments/kernels.h"

#include "fragments/numbers.h"
#include "ops/cuda/ptx.cuh"
#include "ops/cuda/smem.cuh"

namespace ace::test {

namespace {

using cuda::SharedMemory;
constexpr unsigned kAll = 0xffffffffu;

__global__ void ldmatrix_kernel(uint32_t* out, const uint16_t* in, Ldmatrix which) {
  SharedMemory shared;
  const auto tile = shared.take<uint16_t>(256);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += kLanes) tile[i] = in[i];
  __syncwarp();
  uint32_t four[4] = {}, two[2] = {};
  const uint32_t row = tile.address(lane * 8);
  if (which == Ldmatrix::x4) cuda::ldmatrix_x4(four, row);
  if (which == Ldmatrix::x4_transposed) cuda::ldmatrix_x4_transposed(four, row);
  if (which == Ldmatrix::x2) cuda::ldmatrix_x2(two, row);
  if (which == Ldmatrix::x2_transposed) cuda::ldmatrix_x2_transposed(two, row);
  for (int i = 0; i < 4; ++i) out[lane * 4 + i] = four[i] | (i < 2 ? two[i] : 0);
}

__global__ void mma_kernel(float* out, const float* c, const uint32_t* a, const uint32_t* b) {
  const int lane = static_cast<int>(threadIdx.x);
  float d[4];
  uint32_t left[4], right[2];
  for (int i = 0; i < 4; ++i) d[i] = c[lane * 4 + i], left[i] = a[lane * 4 + i];
  for (int i = 0; i < 2; ++i) right[i] = b[lane * 2 + i];
  cuda::mma_bf16(d, left, right);
  for (int i = 0; i < 4; ++i) out[lane * 4 + i] = d[i];
}

__global__ void async_copy_kernel(uint32_t* out, const uint32_t* from) {
  SharedMemory shared;
  const auto all = shared.take<uint32_t>(kLanes * 4);
  const int lane = static_cast<int>(threadIdx.x);
  if (lane < 16) cuda::cp_async16(all.address(lane * 4), from + lane * 4, lane % 2 == 0);
  cuda::cp_async_commit();
  if (lane >= 16) cuda::cp_async16(all.address(lane * 4), from + lane * 4, lane % 2 == 0);
  cuda::cp_async_commit();
  cuda::cp_async_wait<1>();
  __syncwarp();
  if (lane < 16)
    for (int i = 0; i < 4; ++i) out[(15 - lane) * 4 + i] = all[(15 - lane) * 4 + i];
  cuda::cp_async_wait<0>();
  __syncwarp();
  if (lane < 16)
    for (int i = 0; i < 4; ++i) out[(31 - lane) * 4 + i] = all[(31 - lane) * 4 + i];
}

__global__ void shuffle_kernel(int64_t* out) {
  const int lane = static_cast<int>(threadIdx.x), value = 1000 + lane;
  int64_t* mine = out + lane * kShuffles;
  mine[0] = __shfl_sync(kAll, value, 7);
  mine[1] = __shfl_sync(kAll, value, 5, 4);
  mine[2] = __shfl_xor_sync(kAll, value, 9);
  mine[3] = __shfl_xor_sync(kAll, value, 12, 8);
  mine[4] = __shfl_up_sync(kAll, value, 3, 16);
  mine[5] = __shfl_down_sync(kAll, value, 5, 8);
  mine[6] = __shfl_xor_sync(kAll, static_cast<long long>(value) << 32, 1) >> 32;
  mine[7] = __ballot_sync(kAll, lane % 5 == 2);
}

__global__ void pack_kernel(uint32_t* out, const float* pairs) { out[threadIdx.x] = cuda::pack_bf16(pairs[2 * threadIdx.x], pairs[2 * threadIdx.x + 1]); }
__global__ void exp2_kernel(float* out, const float* x) { out[threadIdx.x] = cuda::exp2_fast(x[threadIdx.x]); }

}  // namespace

std::vector<uint32_t> run_ldmatrix(Ldmatrix which, const std::vector<uint16_t>& memory) {
  const Numbers<uint16_t> in(memory);
  const Numbers<uint32_t> out(kLanes * 4);
  cuda::launch("ldmatrix", {}, device(), ldmatrix_kernel, 1, kLanes, cuda::shared_bytes<uint16_t>(256), out.data(), in.data(), which);
  return out.read();
}

std::vector<float> run_mma(const std::vector<float>& c, const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  const Numbers<float> sum(c), out(kLanes * 4);
  const Numbers<uint32_t> left(a), right(b);
  cuda::launch("mma", {}, device(), mma_kernel, 1, kLanes, 0, out.data(), sum.data(), left.data(), right.data());
  return out.read();
}

std::vector<uint32_t> run_async_copy(const std::vector<uint32_t>& from) {
  const Numbers<uint32_t> in(from), out(kLanes * 4);
  cuda::launch("cp.async", {}, device(), async_copy_kernel, 1, kLanes, cuda::shared_bytes<uint32_t>(kLanes * 4), out.data(), in.data());
  return out.read();
}

std::vector<int64_t> run_shuffles() {
  const Numbers<int64_t> out(kLanes * kShuffles);
  cuda::launch("shuffles", {}, device(), shuffle_kernel, 1, kLanes, 0, out.data());
  return out.read();
}

std::vector<uint32_t> run_pack(const std::vector<float>& pairs) {
  const Numbers<float> in(pairs);
  const Numbers<uint32_t> out(pairs.size() / 2);
  cuda::launch("pack_bf16", {}, device(), pack_kernel, 1, static_cast<unsigned>(pairs.size() / 2), 0, out.data(), in.data());
  return out.read();
}

std::vector<float> run_exp2(const std::vector<float>& x) {
  const Numbers<float> in(x), out(x.size());
  cuda::launch("exp2_fast", {}, device(), exp2_kernel, 1, static_cast<unsigned>(x.size()), 0, out.data(), in.data());
  return out.read();
}

}  // namespace ace::test
