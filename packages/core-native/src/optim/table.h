#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ops/optimizer/state.h"
#include "tensor/tensor.h"

namespace ace {

// One trainable tensor in the flat buffers, and its own rules.
struct OptimizerParameter {
  std::string name;  // in files
  int64_t begin = 0;
  Shape shape;
  bool matrix = true;
  double rate = 1, decay = 1;  // factors of the step's learning rate and weight decay
};

// How the kernels find their way: see ops/optimizer/state.h.
struct OptimizerTable {
  explicit OptimizerTable(std::vector<OptimizerParameter> of);

  std::vector<OptimizerParameter> parameters;
  std::vector<OptimizerSpan> spans;  // second and gram are the optimiser's to set
  std::vector<OptimizerTile> tiles;
  int64_t blocks = 0;  // of kQuantBlock numbers
  std::vector<int64_t> first_block;  // of each parameter

  std::vector<OptimizerPiece> row_and_column_pieces() const;
  // Squares of the r x r products, or of the r x c ones.
  std::vector<OptimizerPiece> product_pieces(bool gram) const;
};

}  // namespace ace
