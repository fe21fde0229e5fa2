#include "ops/cuda/optimizers/tiles.cuh"
#include "ops/kernels.h"

namespace ace {

namespace {

constexpr int kSide = 16;  // threads of a product along each side; each forms 2 x 2 numbers
constexpr int kTileSide = 2 * kSide, kPadded = kTileSide + 1;
static_assert(kSide * kSide == cuda::kThreads && kTileSide == kProductTile, "a block forms a square of a product");

struct Task {
  float *params, *momentum, *exp_avg_sq;
  const float* grads;
  const OptimizerState* state;
  const OptimizerSpan* spans;
  const OptimizerTile* tiles;
  double *sums, *norms;
  bf16* shadow;
  MuonSpec spec;
  bool aligned;
};

// Where number i of a matrix lies in its iterate, which has the shorter side first.
__device__ int64_t place(const OptimizerSpan& span, int64_t i) {
  return span.begin + (span.rows > span.columns ? i % span.columns * span.rows + i / span.columns : i);
}

// Momentum and direction of matrices, with the sum of its squares; vectors take their step of AdamW.
__global__ void begin_kernel(Task task, float* iterate) {
  const OptimizerState& s = *task.state;
  if (s.skipped != 0) return;
  using Rule = AdamwRule<float>;
  cuda::SharedMemory shared;
  const auto kept = shared.take<Rule>(1);
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  const OptimizerTile tile = task.tiles[blockIdx.x];
  const OptimizerSpan span = task.spans[tile.span];
  if (threadIdx.x == 0) kept[0] = Rule::of(s, span);
  __syncthreads();
  const Rule rule = kept[0];
  const cuda::Eight e = cuda::eight_of(tile, task.aligned);
  const float keep = static_cast<float>(task.spec.momentum), rest = static_cast<float>(1 - task.spec.momentum);
  double sum = 0;
  if (e.count > 0) {
    float g[cuda::kEight], m[cuda::kEight], w[cuda::kEight];
    cuda::load_eight(g, task.grads + e.at, e.count, e.vector);
    cuda::load_eight(m, task.momentum + e.at, e.count, e.vector);
    cuda::load_eight(w, task.params + e.at, e.count, e.vector);
#pragma unroll
    for (int j = 0; j < cuda::kEight; ++j) {
      if (j >= e.count) break;
      const int64_t i = e.at - span.begin + j;
      if (span.matrix == 0) {
        float slot[2] = {m[j], task.exp_avg_sq[span.second + i]};
        rule.apply(w[j], slot, g[j]);
        m[j] = slot[0];
        task.exp_avg_sq[span.second + i] = slot[1];
        continue;
      }
      const float gradient = g[j] * rule.scale;
      m[j] = keep * m[j] + rest * gradient;
      const float direction = task.spec.nesterov ? keep * m[j] + rest * gradient : m[j];
      iterate[place(span, i)] = direction;
      sum += static_cast<double>(direction) * static_cast<double>(direction);
    }
    cuda::store_eight(task.momentum + e.at, m, e.count, e.vector);
    if (span.matrix == 0) {
      cuda::store_eight(task.params + e.at, w, e.count, e.vector);
      if (task.shadow != nullptr) cuda::store_eight(task.shadow + e.at, w, e.count, e.vector);
    }
  }
  cuda::write_sum(task.sums, 1, 0, sum, sums);
}

// One over the norm of each matrix' direction.
__global__ void norms_kernel(Task task) {
  if (task.state->skipped != 0) return;
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  const OptimizerSpan span = task.spans[blockIdx.x];
  const double sum = cuda::sum_of(task.sums, span.tile, span.tile + span.tiles(), 1, 0, sums);
  if (threadIdx.x == 0) task.norms[blockIdx.x] = 1 / (sqrt(sum) + kMuonEpsilon);
}

__global__ void normalise_kernel(Task task, float* iterate) {
  if (task.state->skipped != 0) return;
  const OptimizerTile tile = task.tiles[blockIdx.x];
  const float unit = static_cast<float>(task.norms[tile.span]);
  const cuda::Eight e = cuda::eight_of(tile, task.aligned);
  if (e.count <= 0 || task.spans[tile.span].matrix == 0) return;
  float x[cuda::kEight];
  cuda::load_eight(x, iterate + e.at, e.count, e.vector);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) x[j] *= unit;
  cuda::store_eight(iterate + e.at, x, e.count, e.vector);
}

// The three products, by number.
constexpr int kGram = 0, kPolynomial = 1, kStrip = 2;

// Of a Newton-Schulz step on x [r, c]: gram = x x^T; polynomial = b gram + c gram gram^T; next = a x + polynomial x.
template <int kind>
__global__ void product_kernel(const OptimizerState* state, const OptimizerSpan* spans, const OptimizerPiece* pieces, float* gram, float* polynomial,
                               const float* x, float* next) {
  if (state->skipped != 0) return;
  const OptimizerPiece piece = pieces[blockIdx.x];
  const OptimizerSpan span = spans[piece.span];
  const int64_t r = span.shorter(), c = span.longer();
  float* const a = gram + span.gram;
  float* const b = polynomial + span.gram;
  const float* const from = x + span.begin;
  const int64_t inner = kind == kGram ? c : r, columns = kind == kStrip ? c : r;
  const float* const left = kind == kGram ? from : kind == kPolynomial ? a : b;
  const float* const right = kind == kPolynomial ? a : from;
  cuda::SharedMemory shared;
  const auto p = shared.take<float>(kTileSide * kPadded), q = shared.take<float>(kTileSide * kPadded);
  const int tx = static_cast<int>(threadIdx.x % kSide), ty = static_cast<int>(threadIdx.x / kSide);
  float sum[2][2] = {};
  for (int64_t k = 0; k < inner; k += kTileSide) {
    for (int i = static_cast<int>(threadIdx.x); i < kTileSide * kTileSide; i += cuda::kThreads) {
      const int row = i / kTileSide, column = i % kTileSide;
      p[row * kPadded + column] = piece.row + row < r && k + column < inner ? left[(piece.row + row) * inner + k + column] : 0.0f;
      if (kind == kStrip)  // q[k][column]
        q[row * kPadded + column] = k + row < inner && piece.column + column < columns ? right[(k + row) * columns + piece.column + column] : 0.0f;
      else  // a row of the right factor is a column of its transpose
        q[column * kPadded + row] = piece.column + row < columns && k + column < inner ? right[(piece.column + row) * inner + k + column] : 0.0f;
    }
    __syncthreads();
    for (int i = 0; i < kTileSide; ++i) {
      const float p0 = p[ty * kPadded + i], p1 = p[(ty + kSide) * kPadded + i], q0 = q[i * kPadded + tx], q1 = q[i * kPadded + tx + kSide];
      sum[0][0] += p0 * q0;
      sum[0][1] += p0 * q1;
      sum[1][0] += p1 * q0;
      sum[1][1] += p1 * q1;
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int64_t row = piece.row + ty + i * kSide, column = piece.column + tx + j * kSide;
      if (row >= r || column >= columns) continue;
      const int64_t at = row * columns + column;
      if (kind == kGram) a[at] = sum[i][j];
      else if (kind == kPolynomial) b[at] = static_cast<float>(MuonSpec::kB) * a[at] + static_cast<float>(MuonSpec::kC) * sum[i][j];
      else next[span.begin + at] = static_cast<float>(MuonSpec::kA) * from[at] + sum[i][j];
    }
  }
}

__global__ void muon_kernel(Task task, const float* orthogonal) {
  const OptimizerState& s = *task.state;
  if (s.skipped != 0) return;
  const OptimizerTile tile = task.tiles[blockIdx.x];
  const OptimizerSpan span = task.spans[tile.span];
  const cuda::Eight e = cuda::eight_of(tile, task.aligned);
  if (e.count <= 0 || span.matrix == 0) return;
  const double rate = s.learning_rate * span.rate;
  const float decay = static_cast<float>(1 - rate * s.weight_decay * span.decay), size = static_cast<float>(rate * task.spec.adjustment(span));
  float w[cuda::kEight];
  cuda::load_eight(w, task.params + e.at, e.count, e.vector);
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) {
    if (j >= e.count) break;
    w[j] = w[j] * decay - size * orthogonal[place(span, e.at - span.begin + j)];
  }
  cuda::store_eight(task.params + e.at, w, e.count, e.vector);
  if (task.shadow != nullptr) cuda::store_eight(task.shadow + e.at, w, e.count, e.vector);
}

}  // namespace

