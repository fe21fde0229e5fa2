// Whole adapter modules on CUDA against the CPU, forward and backward: float32, and bf16 with a shadow of the parameters.
#include "adapter/one_module.h"
#include "ops/twin.h"

using namespace ace;
using namespace ace::test;

namespace {

// y, dx and every parameter's gradient of linears of one x, each [out, in] of `outs`, all wrapped.
void check_modules(const std::string& what, AdapterConfig config, const std::vector<int64_t>& outs, int64_t in, const TwinBounds& bounds) {
  CONTEXT(what << " " << outs.size() << " linears of [" << outs[0] << ", " << in << "]");
  const std::string names[] = {"q_proj", "k_proj", "v_proj"};
  int64_t rows = 0;
  for (const int64_t out : outs) rows += out;
  config.target_modules = {"self_attn.*"};
  Storage weight({rows, in}, DType::f32, "weight");
  for (int64_t i = 0; i < rows * in; ++i) weight.tensor().as<float>()[i] = 1;
  std::vector<AdapterTarget> targets;
  int64_t row = 0;
  for (size_t i = 0; i < outs.size(); row += outs[i++])
    targets.push_back({"layers.0.self_attn." + names[i], weight.tensor().slice(row, outs[i]), "qkv"});
  const Adapter adapter(config, targets, 1, DType::f32, cpu_device());
  const Shape flat{adapter.parameter_count()}, x_shape{2, 9, in};
  const double small = 1 / std::sqrt(static_cast<double>(in));
  const TwinCalls calls{
      what,
      {{.shape = x_shape, .grad = false},
       {.shape = {rows, in}, .grad = false, .scale = small},
       // The master is read for magnitudes alone: positive. The shadow is what the products read.
       {.shape = flat, .grad = false, .scale = 0.3, .offset = 1, .wide = true},
       {.shape = flat, .grad = false, .scale = 0.5},
       {.shape = flat, .grad = false, .scale = 0.01, .wide = true},
       given(Shape{4}, std::vector<int64_t>{5, 6, 70, 8000}),
       {.shape = {2, 9, rows}, .grad = false}},
      [&](Tape& tape, const std::vector<Tensor>& t) {
        const Var x = tape.leaf(t[0]);
        AdapterUse use{&adapter, {}};
        use.pass.parameters = t[2];
        use.pass.shadow = t[3];
        use.pass.gradients = t[4];
        use.pass.counters = t[5];
        std::vector<StackedPart> parts;
        int64_t from = 0;
        for (size_t i = 0; i < outs.size(); from += outs[i++]) parts.push_back({targets[i].path, t[1].slice(from, outs[i])});
        const std::vector<Var> y = project_stacked(tape, parts, t[1], x, {use});
        // All results side by side, so that one projection reaches them all.
        Tensor whole = tape.empty(t[6].shape, t[0].dtype);
        int64_t column = 0;
        for (const Var& part : y) {
          tape.program().call<kernels::copy>(whole.columns(column, part.value.shape.last()), part.value);
          column += part.value.shape.last();
        }
        const Var all = tape.record(whole, y, [&tape, y](Tensor dy) {
          int64_t from = 0;
          for (const Var& part : y) {
            tape.program().call<kernels::copy>(tape.grad(part).tensor, dy.columns(from, part.value.shape.last()));
            from += part.value.shape.last();
          }
        });
        tape.backward(all, t[6]);
        std::vector<Tensor> out{whole, tape.gradient(x)};
        for (const auto& [name, gradient] : adapter.named(t[4])) out.push_back(gradient);
        return out;
      }};
  check_twins(calls, bounds);
}

AdapterConfig config_of(AdapterKind kind, int64_t rank, void (*set)(AdapterConfig&) = [](AdapterConfig&) {}) {
  AdapterConfig config = adapter_config(kind, rank, 4);
  set(config);
  return config;
}

// Activations between a module's products are rounded to bf16, 2^-9 of themselves each, which the CPU's float32 are not:
// two to four roundings in a row, of sums whose terms' errors partly cancel.
const TwinBounds kBounds{.f32 = 5e-6, .bf16 = 8e-3};

void check_sizes(const std::string& what, const AdapterConfig& config) {
  check_modules(what, config, {24}, 40, kBounds);
  check_modules(what, config, {64, 32, 32}, 48, kBounds);
  // A decomposed weight's gradient loses its direction's part, so that in sums of a few dozen terms the roundings of the
  // bf16 matrices in between stand out: such sizes are held to in float32 alone.
  TwinBounds odd = kBounds;
  odd.with_bf16 = !config.weight_decompose;
  check_modules(what, config, {15, 6, 6}, 14, odd);
  // A prime size makes LoKr's first factor one number, whose gradient decomposing makes all cancellation.
  if (!config.weight_decompose) check_modules(what, config, {13, 5, 5}, 7, odd);
}

}  // namespace

TEST("CUDA: LoRA modules equal the CPU twin, alone and stacked") {
  skip_without_cuda();
  check_sizes("LoRA", config_of(AdapterKind::lora, 8));
  check_sizes("rsLoRA", config_of(AdapterKind::lora, 3, [](AdapterConfig& c) { c.rs_lora = true; }));
  check_sizes("LoRA with dropout", config_of(AdapterKind::lora, 4, [](AdapterConfig& c) { c.dropout = 0.3; }));
}

TEST("CUDA: DoRA modules equal the CPU twin, alone and stacked") {
  skip_without_cuda();
  check_sizes("DoRA", config_of(AdapterKind::dora, 4));
  check_sizes("DoRA with dropout", config_of(AdapterKind::dora, 4, [](AdapterConfig& c) { c.dropout = 0.3; }));
}

TEST("CUDA: LoKr modules equal the CPU twin: full, thin, decomposed, with rank dropout") {
  skip_without_cuda();
  check_sizes("LoKr full", config_of(AdapterKind::lokr, 2, [](AdapterConfig& c) { c.full_matrix = true; }));
  check_sizes("LoKr thin", config_of(AdapterKind::lokr, 1));
  check_sizes("LoKr both thin", config_of(AdapterKind::lokr, 1, [](AdapterConfig& c) { c.decompose_both = true; }));
  check_sizes("LoKr decomposed", config_of(AdapterKind::lokr, 1, [](AdapterConfig& c) { c.weight_decompose = true; }));
  check_sizes("LoKr with rank dropout", config_of(AdapterKind::lokr, 1, [](AdapterConfig& c) { c.rank_dropout = 0.3; c.rank_dropout_scale = true; }));
}

TEST("CUDA: LoHa modules equal the CPU twin: plain, decomposed, with rank dropout") {
  skip_without_cuda();
  check_sizes("LoHa", config_of(AdapterKind::loha, 3));
  check_sizes("LoHa decomposed", config_of(AdapterKind::loha, 3, [](AdapterConfig& c) { c.weight_decompose = true; }));
  check_sizes("LoHa with rank dropout", config_of(AdapterKind::loha, 3, [](AdapterConfig& c) { c.rank_dropout = 0.3; }));
}
