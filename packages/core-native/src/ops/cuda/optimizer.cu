#include "optim/adamw.h"

#include <cmath>

#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"

// The optimiser on flat buffers. All that changes between steps is read from the state in device memory, so a captured
// graph replays these launches unchanged.
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

// What an update needs of the state, formed in double once a block.
enum Factor { kScale, kDecay, kBeta1, kRest1, kBeta2, kRest2, kEpsilon, kStepSize, kRoot, kFactors };

__device__ void write_factors(cuda::Smem<float> f, const OptimizerState& s) {
  const double step = s.updates + 1;
  // torch clips by max_norm / (norm + 1e-6), capped at 1.
  const double clip = s.max_grad_norm > 0 ? fmin(1.0, s.max_grad_norm / (s.grad_norm + 1e-6)) : 1.0;
  f[kScale] = static_cast<float>(clip);
  f[kDecay] = static_cast<float>(1 - s.learning_rate * s.weight_decay);
  f[kBeta1] = static_cast<float>(s.beta1);
  f[kRest1] = static_cast<float>(1 - s.beta1);
  f[kBeta2] = static_cast<float>(s.beta2);
  f[kRest2] = static_cast<float>(1 - s.beta2);
  f[kEpsilon] = static_cast<float>(s.epsilon);
  f[kStepSize] = static_cast<float>(s.learning_rate / (1 - pow(s.beta1, step)));
  f[kRoot] = static_cast<float>(sqrt(1 - pow(s.beta2, step)));
}

__global__ void adamw_kernel(float* params, float* exp_avg, float* exp_avg_sq, const float* grads, const OptimizerState* state,
                             bf16* shadow, int64_t n, bool vector) {
  if (state->skipped != 0) return;
  cuda::SharedMemory shared;
  const auto f = shared.take<float>(kFactors);
  if (threadIdx.x == 0) write_factors(f, *state);
  __syncthreads();
  const float scale = f[kScale], decay = f[kDecay], beta1 = f[kBeta1], rest1 = f[kRest1], beta2 = f[kBeta2], rest2 = f[kRest2];
  const float epsilon = f[kEpsilon], step_size = f[kStepSize], root = f[kRoot];
  for_eights(n, [&](int64_t i) {
    const int64_t count = n - i;
    float w[cuda::kEight], m[cuda::kEight], v[cuda::kEight], g[cuda::kEight];
    cuda::load_eight(w, params + i, count, vector);
    cuda::load_eight(m, exp_avg + i, count, vector);
    cuda::load_eight(v, exp_avg_sq + i, count, vector);
    cuda::load_eight(g, grads + i, count, vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {
      const float gradient = g[j] * scale;
      m[j] = beta1 * m[j] + rest1 * gradient;
      v[j] = beta2 * v[j] + rest2 * gradient * gradient;
      w[j] = w[j] * decay - step_size * m[j] / (sqrtf(v[j]) / root + epsilon);
    }
    cuda::store_eight(params + i, w, count, vector);
    cuda::store_eight(exp_avg + i, m, count, vector);
    cuda::store_eight(exp_avg_sq + i, v, count, vector);
    if (shadow != nullptr) cuda::store_eight(shadow + i, w, count, vector);
  });
}

// A launch of its own: every block of the update has read the old count by then.
__global__ void count_update_kernel(OptimizerState* state) {
  if (state->skipped == 0) state->updates += 1;
}

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

}  // namespace

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

void cuda::adamw(Stream& stream, Tensor params, Tensor exp_avg, Tensor exp_avg_sq, Tensor grads, Tensor state, Tensor shadow) {
  const int64_t n = params.elements();
  if (n > 0)
    launch("adamw", params.shape, stream, adamw_kernel, walkers(n), kThreads, shared_bytes<float>(kFactors), params.as<float>(),
           exp_avg.as<float>(), exp_avg_sq.as<float>(), grads.as<float>(), state.as<OptimizerState>(), shadow.as<bf16>(), n,
           aligned_flat(params, exp_avg, exp_avg_sq, grads, shadow));
  launch("adamw", params.shape, stream, count_update_kernel, 1, 1, 0, state.as<OptimizerState>());
}

void cuda::shadow(Stream& stream, Tensor to, Tensor from) {
  const int64_t n = from.elements();
  if (n == 0) return;
  launch("shadow", from.shape, stream, shadow_kernel, walkers(n), kThreads, 0, to.as<bf16>(), from.as<float>(), n, aligned_flat(to, from));
}

}  // namespace ace
