#pragma once
#include <string>
#include <vector>

#include "adapter/adapter.h"

namespace ace {

// An adapter taking part in a pass.
struct AdapterUse {
  const Adapter* adapter;
  AdapterPass pass;
  // By AdapterModule::index(), multiplied into pass.strength; empty: 1 each. Where the product is 0 nothing is computed.
  std::vector<double> strengths = {};
};

// A linear of the decoder with whatever adapters sit on `path`. x [.., in]; weight [out, in] frozen; y [.., out].
// Errors: ERR_SHAPE where the weight does not fit x.
Var project(Tape& tape, const std::string& path, Tensor weight, const Var& x, const std::vector<AdapterUse>& adapters);

// Linears of one x. Where each carries a plain low-rank change of one adapter, their x A^T are one product forward and one
// each for dA and dx (Adapter stores the A of a stack below each other). `stacked` [sum of the rows, in], where given, holds
// all the weights below each other: then the frozen products are one too, each way, whatever adapters sit on them, and the
// results are columns of one tensor.
struct StackedPart {
  std::string path;
  Tensor weight;  // [out, in]
};
std::vector<Var> project_stacked(Tape& tape, const std::vector<StackedPart>& parts, Tensor stacked, const Var& x,
                                 const std::vector<AdapterUse>& adapters);

}  // namespace ace
