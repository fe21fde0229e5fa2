#include "optim/table.h"

#include <algorithm>
#include <utility>

namespace ace {

OptimizerTable::OptimizerTable(std::vector<OptimizerParameter> of) : parameters(std::move(of)) {
  for (const OptimizerParameter& p : parameters) {
    OptimizerSpan span{};
    span.rate = p.rate;
    span.decay = p.decay;
    span.begin = p.begin;
    span.rows = p.shape.rows();
    span.columns = p.shape.last();
    span.matrix = p.matrix ? 1 : 0;
    span.tile = static_cast<int64_t>(tiles.size());
    const int64_t count = span.count();
    first_block.push_back(blocks);
    for (int64_t from = 0; from < count; from += kTileElements) {
      const int64_t length = std::min(kTileElements, count - from);
      tiles.push_back({p.begin + from, length, static_cast<int64_t>(spans.size()), blocks});
      blocks += (length + kQuantBlock - 1) / kQuantBlock;
    }
    spans.push_back(span);
  }
}

std::vector<OptimizerPiece> OptimizerTable::row_and_column_pieces() const {
  std::vector<OptimizerPiece> out;
  for (int64_t s = 0; s < static_cast<int64_t>(spans.size()); ++s) {
    const OptimizerSpan& span = spans[static_cast<size_t>(s)];
    if (span.matrix == 0) continue;
    for (int64_t row = 0; row < span.rows; row += kPieceRows) out.push_back({s, row, 0, 0});
    for (int64_t column = 0; column < span.columns; column += kPieceColumns) out.push_back({s, 0, column, 1});
  }
  return out;
}

std::vector<OptimizerPiece> OptimizerTable::product_pieces(bool gram) const {
  std::vector<OptimizerPiece> out;
  for (int64_t s = 0; s < static_cast<int64_t>(spans.size()); ++s) {
    const OptimizerSpan& span = spans[static_cast<size_t>(s)];
    if (span.matrix == 0) continue;
    const int64_t columns = gram ? span.shorter() : span.longer();
    for (int64_t row = 0; row < span.shorter(); row += kProductTile)
      for (int64_t column = 0; column < columns; column += kProductTile) out.push_back({s, row, column, 0});
  }
  return out;
}

}  // namespace ace
