#include "ops/cuda/optimizers/tiles.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

constexpr int kWarps = cuda::kThreads / cuda::kWarpSize;
static_assert(kPieceRows == kWarps && kPieceColumns == cuda::kWarpSize, "a warp sums a row, or a row's part of 32 columns");

struct Task {
  float *params, *second, *exp_avg;  // exp_avg: may be null
  const float* grads;
  const OptimizerState* state;
  const OptimizerSpan* spans;
  const OptimizerTile* tiles;
  double *sums, *factors;
  bf16* shadow;
  AdafactorSpec spec;
  bool aligned;
};

__device__ double square(const Task& task, double scale, int64_t i) {
  const double g = static_cast<double>(task.grads[i]) * scale;
  return g * g + task.spec.squares_epsilon;
}

__device__ void fold(float& second, double beta2, double mean) { second = static_cast<float>(beta2 * static_cast<double>(second) + (1 - beta2) * mean); }

// A matrix' means over its rows or columns, folded into the second moments.
__global__ void factor_moments_kernel(Task task, const OptimizerPiece* pieces) {
  if (task.state->skipped != 0) return;
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads);
  const OptimizerPiece piece = pieces[blockIdx.x];
  const OptimizerSpan span = task.spans[piece.span];
  const int lane = static_cast<int>(threadIdx.x % cuda::kWarpSize), warp = static_cast<int>(threadIdx.x / cuda::kWarpSize);
  const double scale = clip_scale(*task.state), beta2 = task.spec.beta2(*task.state);
  double sum = 0;
  if (piece.columnwise == 0) {
    const int64_t row = piece.row + warp;
    if (row >= span.rows) return;
    for (int64_t column = lane; column < span.columns; column += cuda::kWarpSize) sum += square(task, scale, span.begin + row * span.columns + column);
    sum = cuda::warp_sum(sum);
    if (lane == 0) fold(task.second[span.second + row], beta2, sum / static_cast<double>(span.columns));
    return;
  }
  const int64_t column = piece.column + lane;
  if (column < span.columns)
    for (int64_t row = warp; row < span.rows; row += kWarps) sum += square(task, scale, span.begin + row * span.columns + column);
  sums[static_cast<int>(threadIdx.x)] = sum;
  __syncthreads();
  if (warp != 0 || column >= span.columns) return;
  double total = 0;
  for (int other = 0; other < kWarps; ++other) total += sums[other * cuda::kWarpSize + lane];
  fold(task.second[span.second + span.rows + column], beta2, total / static_cast<double>(span.rows));
}

// The updates of this thread's numbers but for one factor of the whole tensor.
__device__ void raw_updates(float (&out)[cuda::kEight], const Task& task, const OptimizerSpan& span, const cuda::Eight& e, float scale) {
  cuda::load_eight(out, task.grads + e.at, e.count, e.vector);
  const int64_t from = e.at - span.begin;
  int64_t row = from / span.columns, column = from % span.columns;
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) {
    if (j >= e.count) break;
    out[j] *= scale;
    if (span.matrix == 0) {
      out[j] /= sqrtf(task.second[span.second + from + j]);
      continue;
    }
    out[j] = out[j] / sqrtf(task.second[span.second + row]) / sqrtf(task.second[span.second + span.rows + column]);
    if (++column == span.columns) column = 0, ++row;
  }
}

