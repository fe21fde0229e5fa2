// simt_counts [--tokens 256] [--condition 129] [--rows 3000] [--warpgroups 0]: what the kernels of a training step ask of memory, shared memory and tensor
// cores, counted on the emulator for the 2B model's shapes, beside each call's floor. No time is measured. `--rows`: of the
// kernels that are bound by memory; attention has --tokens and --condition, for the emulator's sake. 0: leave these out. `--warpgroups 1`: attention as on
// compute capability 9.0.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "ops/kernels.h"
#include "ops/twin_memory.h"
#include "simt/counters.h"

using namespace ace;

namespace {

constexpr int64_t kWidth = 2048, kMlp = 6144, kHead = 128;
constexpr int kHeads = 16, kKvHeads = 8, kWindow = 128;

bool warpgroups = false;

// A program of one call on the emulated device; all tensors hold zeros but the key count.
struct OneCall {
  Program program{DeviceKind::cuda};

  Tensor activation(Shape shape) { return kept(shape, DType::bf16); }
  Tensor wide(Shape shape) { return kept(shape, DType::f32); }
  Tensor kept(const Shape& shape, DType dtype) {
    const Tensor tensor = program.input(shape, dtype, "operand");
    program.keep(tensor);
    return tensor;
  }
};

double megabytes(uint64_t sectors) { return static_cast<double>(sectors * simt::kSector) / 1e6; }

// `flops`: of the products that the call needs; 0 for one without.
void print_call(const std::string& name, double flops, const std::function<void(OneCall&)>& record, int32_t key_count = 0) {
  OneCall one;
  const Tensor count = one.kept({1}, DType::i32);
  record(one);
  const test::TwinMemory memory(DeviceKind::cuda, one.program.plan());
  one.program.bind(memory.data());
  memory.write(one.program.bound(count), &key_count);
  Stream stream{.device = DeviceKind::cuda, .warpgroups = warpgroups};
  const simt::Counting counting;
  one.program.run(stream);
  uint64_t products = 0;
  for (const auto& [launch, counts] : counting.launches()) products += counts.mma;
  std::printf("| %s | %.2f |", name.c_str(), static_cast<double>(one.program.costs()[0].bytes) / 1e6);
  bool first = true;
  for (const auto& [launch, counts] : counting.launches()) {
    const auto& [read, written] = std::pair{counts.read, counts.written};
    const uint64_t sectors = read.sectors + written.sectors;
    std::printf("%s %s | %llu x %u | %.2f | %.2f | %.2f | %.2f |", first ? "" : "\n| | |", launch.substr(0, launch.find(" [")).c_str(),
                static_cast<unsigned long long>(counts.blocks), counts.threads, megabytes(read.call_sectors + written.call_sectors),
                megabytes(read.block_sectors + written.block_sectors), megabytes(sectors),
                static_cast<double>(read.useful + written.useful) / static_cast<double>(std::max<uint64_t>(1, sectors) * simt::kSector));
    if (counts.shared.instructions == 0) std::printf(" | |");
    else std::printf(" %.3f | ", static_cast<double>(counts.shared.passes) / static_cast<double>(counts.shared.least));
    if (counts.mma > 0) std::printf("%.2f | %.2f |", static_cast<double>(counts.shared.passes) / static_cast<double>(counts.mma), static_cast<double>(products) * 4096 / flops);
    else std::printf(" | |");
    first = false;
  }
  std::printf("\n");
  std::fflush(stdout);
}

// Pairs of a query and a key that see each other.
double pairs(int64_t rows, int64_t keys, int window) {
  if (window < 0) return static_cast<double>(rows) * static_cast<double>(keys);
  double out = 0;
  for (int64_t i = 0; i < rows; ++i) out += static_cast<double>(std::min(keys, i + window + 1) - std::max<int64_t>(0, i - window));
  return out;
}

void attention(const char* name, int64_t rows, int64_t keys, int window) {
  const Shape q{1, rows, kWidth}, kv{1, keys, kKvHeads * kHead}, statistics{1, kHeads, rows};
  AttentionSpec spec;
  spec.heads = kHeads, spec.kv_heads = kKvHeads, spec.window = window;
  const double product = 2 * pairs(rows, keys, window) * kHeads * static_cast<double>(kHead);
  const Tensor none;
  const auto count = static_cast<int32_t>(keys);
  print_call(std::string(name) + " forward", 2 * product, [&](OneCall& c) {
    c.program.call<kernels::attention_forward>(c.activation(q), c.wide(statistics), c.activation(q), c.activation(kv), c.activation(kv), none, none, none, none, spec);
  }, count);
  print_call(std::string(name) + " backward", 4 * product, [&](OneCall& c) {
    c.program.call<kernels::attention_backward>(c.activation(q), c.activation(kv), c.activation(kv), c.wide(statistics), c.activation(q), c.activation(q),
                                               c.wide(statistics), c.activation(q), c.activation(kv), c.activation(kv), none, none, none, spec);
  }, count);
}

}  // namespace

