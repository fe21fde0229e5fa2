// Training steps of the true-size decoder with random weights: time, loss, gradient norm and memory, one JSON line a run.
//   core_bench step [--device cpu|cuda] [--layers 2] [--seconds 60] [--condition 769] [--batch 1] [--rank 64] [--mlp] [--xl]
//                   [--adapter lora|dora|lokr|loha] [--targets MODULE]... [--recompute none|cheap|mlp|block|cheap:N|mlp:N|block:N]
//                   [--tune]
//                   [--shortest SHARE] [--packed]
//                   [--dtype bf16|f32] [--weights bf16|f32] [--threads 2] [--warmup 1] [--runs 5] [--label TEXT]
//                   [--profile] [--lines FILE] [--folder DIR]
// --shortest: of a batch's songs, as a share of the longest (1); --packed: they lie behind one another, none padded.
// --folder: model, batch and adapter from there (shared_batch.h): what PyTorch computes on them too.
// --lines: each line of FILE holds more flags for one run; all runs share the decoder. A run that the device has no room
// for is a line with an error; the next one follows.
#include "step.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include "bench_session.h"
#include "ops/cpu/gemm/gemm.h"

namespace ace {

namespace {

constexpr double kMiB = 1048576;

int64_t peak_rss_bytes() {
#if defined(_WIN32)
  return 0;
#else
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
#endif
}

// Bytes of this process that are in memory now (Linux; 0 elsewhere).
int64_t rss_bytes() {
  int64_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    long long size = 0, resident = 0;
    if (std::fscanf(file, "%lld %lld", &size, &resident) == 2) pages = resident;
    std::fclose(file);
  }
  return pages * 4096;
}

// What the device, or on a CPU the process, holds now.
int64_t held_bytes(Device& device) {
  if (device.kind() == DeviceKind::cpu) return rss_bytes();
  const DeviceBytes bytes = device_bytes(device);
  return bytes.total - bytes.free;
}

struct Memory {
  int64_t context, loaded;  // held by the context alone, and with the weights
};

void run(const RunOptions& options, const Decoder& decoder, const Memory& before, bool profile) {
  BenchSession bench(options, decoder);
  StepResult first = bench.step(), last = first;
  for (int i = 1; i < options.warmup; ++i) last = bench.step();
  std::vector<double> wall, on_device;
  for (int i = 0; i < options.runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    on_device.push_back(device_milliseconds(decoder.device(), [&] { last = bench.step(); }));
    wall.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(wall.begin(), wall.end());
  std::sort(on_device.begin(), on_device.end());
  const MemoryPlan plan = bench.session().memory();
  const int64_t held = held_bytes(decoder.device());
  const bool cpu = decoder.device().kind() == DeviceKind::cpu;
  const double gflop = static_cast<double>(plan.flops) / 1e9, growth = static_cast<double>(held - before.loaded) / kMiB;
  const double peak = static_cast<double>(cpu ? peak_rss_bytes() : held - before.context) / kMiB;
  std::printf("{\"benchmark\":\"step\",%s,\"isa\":\"%s\",\"runs\":%zu,\"min_ms\":%.3f,\"median_ms\":%.3f,\"p90_ms\":%.3f,\"device_ms\":%.3f,"
              "\"gflop\":%.1f,\"gflops\":%.1f,\"first_loss\":%.6f,\"loss\":%.6f,\"first_grad_norm\":%.6f,\"grad_norm\":%.6f,"
              "\"context_mib\":%.1f,\"weights_mib\":%.1f,\"arena_mib\":%.1f,\"plan_mib\":%.1f,\"peak_mib\":%.1f,\"planned_growth_mib\":%.1f,"
              "\"growth_mib\":%.1f,\"rss_growth_mib\":%.1f}\n",
              options.json().c_str(), cpu::instruction_set(), wall.size(), wall.front(), wall[wall.size() / 2], wall[wall.size() * 9 / 10],
              on_device[on_device.size() / 2], gflop, gflop / wall.front() * 1e3, first.loss, last.loss, first.grad_norm, last.grad_norm,
              static_cast<double>(before.context) / kMiB, static_cast<double>(before.loaded - before.context) / kMiB,
              static_cast<double>(plan.arena_bytes) / kMiB, static_cast<double>(plan.total()) / kMiB, peak,
              static_cast<double>(plan.total() - plan.weight_bytes) / kMiB, growth, cpu ? growth : 0);
  std::fflush(stdout);
  if (!profile) return;
  std::map<std::string, std::pair<double, int>> by_name;
  for (const CallTime& time : bench.session().profile()) {
    by_name[time.name].first += time.milliseconds;
    by_name[time.name].second += 1;
  }
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [name, entry] : by_name) sorted.emplace_back(entry.first, name);
  std::sort(sorted.rbegin(), sorted.rend());
  for (const auto& [ms, name] : sorted) std::fprintf(stderr, "%9.2f ms  %5d calls  %s\n", ms, by_name[name].second, name.c_str());
}

std::vector<RunOptions> runs_of(const RunOptions& common, const std::string& file) {
  if (file.empty()) return {common};
  std::ifstream in(file);
  if (!in) throw Error(ErrorCode::file, "core_bench: cannot read " + file);
  std::vector<RunOptions> out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    const std::vector<std::string> flags{std::istream_iterator<std::string>(words), {}};
    if (flags.empty()) continue;
    out.push_back(parse_run(flags, common));
    if (!out.back().same_decoder(common)) throw Error(ErrorCode::config, "core_bench: --lines: \"" + line + "\" asks for another decoder");
  }
  return out;
}

}  // namespace

int step_bench(const std::vector<std::string>& words) {
  RunOptions common;
  std::vector<std::string> rest;
  std::string lines;
  bool profile = false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--profile") profile = true;
    else if (words[i] == "--lines" && i + 1 < words.size()) lines = words[++i];
    else rest.push_back(words[i]);
  }
  common = parse_run(rest);
  const std::vector<RunOptions> runs = runs_of(common, lines);
  const std::unique_ptr<Device> device = open_bench_device(common);
  Memory before{};
  before.context = held_bytes(*device);
  const std::unique_ptr<Decoder> decoder = open_bench_decoder(common, *device);
  device->synchronize();
  before.loaded = held_bytes(*device);
  for (const RunOptions& options : runs) {
    try {
      run(options, *decoder, before, profile);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::out_of_memory) throw;
      std::printf("{\"benchmark\":\"step\",%s,\"code\":\"%s\",\"error\":%s}\n", options.json().c_str(), name(error.code()), json_text(error.what()).c_str());
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace ace