// Sums of squares of raw updates and weights, a tile each; a vector's second moments on the way.
__global__ void sizes_kernel(Task task) {
  if (task.state->skipped != 0) return;
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(kWarps);
  const OptimizerTile tile = task.tiles[blockIdx.x];
  const OptimizerSpan span = task.spans[tile.span];
  const cuda::Eight e = cuda::eight_of(tile, task.aligned);
  const double scale = clip_scale(*task.state);
  double updates = 0, weights = 0;
  if (e.count > 0) {
    if (span.matrix == 0) {
      const double beta2 = task.spec.beta2(*task.state);
      for (int j = 0; j < cuda::kEight && j < e.count; ++j)
        fold(task.second[span.second + e.at - span.begin + j], beta2, square(task, scale, e.at + j));
    }
    float u[cuda::kEight], w[cuda::kEight];
    raw_updates(u, task, span, e, static_cast<float>(scale));
    cuda::load_eight(w, task.params + e.at, e.count, e.vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {  // beyond the end all are zero
      updates += static_cast<double>(u[j]) * static_cast<double>(u[j]);
      weights += static_cast<double>(w[j]) * static_cast<double>(w[j]);
    }
  }
  cuda::write_sum(task.sums, 2, 0, updates, sums);
  cuda::write_sum(task.sums, 2, 1, weights, sums);
}

// One factor a tensor.
__global__ void factors_kernel(Task task) {
  if (task.state->skipped != 0) return;
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(kWarps);
  const OptimizerSpan span = task.spans[blockIdx.x];
  const double updates = cuda::sum_of(task.sums, span.tile, span.tile + span.tiles(), 2, 0, sums);
  const double weights = cuda::sum_of(task.sums, span.tile, span.tile + span.tiles(), 2, 1, sums);
  double rows = 0;
  if (span.matrix != 0)
    for (int64_t row = threadIdx.x; row < span.rows; row += blockDim.x) rows += static_cast<double>(task.second[span.second + row]);
  const double row_mean = span.matrix != 0 ? cuda::block_sum(rows, sums) / static_cast<double>(span.rows) : 1.0;
  if (threadIdx.x == 0) task.factors[blockIdx.x] = task.spec.factor(*task.state, span, updates, weights, row_mean);
}

__global__ void adafactor_kernel(Task task) {
  if (task.state->skipped != 0) return;
  const OptimizerTile tile = task.tiles[blockIdx.x];
  const OptimizerSpan span = task.spans[tile.span];
  const cuda::Eight e = cuda::eight_of(tile, task.aligned);
  if (e.count <= 0) return;
  const OptimizerState& s = *task.state;
  const float factor = static_cast<float>(task.factors[tile.span]);
  const float decay = static_cast<float>(1 - task.spec.rate(s, span) * s.weight_decay * span.decay);
  const float beta1 = static_cast<float>(task.spec.beta1), rest1 = static_cast<float>(1 - task.spec.beta1);
  float u[cuda::kEight], w[cuda::kEight];
  raw_updates(u, task, span, e, static_cast<float>(clip_scale(s)));
  cuda::load_eight(w, task.params + e.at, e.count, e.vector);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) u[j] *= factor;
  if (task.exp_avg != nullptr) {
    float m[cuda::kEight];
    cuda::load_eight(m, task.exp_avg + e.at, e.count, e.vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) u[j] = m[j] = beta1 * m[j] + rest1 * u[j];
    cuda::store_eight(task.exp_avg + e.at, m, e.count, e.vector);
  }
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) w[j] = w[j] * decay - u[j];
  cuda::store_eight(task.params + e.at, w, e.count, e.vector);
  if (task.shadow != nullptr) cuda::store_eight(task.shadow + e.at, w, e.count, e.vector);
}

}  // namespace

void cuda::adafactor(Stream& stream, Tensor params, Tensor second, Tensor exp_avg, Tensor grads, Tensor state, Tensor spans, Tensor tiles,
                     Tensor pieces, Tensor sums, Tensor factors, Tensor shadow, AdafactorSpec spec) {
  const auto count = static_cast<unsigned>(tiles.shape[0]);
  if (count == 0) return;
  const Task task{params.as<float>(), second.as<float>(), exp_avg.as<float>(), grads.as<float>(), state.as<OptimizerState>(), spans.as<OptimizerSpan>(),
                  tiles.as<OptimizerTile>(), sums.as<double>(), factors.as<double>(), shadow.as<bf16>(), spec,
                  aligned_flat(params, exp_avg, grads, shadow)};
  if (pieces.given())
    launch("adafactor", params.shape, stream, factor_moments_kernel, static_cast<unsigned>(pieces.shape[0]), kThreads, shared_bytes<double>(kThreads), task,
           pieces.as<OptimizerPiece>());
  launch("adafactor", params.shape, stream, sizes_kernel, count, kThreads, shared_bytes<double>(kWarps), task);
  launch("adafactor", params.shape, stream, factors_kernel, static_cast<unsigned>(spans.shape[0]), kThreads, shared_bytes<double>(kWarps), task);
  launch("adafactor", params.shape, stream, adafactor_kernel, count, kThreads, 0, task);
}

}  // namespace ace
