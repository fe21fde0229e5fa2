// Where a step's time may go, and where it goes: each distinct kernel call of the traced step with what it must do.
//   core_bench floors [flags of `step`] [--peak-tflops 989] [--peak-tbps 3.35]     traces for CUDA, needs no device
//   core_bench kernels [the same] [--device cpu|cuda]                              times each call beside its floor
// The floor of a call: its operations at the peak rate or its bytes at the memory's, whichever takes longer.
#include <algorithm>
#include <cstdio>
#include <map>

#include "bench_session.h"
#include "step.h"

namespace ace {

namespace {

struct Kind {
  CallCost cost;
  int count = 0;
  size_t first = 0;
  double us = 0;

  double floor_us(const RunOptions& o) const { return std::max(compute_us(o), memory_us(o)); }
  double compute_us(const RunOptions& o) const { return static_cast<double>(cost.flops) / o.peak_tflops / 1e6; }
  double memory_us(const RunOptions& o) const { return static_cast<double>(cost.bytes) / o.peak_tbps / 1e6; }
};

std::vector<Kind> kinds_of(const Program& program) {
  std::vector<Kind> out;
  std::map<std::string, size_t> known;
  const std::vector<CallCost> costs = program.costs();
  for (size_t i = 0; i < costs.size(); ++i) {
    const auto [at, fresh] = known.try_emplace(costs[i].name, out.size());
    if (fresh) out.push_back({costs[i], 0, i});
    ++out[at->second].count;
  }
  return out;
}

// The step's own program for CUDA, traced on a device that has no memory.
void with_planned_program(const RunOptions& options, const std::function<void(const Program&)>& use) {
  PlanningDevice device(options.device == "cpu" ? DeviceKind::cpu : DeviceKind::cuda);
  const std::unique_ptr<Decoder> opened = open_bench_decoder(options, device);
  const Decoder& decoder = *opened;
  const Adapter adapter(options.adapter_config(), decoder.targets(), 1, decoder.dtype(), device);
  const Storage gradients(device, {adapter.parameter_count()}, wide(decoder.dtype()), "gradients", false);
  const Storage null_condition(device, {decoder.config().encoder_hidden_size}, decoder.dtype(), "null condition", false);
  const FlowShape shape{options.batch, 2 * options.tokens(), options.condition};
  const FlowProgram flow(decoder, null_condition.tensor(), shape, {.recompute = recompute_named(options.recompute)}, gradients.tensor(), &adapter);
  use(flow.program());
}

void print_floors(const RunOptions& o, const Program& program) {
  std::vector<Kind> kinds = kinds_of(program);
  std::sort(kinds.begin(), kinds.end(), [&](const Kind& a, const Kind& b) { return a.count * a.floor_us(o) > b.count * b.floor_us(o); });
  std::printf("| call | count | GFLOP | MB | floor us | bound by | floor ms in the step | measured us |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  double floor = 0, compute = 0, memory = 0, launches = 0;
  std::map<std::string, std::pair<int, double>> families;
  for (const Kind& kind : kinds) {
    const double total = kind.count * kind.floor_us(o) / 1e3;
    const bool by_compute = kind.compute_us(o) > kind.memory_us(o);
    std::printf("| %s | %d | %.3g | %.3g | %.2f | %s | %.3f | |\n", kind.cost.name.c_str(), kind.count, static_cast<double>(kind.cost.flops) / 1e9,
                static_cast<double>(kind.cost.bytes) / 1e6, kind.floor_us(o), by_compute ? "tensor cores" : "memory", total);
    floor += total;
    (by_compute ? compute : memory) += total;
    launches += kind.count;
    auto& family = families[kind.cost.name.substr(0, kind.cost.name.find(' '))];
    family.first += kind.count;
    family.second += total;
  }
  std::vector<std::pair<std::string, std::pair<int, double>>> sorted(families.begin(), families.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.second > b.second.second; });
  const double ideal = static_cast<double>(program.flops()) / o.peak_tflops / 1e9;
  // What a kernel may take when all lose in proportion.
  std::printf("\n| kernel | calls | floor ms | may take for 50 %% | measured ms |\n| --- | --- | --- | --- | --- |\n");
  for (const auto& [name, family] : sorted)
    std::printf("| %s | %d | %.3f | %.2f | |\n", name.c_str(), family.first, family.second, family.second * ideal / 0.5 / floor);
  std::printf("\n| of the step | |\n| --- | --- |\n| TFLOP | %.3f |\n| kernel calls | %.0f |\n| arena MiB | %.0f |\n| all operations at the peak rate, ms | %.2f |\n"
              "| floor, ms | %.2f |\n| of it bound by tensor cores, ms | %.2f |\n| of it bound by memory, ms | %.2f |\n| budget for 60 %% of the peak rate, ms | %.2f |\n"
              "| budget for 50 %% of the peak rate, ms | %.2f |\n",
              static_cast<double>(program.flops()) / 1e12, launches, static_cast<double>(program.arena_bytes()) / 1048576, ideal, floor, compute, memory, ideal / 0.6, ideal / 0.5);
}

// Repeats that fill some milliseconds, so that a launch of the whole does not count.
double measure_us(Device& device, const std::function<void()>& call) {
  repeated_milliseconds(device, 1, call);
  const double once = repeated_milliseconds(device, 2, call);
  const int repeats = std::clamp(static_cast<int>(4 / std::max(once, 1e-4)), 2, 200);
  std::vector<double> times;
  for (int i = 0; i < 3; ++i) times.push_back(repeated_milliseconds(device, repeats, call));
  std::sort(times.begin(), times.end());
  return 1e3 * times[1];
}

}  // namespace

int floors_bench(const std::vector<std::string>& words) {
  RunOptions defaults;
  defaults.device = "cuda";
  defaults.layers = 24;
  defaults.seconds = 240;
  const RunOptions options = parse_run(words, defaults);
  with_planned_program(options, [&](const Program& program) { print_floors(options, program); });
  return 0;
}

int kernels_bench(const std::vector<std::string>& words) {
  const RunOptions options = parse_run(words);
  const std::unique_ptr<Device> device = open_bench_device(options);
  const std::unique_ptr<Decoder> decoder = open_bench_decoder(options, *device);
  BenchSession bench(options, *decoder);
  for (int i = 0; i < 3; ++i) bench.step();
  const Program& program = bench.session().program();
  Stream& stream = device->stream();
  const auto whole = [&] { program.run(stream); };
  const double eager = device_milliseconds(*device, whole), graph = repeated_milliseconds(*device, 3, whole);
  std::vector<Kind> kinds = kinds_of(program);
  // In the step's order, each kind where it first stands: every call then finds what the one before it left.
  double sum = 0, floor = 0;
  size_t next = 0;
  for (Kind& kind : kinds) {
    for (; next < kind.first; ++next) program.run_call(next, stream);
    kind.us = measure_us(*device, [&] { program.run_call(kind.first, stream); });
    sum += kind.count * kind.us / 1e3;
    floor += kind.count * kind.floor_us(options) / 1e3;
    std::printf("{\"benchmark\":\"kernel\",\"name\":%s,\"count\":%d,\"us\":%.3f,\"gflop\":%.6g,\"mb\":%.6g,\"floor_us\":%.3f}\n", json_text(kind.cost.name).c_str(),
                kind.count, kind.us, static_cast<double>(kind.cost.flops) / 1e9, static_cast<double>(kind.cost.bytes) / 1e6, kind.floor_us(options));
    std::fflush(stdout);
  }
  std::printf("{\"benchmark\":\"kernels\",%s,\"kinds\":%zu,\"calls\":%zu,\"sum_ms\":%.3f,\"eager_ms\":%.3f,\"graph_ms\":%.3f,\"floor_ms\":%.3f}\n", options.json().c_str(),
              kinds.size(), program.calls(), sum, eager, graph, floor);
  return 0;
}

}  // namespace ace
