#include "ops/cuda/hopper/launch.h"
#include "ops/cuda/hopper/wgmma.cuh"
#include "ops/cuda/smem.cuh"

#include "fragments/kernels.h"
#include "fragments/numbers.h"

namespace ace::test {

namespace {

using cuda::SharedMemory;

constexpr int kThreads = 128;

template <Wgmma kForm, bool kAdd, int kBlocks = columns_of(kForm) / 8>
__global__ void wgmma_kernel(float* out, const float* c, const uint32_t* a, const uint16_t* memory, int count, WgmmaFactors factors) {
  SharedMemory shared;
  const auto all = shared.take<uint16_t>(count);
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < count; i += kThreads) all[i] = memory[i];
  cuda::fence_async();
  __syncthreads();
  float d[kBlocks][4];
  uint32_t left[1][4];
  for (int n = 0; n < kBlocks; ++n)
    for (int i = 0; i < 4; ++i) d[n][i] = c[(thread * kBlocks + n) * 4 + i];
  for (int i = 0; i < 4; ++i) left[0][i] = a[thread * 4 + i];
  const uint64_t left_factor = cuda::wgmma_factor(all.address(0) + factors.a, factors.a_panel);
  const uint64_t right_factor = cuda::wgmma_factor(all.address(0) + factors.b, factors.b_panel);
  cuda::settle(d);
  cuda::settle(left);
  cuda::wgmma_fence();
  if constexpr (kForm == Wgmma::columns_128) cuda::wgmma_columns(d, left[0], right_factor);
  else if constexpr (kForm == Wgmma::rows_64_registers) cuda::wgmma_rows<kAdd>(d, left[0], right_factor);
  else cuda::wgmma_rows<kAdd>(d, left_factor, right_factor);
  cuda::wgmma_commit();
  cuda::wgmma_wait<0>();
  cuda::settle(d);
  for (int n = 0; n < kBlocks; ++n)
    for (int i = 0; i < 4; ++i) out[(thread * kBlocks + n) * 4 + i] = d[n][i];
}

template <Wgmma kForm>
auto* kernel_of(bool add) {
  if constexpr (kForm == Wgmma::columns_128) return wgmma_kernel<kForm, true>;
  else return add ? wgmma_kernel<kForm, true> : wgmma_kernel<kForm, false>;
}

}  // namespace

std::vector<float> run_wgmma(Wgmma form, bool add, const std::vector<float>& c, const std::vector<uint32_t>& a,
                             const std::vector<uint16_t>& memory, const WgmmaFactors& factors) {
  const Numbers<float> sum(c), out(c.size());
  const Numbers<uint32_t> left(a);
  const Numbers<uint16_t> in(memory);
  auto* const kernel = form == Wgmma::rows_64    ? kernel_of<Wgmma::rows_64>(add)
                       : form == Wgmma::rows_112 ? kernel_of<Wgmma::rows_112>(add)
                       : form == Wgmma::columns_128 ? kernel_of<Wgmma::columns_128>(add)
                                                    : kernel_of<Wgmma::rows_64_registers>(add);
  cuda::launch_hopper("wgmma", Shape{}, device(), kernel, 1, kThreads, cuda::shared_bytes<uint16_t>(memory.size()), out.data(), sum.data(),
                      left.data(), in.data(), static_cast<int>(memory.size()), factors);
  return out.read();
}

}  // namespace ace::test