void cuda::muon(Stream& stream, Tensor params, Tensor momentum, Tensor exp_avg_sq, Tensor grads, Tensor state, Tensor spans, Tensor tiles,
                Tensor gram_pieces, Tensor strip_pieces, Tensor iterate, Tensor grams, Tensor sums, Tensor norms, Tensor shadow, MuonSpec spec) {
  const auto count = static_cast<unsigned>(tiles.shape[0]);
  if (count == 0) return;
  const Task task{params.as<float>(), momentum.as<float>(), exp_avg_sq.as<float>(), grads.as<float>(), state.as<OptimizerState>(), spans.as<OptimizerSpan>(),
                  tiles.as<OptimizerTile>(), sums.as<double>(), norms.as<double>(), shadow.as<bf16>(), spec,
                  aligned_flat(params, momentum, grads, shadow, iterate)};
  float *x = iterate.as<float>(), *next = x + params.elements();
  const size_t sums_bytes = shared_bytes<double>(kThreads / kWarpSize);
  launch("muon", params.shape, stream, begin_kernel, count, kThreads, sums_bytes + shared_bytes<AdamwRule<float>>(1), task, x);
  if (!gram_pieces.given()) return;  // vectors alone
  launch("muon", params.shape, stream, norms_kernel, static_cast<unsigned>(spans.shape[0]), kThreads, sums_bytes, task);
  launch("muon", params.shape, stream, normalise_kernel, count, kThreads, 0, task, x);
  float *gram = grams.as<float>(), *polynomial = gram + grams.elements() / 2;
  const size_t products = 2 * shared_bytes<float>(kTileSide * kPadded);
  const auto squares = static_cast<unsigned>(gram_pieces.shape[0]), strips = static_cast<unsigned>(strip_pieces.shape[0]);
  auto product = [&](auto kernel, unsigned grid, const Tensor& pieces) {
    launch("muon", params.shape, stream, kernel, grid, kThreads, products, task.state, task.spans, pieces.as<OptimizerPiece>(), gram, polynomial, x, next);
  };
  for (int step = 0; step < MuonSpec::kSteps; ++step) {
    product(product_kernel<kGram>, squares, gram_pieces);
    product(product_kernel<kPolynomial>, squares, gram_pieces);
    product(product_kernel<kStrip>, strips, strip_pieces);
    float* const old = x;
    x = next;
    next = old;
  }
  launch("muon", params.shape, stream, muon_kernel, count, kThreads, 0, task, x);
}

}  // namespace ace
