#pragma once
#include <cmath>
#include <cstdint>

#include "ops/host_device.h"

namespace ace {

// What the optimisers' kernels read and write on the device: one small block of doubles, uploaded once a step.
// Everything that changes between steps stands here, so that the list of kernel calls never does.
struct OptimizerState {
  double learning_rate;
  double beta1, beta2, epsilon, weight_decay;
  double max_grad_norm;  // 0: no clipping
  double loss_finite;    // 1 at the start of a step; the device sets 0 where a loss is NaN or infinite
  // From here on written by the device alone:
  double updates;    // done so far: the exponent of the bias correction is updates + 1
  double grad_norm;  // before clipping
  double skipped;    // 1: a NaN or infinity was met, nothing was changed
  // Schedule-free: the largest learning rate so far, and the sum of the averaged steps' weights.
  double largest_rate, weight_sum;
  // Prodigy: its estimate d of the distance to the solution, the largest so far, the numerator of the next, and the
  // learning rate of this step.
  double distance, largest_distance, distance_numerator, step_rate;
};
constexpr int kOptimizerStateDoubles = sizeof(OptimizerState) / sizeof(double);

// One parameter tensor's place in the flat buffers, and its own rules.
struct OptimizerSpan {
  double rate, decay;  // factors of the step's learning rate and weight decay
  int64_t begin;       // of its numbers in the flat buffers
  int64_t rows, columns;
  int64_t matrix;      // 0: a vector, whatever its shape
  int64_t tile;        // its first tile
  int64_t second;      // where its second moments begin: Adafactor (rows then columns, or one a number), Muon (vectors)
  int64_t gram;        // where its Gram matrix begins (Muon)
  ACE_HOST_DEVICE int64_t count() const { return rows * columns; }
  ACE_HOST_DEVICE int64_t tiles() const;
  ACE_HOST_DEVICE int64_t shorter() const { return rows < columns ? rows : columns; }
  ACE_HOST_DEVICE int64_t longer() const { return rows < columns ? columns : rows; }
};
constexpr int kOptimizerSpanWords = sizeof(OptimizerSpan) / sizeof(int64_t);

// At most kTileElements numbers of one span: what a block of a CUDA kernel updates. `block` counts the quantisation
// blocks of all tiles before it.
struct OptimizerTile {
  int64_t begin, count, span, block;
};
constexpr int64_t kTileElements = 2048;
constexpr int64_t kQuantBlock = 256;
ACE_HOST_DEVICE inline int64_t OptimizerSpan::tiles() const { return (count() + kTileElements - 1) / kTileElements; }

// A piece of a span's matrix: rows or columns from `first` on (Adafactor), or a square of a product (Muon).
struct OptimizerPiece {
  int64_t span, row, column, columnwise;
};
constexpr int kTileWords = 4;
constexpr int kPieceWords = 4;
constexpr int64_t kPieceRows = 8, kPieceColumns = 32, kProductTile = 32;

// torch clips by max_norm / (norm + 1e-6), capped at 1.
ACE_HOST_DEVICE inline double clip_scale(const OptimizerState& s) {
  const double scale = s.max_grad_norm / (s.grad_norm + 1e-6);
  return s.max_grad_norm > 0 && scale < 1 ? scale : 1.0;
}

// After an update: what the next step's coefficients are formed from.
ACE_HOST_DEVICE inline void advance(OptimizerState& s) {
  if (s.skipped != 0) return;
  s.updates += 1;
  if (s.learning_rate > s.largest_rate) s.largest_rate = s.learning_rate;
  s.weight_sum += s.largest_rate * s.largest_rate;
}

}  // namespace ace
