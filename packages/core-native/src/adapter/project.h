#pragma once
#include <string>
#include <vector>

#include "adapter/adapter.h"

namespace ace {

// An adapter taking part in a pass.
struct AdapterUse {
  const Adapter* adapter;
  AdapterPass pass;
};

// A linear of the decoder with whatever adapters sit on `path`. x [.., in]; weight [out, in] frozen; y [.., out].
// Errors: ERR_SHAPE where the weight does not fit x.
Var project(Tape& tape, const std::string& path, Tensor weight, const Var& x, const std::vector<AdapterUse>& adapters);

// Linears of one x whose weights lie below each other in `weight` [sum of the rows, in]: one frozen product forward and one
// backward, whatever adapters sit on them. Where each carries a plain low-rank change of one adapter, their x A^T are one
// product too, with their A below each other (Adapter stores those of a stack so). The results are columns of one tensor.
struct StackedPart {
  std::string path;
  int64_t out;
};
std::vector<Var> project_stacked(Tape& tape, const std::vector<StackedPart>& parts, Tensor weight, const Var& x,
                                 const std::vector<AdapterUse>& adapters);

}  // namespace ace
