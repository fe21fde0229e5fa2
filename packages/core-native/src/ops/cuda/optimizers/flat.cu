#include <cmath>

#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"
#include "ops/optimizer/average.h"

// What every optimiser needs: the gradients' norm, the count, the shadow. All that changes between steps is read from the
// state in device memory, so that the launches are the same in every step.
namespace ace {

namespace {

// How many blocks walk over a flat buffer: eight for each multiprocessor of a large device.
constexpr int64_t kWalkers = 1024;

unsigned walkers(int64_t n) {
  const int64_t wanted = (n + cuda::kThreads * cuda::kEight - 1) / (cuda::kThreads * cuda::kEight);
  return static_cast<unsigned>(wanted < kWalkers ? wanted : kWalkers);
}

// Calls body(i) for every eighth element i of [0, n), spread over the grid.
template <class F>
__device__ void for_eights(int64_t n, F&& body) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x * cuda::kEight;
  for (int64_t i = cuda::first_of_eight(); i < n; i += stride) body(i);
}

// Squares in double: a finite gradient of 1e30 must not look infinite.
__global__ void square_partial_kernel(double* partial, const float* grads, int64_t n, bool vector) {
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  double sum = 0;
  for_eights(n, [&](int64_t i) {
    float g[cuda::kEight];
    cuda::load_eight(g, grads + i, n - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) sum += static_cast<double>(g[j]) * static_cast<double>(g[j]);
  });
  const double total = cuda::block_sum(sum, sums);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

__global__ void grad_norm_kernel(OptimizerState* state, const double* partial, int64_t parts) {
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  double sum = 0;
  for (int64_t part = threadIdx.x; part < parts; part += cuda::kThreads) sum += partial[part];
  const double norm = sqrt(cuda::block_sum(sum, sums));
  if (threadIdx.x != 0) return;
  state->grad_norm = norm;
  state->skipped = std::isfinite(norm) && state->loss_finite != 0 ? 0 : 1;
}

// A block a span: there are hundreds of them, and they are asked for once in many steps.
__global__ void span_squares_kernel(double* squares, const float* grads, const OptimizerSpan* spans) {
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  const OptimizerSpan span = spans[blockIdx.x];
  const int64_t count = span.count();
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += cuda::kThreads) {
    const double g = static_cast<double>(grads[span.begin + i]);
    sum += g * g;
  }
  const double total = cuda::block_sum(sum, sums);
  if (threadIdx.x == 0) squares[blockIdx.x] = total;
}

__global__ void count_update_kernel(OptimizerState* state) { advance(*state); }

__global__ void check_loss_kernel(OptimizerState* state, const double* loss, int64_t batch) {
  for (int64_t b = 0; b < batch; ++b)
    if (!std::isfinite(loss[b])) state->loss_finite = 0;
}

__global__ void shadow_kernel(bf16* to, const float* from, int64_t n, bool vector) {
  for_eights(n, [&](int64_t i) {
    float x[cuda::kEight];
    cuda::load_eight(x, from + i, n - i, vector);
    cuda::store_eight(to + i, x, n - i, vector);
  });
}

// `average` null: they only change places.
__global__ void exchange_kernel(float* params, float* other, const OptimizerState* average, double decay, bf16* shadow, int64_t n, bool vector) {
  AverageRule<float> rule{0.0f, true};
  if (average != nullptr) rule = AverageRule<float>::of(*average, decay);
  for_eights(n, [&](int64_t i) {
    float w[cuda::kEight], kept[cuda::kEight];
    cuda::load_eight(w, params + i, n - i, vector);
    cuda::load_eight(kept, other + i, n - i, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) rule.apply(w[j], kept[j]);
    cuda::store_eight(params + i, w, n - i, vector);
    cuda::store_eight(other + i, kept, n - i, vector);
    if (shadow != nullptr) cuda::store_eight(shadow + i, w, n - i, vector);
  });
}

void launch_exchange(const char* op, const Stream& stream, const Tensor& params, const Tensor& other, const OptimizerState* average, double decay,
                     const Tensor& shadow) {
  const int64_t n = params.elements();
  if (n == 0) return;
  cuda::launch(op, params.shape, stream, exchange_kernel, walkers(n), cuda::kThreads, 0, params.as<float>(), other.as<float>(), average, decay,
               shadow.as<bf16>(), n, cuda::aligned_flat(params, other, shadow));
}

}  // namespace

void cuda::exchange(Stream& stream, Tensor params, Tensor other, Tensor shadow) {
  launch_exchange("exchange", stream, params, other, nullptr, 0, shadow);
}

void cuda::average(Stream& stream, Tensor params, Tensor other, Tensor state, Tensor shadow, double decay) {
  launch_exchange("average", stream, params, other, state.as<OptimizerState>(), decay, shadow);
}

void cuda::check_loss(Stream& stream, Tensor state, Tensor loss) {
  launch("check_loss", loss.shape, stream, check_loss_kernel, 1, 1, 0, state.as<OptimizerState>(), loss.as<double>(), loss.elements());
}

void cuda::grad_norm(Stream& stream, Tensor state, Tensor grads, Tensor scratch) {
  const size_t shared = shared_bytes<double>(kThreads / kWarpSize);
  const int64_t n = grads.elements();
  const unsigned parts = walkers(n);
  static_assert(kWalkers <= kNormParts, "grad_norm has more partial sums than its scratch");
  if (parts > 0)
    launch("grad_norm", grads.shape, stream, square_partial_kernel, parts, kThreads, shared, scratch.as<double>(), grads.as<float>(), n,
           aligned_flat(grads));
  launch("grad_norm", grads.shape, stream, grad_norm_kernel, 1, kThreads, shared, state.as<OptimizerState>(), scratch.as<double>(),
         static_cast<int64_t>(parts));
}

void cuda::span_squares(Stream& stream, Tensor squares, Tensor grads, Tensor spans) {
  launch("span_squares", grads.shape, stream, span_squares_kernel, static_cast<unsigned>(spans.shape[0]), kThreads,
         shared_bytes<double>(kThreads / kWarpSize), squares.as<double>(), grads.as<float>(), spans.as<OptimizerSpan>());
}

void cuda::count_update(Stream& stream, Tensor state) {
  launch("count_update", state.shape, stream, count_update_kernel, 1, 1, 0, state.as<OptimizerState>());
}

void cuda::shadow(Stream& stream, Tensor to, Tensor from) {
  const int64_t n = from.elements();
  if (n == 0) return;
  launch("shadow", from.shape, stream, shadow_kernel, walkers(n), kThreads, 0, to.as<bf16>(), from.as<float>(), n, aligned_flat(to, from));
}

}  // namespace ace
