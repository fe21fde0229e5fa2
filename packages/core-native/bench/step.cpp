// One training step of the true-size decoder with random weights: time, loss, gradient norm, peak memory, and where the
// time goes, kernel by kernel.
//   core_bench step [--layers 2] [--seconds 60] [--condition 769] [--adapter lora|dora|lokr|loha] [--rank 64] [--mlp]
//                   [--recompute none|cheap|mlp|block] [--threads 2] [--runs 5] [--xl] [--weights bf16|f32] [--profile]
#include "step.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include "ops/cpu/gemm/gemm.h"
#include "train/session.h"

namespace ace {

namespace {

struct Options {
  int64_t layers = 2, condition = 769, rank = 64;
  double seconds = 60;
  std::string adapter = "lora", recompute = "none", weights = "bf16";
  int threads = 2, runs = 5;
  bool mlp = false, xl = false, profile = false;
};

ModelConfig config_of(const Options& o) {
  ModelConfig c;
  c.hidden_size = o.xl ? 2560 : 2048;
  c.intermediate_size = o.xl ? 9728 : 6144;
  c.num_hidden_layers = o.layers;
  c.num_attention_heads = o.xl ? 32 : 16;
  c.num_key_value_heads = 8;
  c.head_dim = 128;
  c.encoder_hidden_size = 2048;
  c.encoder_intermediate_size = 6144;
  c.sliding_window = 128;
  for (int64_t i = 0; i < o.layers; ++i) c.sliding.push_back(i % 2 == 0);
  return c;
}

int64_t peak_bytes() {
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

Options parse(int argc, char** argv) {
  Options o;
  auto fail = [](const std::string& what) { throw Error(ErrorCode::config, "core_bench step: " + what); };
  for (int i = 0; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--mlp") { o.mlp = true; continue; }
    if (flag == "--xl") { o.xl = true; continue; }
    if (flag == "--profile") { o.profile = true; continue; }
    if (i + 1 >= argc) fail(flag + " needs a value");
    const char* value = argv[++i];
    if (flag == "--layers") o.layers = std::atoll(value);
    else if (flag == "--seconds") o.seconds = std::atof(value);
    else if (flag == "--condition") o.condition = std::atoll(value);
    else if (flag == "--adapter") o.adapter = value;
    else if (flag == "--rank") o.rank = std::atoll(value);
    else if (flag == "--recompute") o.recompute = value;
    else if (flag == "--weights") o.weights = value;
    else if (flag == "--threads") o.threads = std::atoi(value);
    else if (flag == "--runs") o.runs = std::atoi(value);
    else fail("unknown flag " + flag);
  }
  return o;
}

}  // namespace

int step_bench(int argc, char** argv) {
  const Options o = parse(argc, argv);
  CpuDevice device(o.threads);
  const Decoder decoder(config_of(o), std::make_unique<RandomWeights>(device, 7, o.weights == "f32" ? DType::f32 : DType::bf16), DType::f32);
  const int64_t loaded = rss_bytes();
  AdapterConfig adapter_config;
  adapter_config.kind = o.adapter == "dora" ? AdapterKind::dora : o.adapter == "lokr" ? AdapterKind::lokr
                      : o.adapter == "loha" ? AdapterKind::loha : AdapterKind::lora;
  adapter_config.rank = o.rank;
  adapter_config.alpha = static_cast<double>(o.rank);
  adapter_config.target_modules = {"q_proj", "k_proj", "v_proj", "o_proj"};
  if (o.mlp) adapter_config.target_modules.insert(adapter_config.target_modules.end(), {"gate_proj", "up_proj", "down_proj"});
  Adapter adapter(adapter_config, decoder.targets(), 1, DType::f32, device);
  const Storage null_condition({2048}, DType::f32, "null condition");
  SessionConfig config;
  config.bucket_tokens = 1;
  config.bucket_condition = 1;
  config.recompute = recompute_named(o.recompute);
  TrainSession session(decoder, adapter, null_condition.tensor(), config);
  const int64_t frames = static_cast<int64_t>(o.seconds * 25);
  std::vector<float> latents(static_cast<size_t>(frames * 64)), context(static_cast<size_t>(frames * 128)),
      condition(static_cast<size_t>(o.condition * 2048));
  uint32_t random = 1;
  for (auto* values : {&latents, &context, &condition})
    for (float& value : *values) {
      random = random * 1664525u + 1013904223u;
      value = static_cast<float>(random >> 8) / 8388608.0f - 1;
    }
  session.add_sample(latents.data(), frames, context.data(), {{condition.data(), o.condition}});
  latents = context = condition = {};
  std::vector<double> times;
  StepResult result;
  for (int run = 0; run <= o.runs; ++run) {
    SampleRef ref;
    ref.timestep = 0.5;
    ref.drop_condition = 0;
    const auto start = std::chrono::steady_clock::now();
    result = session.step(static_cast<uint64_t>(run), 1e-4, {{ref}});
    if (run > 0) times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  const MemoryPlan plan = session.memory();
  std::printf("{\"isa\":\"%s\",\"layers\":%lld,\"seconds\":%g,\"adapter\":\"%s\",\"min_ms\":%.1f,\"median_ms\":%.1f,\"gflop\":%.1f,"
              "\"gflops\":%.1f,\"loss\":%.6f,\"grad_norm\":%.6f,\"arena_mib\":%.1f,\"plan_mib\":%.1f,\"peak_mib\":%.1f,\"planned_growth_mib\":%.1f,\"rss_growth_mib\":%.1f}\n",
              cpu::instruction_set(), static_cast<long long>(o.layers), o.seconds, o.adapter.c_str(), times.front(),
              times[times.size() / 2], static_cast<double>(plan.flops) / 1e9, static_cast<double>(plan.flops) / times.front() / 1e6,
              result.loss, result.grad_norm, static_cast<double>(plan.arena_bytes) / 1048576.0,
              static_cast<double>(plan.total()) / 1048576.0, static_cast<double>(peak_bytes()) / 1048576.0,
              static_cast<double>(plan.total() - plan.weight_bytes) / 1048576.0, static_cast<double>(rss_bytes() - loaded) / 1048576.0);
  if (o.profile) {
    std::map<std::string, std::pair<double, int>> by_name;
    for (const CallTime& time : session.profile()) {
      by_name[time.name].first += time.milliseconds;
      by_name[time.name].second += 1;
    }
    std::vector<std::pair<double, std::string>> sorted;
    for (const auto& [name, entry] : by_name) sorted.emplace_back(entry.first, name);
    std::sort(sorted.rbegin(), sorted.rend());
    for (const auto& [ms, name] : sorted) std::fprintf(stderr, "%9.2f ms  %5d calls  %s\n", ms, by_name[name].second, name.c_str());
  }
  return 0;
}

}  // namespace ace