int main(int argc, char** argv) {
  int64_t tokens = 256, condition = 129, rows = 3000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--tokens") tokens = std::atoll(argv[i + 1]);
    if (flag == "--condition") condition = std::atoll(argv[i + 1]);
    if (flag == "--rows") rows = std::atoll(argv[i + 1]);
    if (flag == "--warpgroups") warpgroups = std::atoi(argv[i + 1]) != 0;
  }
  std::printf("| call | floor MB | launch | blocks x threads | moved MB | of L2 MB | of L1 MB | useful | bank passes / least | passes a product | products / needed |\n"
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  if (tokens > 0) {
    attention("self-attention", tokens, tokens, -1);
    attention("window attention", tokens, tokens, kWindow);
    attention("cross-attention", tokens, condition, -1);
  }
  if (rows <= 0) return 0;
  const Shape x{1, rows, kWidth}, mlp{1, rows, kMlp}, row_numbers{rows}, weight{kWidth}, mod{1, 6, kWidth};
  const Shape heads{rows * kHeads}, turn{rows, kHead / 2}, head{kHead};
  print_call("swiglu forward", 0, [&](OneCall& c) { c.program.call<kernels::swiglu_forward>(c.activation(mlp), c.activation(mlp), c.activation(mlp)); });
  print_call("swiglu backward", 0, [&](OneCall& c) {
    c.program.call<kernels::swiglu_backward>(c.activation(mlp), c.activation(mlp), c.activation(mlp), c.activation(mlp), c.activation(mlp), false, false);
  });
  print_call("gate, add, norm forward", 0, [&](OneCall& c) {
    c.program.call<kernels::gate_add_norm_forward>(c.activation(x), c.activation(x), c.wide(row_numbers), c.activation(x), c.activation(x), c.wide(mod), 2, c.wide(weight), c.wide(mod), 1, 0, 1e-6);
  });
  print_call("gate, add, norm backward", 0, [&](OneCall& c) {
    c.program.call<kernels::gate_add_norm_backward>(c.activation(x), c.activation(x), c.activation(x), c.activation(x), c.wide(row_numbers), c.wide(weight), c.wide(mod), 1, c.wide(mod), 2, true, false);
  });
  print_call("head norm forward", 0, [&](OneCall& c) {
    c.program.call<kernels::head_norm_forward>(c.activation(x), c.wide(heads), c.activation(x), c.wide(head), c.wide(turn), c.wide(turn), 1e-6);
  });
  print_call("head norm backward", 0, [&](OneCall& c) {
    c.program.call<kernels::head_norm_backward>(c.activation(x), c.activation(x), c.activation(x), c.wide(heads), c.wide(head), c.wide(turn), c.wide(turn), false);
  });
  print_call("norm forward", 0, [&](OneCall& c) {
    c.program.call<kernels::rms_norm_forward>(c.activation(x), c.wide(row_numbers), c.activation(x), c.wide(weight), c.wide(mod), 1, 0, 1e-6);
  });
  print_call("norm backward", 0, [&](OneCall& c) {
    c.program.call<kernels::rms_norm_backward>(c.activation(x), c.activation(x), c.activation(x), c.wide(row_numbers), c.wide(weight), c.wide(mod), 1, true);
  });
  print_call("gate, add forward", 0, [&](OneCall& c) { c.program.call<kernels::gate_add_forward>(c.activation(x), c.activation(x), c.activation(x), c.wide(mod), 5); });
  print_call("gate backward", 0, [&](OneCall& c) { c.program.call<kernels::gate_backward>(c.activation(x), c.activation(x), c.wide(mod), 5, false); });
  return 0;
}
