// Every adapter kind and option: gradients of x and of every parameter against differences. DoRA, whose row norm is held
// fixed in the backward pass, has a file of its own.
#include "adapter/one_module.h"

using namespace ace;
using namespace ace::test;

namespace {

void check_module(const std::string& what, const AdapterConfig& config, int64_t out, int64_t in, bool training = true,
                  DType weight_dtype = DType::f64) {
  OneModule module(config, out, in, weight_dtype);
  module.disturb();
  OpOptions options;
  options.tracked = module.tracked();
  check_op(what, {{{2, 5, in}}}, module.body(training), options);
  check_op(what + ", x constant", {{{1, 3, in}, false}}, module.body(training), options);
}

}  // namespace

TEST("LoRA differentiates: ranks, rank-stabilised scale, odd and prime sizes, bf16 weights") {
  for (const int64_t rank : {1, 3, 8}) check_module("rank " + std::to_string(rank), adapter_config(AdapterKind::lora, rank, 4), 13, 7);
  AdapterConfig rs = adapter_config(AdapterKind::lora, 3, 2);
  rs.rs_lora = true;
  check_module("rsLoRA", rs, 5, 11);
  check_module("bf16 weight", adapter_config(AdapterKind::lora, 2, 2), 17, 19, true, DType::bf16);
}

TEST("LoRA with dropout differentiates through its fixed mask") {
  AdapterConfig config = adapter_config(AdapterKind::lora, 3, 4);
  config.dropout = 0.4;
  check_module("dropout", config, 13, 7);
}

TEST("LoKr differentiates with full and low-rank factors") {
  check_module("both full", adapter_config(AdapterKind::lokr, 8, 4), 15, 14);
  check_module("second low-rank", adapter_config(AdapterKind::lokr, 2, 4), 15, 14);
  check_module("prime sizes", adapter_config(AdapterKind::lokr, 2, 4), 13, 7);
  AdapterConfig both = adapter_config(AdapterKind::lokr, 1, 3);
  both.decompose_both = true;
  check_module("both low-rank", both, 15, 14);
  AdapterConfig factor = adapter_config(AdapterKind::lokr, 2, 4);
  factor.factor = 4;
  check_module("factor 4", factor, 20, 12);
  AdapterConfig full = adapter_config(AdapterKind::lokr, 1, 4);
  full.full_matrix = true;
  full.decompose_both = true;
  check_module("full matrix", full, 15, 14);
  check_module("bf16 weight", adapter_config(AdapterKind::lokr, 2, 4), 15, 14, true, DType::bf16);
}

TEST("LoKr with weight decompose differentiates through the row norm") {
  for (const bool both : {false, true})
    for (const int64_t rank : {1, 8})
      for (const DType dtype : {DType::f64, DType::bf16}) {
        AdapterConfig config = adapter_config(AdapterKind::lokr, rank, 3);
        config.weight_decompose = true;
        config.decompose_both = both;
        check_module("rank " + std::to_string(rank) + (both ? " both" : ""), config, 15, 14, true, dtype);
      }
}

TEST("LoKr with rank dropout differentiates through its fixed mask") {
  for (const bool scale : {false, true})
    for (const int64_t rank : {2, 8}) {
      AdapterConfig config = adapter_config(AdapterKind::lokr, rank, 4);
      config.rank_dropout = 0.4;
      config.rank_dropout_scale = scale;
      check_module(scale ? "scaled" : "unscaled", config, 15, 14);
    }
}

TEST("LoHa differentiates, plain, decomposed and with rank dropout") {
  check_module("plain", adapter_config(AdapterKind::loha, 3, 4), 13, 7);
  check_module("bf16 weight", adapter_config(AdapterKind::loha, 1, 4), 5, 11, true, DType::bf16);
  AdapterConfig decompose = adapter_config(AdapterKind::loha, 2, 4);
  decompose.weight_decompose = true;
  check_module("decomposed", decompose, 13, 7);
  for (const bool scale : {false, true}) {
    AdapterConfig config = adapter_config(AdapterKind::loha, 2, 4);
    config.rank_dropout = 0.4;
    config.rank_dropout_scale = scale;
    check_module(scale ? "scaled" : "unscaled", config, 13, 7);
  }
}
