// Matrix products of the CUDA twin through the same call as a step's: one JSON object on stdout, rates in GFLOP/s as
// `gemm` prints them. The large squares say what this device can do; the rest are the products of a 240 s step.
//   core_bench gemm --device cuda [--runs 5] [--filter TEXT]
#include <algorithm>
#include <cstdio>

#include "bench_session.h"
#include "gemm.h"
#include "ops/kernels.h"

namespace ace {

namespace {

struct Product {
  const char* name;
  int64_t m, n, k;
  bool transposed_a, transposed_b;
};

constexpr Product kProducts[] = {
    {"square 8192, x W^T", 8192, 8192, 8192, false, true},
    {"square 8192, dy W", 8192, 8192, 8192, false, false},
    {"square 4096, x W^T", 4096, 4096, 4096, false, true},
    {"q_proj, x W^T", 3000, 2048, 2048, false, true},
    {"q_proj, dy W", 3000, 2048, 2048, false, false},
    {"q, k, v stacked, x W^T", 3000, 4096, 2048, false, true},
    {"q, k, v stacked, dy W", 3000, 2048, 4096, false, false},
    {"gate, up stacked, x W^T", 3000, 12288, 2048, false, true},
    {"gate, up stacked, dy W", 3000, 2048, 12288, false, false},
    {"down_proj, x W^T", 3000, 2048, 6144, false, true},
    {"down_proj, dy W", 3000, 6144, 2048, false, false},
    {"LoRA down, x A^T, rank 64", 3000, 64, 2048, false, true},
    {"LoRA up, h B^T, rank 64", 3000, 2048, 64, false, true},
    {"LoRA dA = dh^T x, rank 64", 64, 2048, 3000, true, false},
};

Storage random_matrix(Device& device, int64_t rows, int64_t columns) {
  Storage host({rows, columns}, DType::bf16, "a product's operand", false), out(device, {rows, columns}, DType::bf16, "a product's operand", false);
  uint32_t state = 1;
  for (int64_t i = 0; i < rows * columns; ++i) {
    state = state * 1664525u + 1013904223u;
    host.tensor().as<bf16>()[i] = to_bf16(static_cast<float>(state >> 8) * 0x1p-24f - 0.5f);
  }
  upload(device, out.tensor(), host.tensor());
  return out;
}

}  // namespace

int gemm_cuda_bench(const std::vector<std::string>& words) {
  std::string filter;
  std::vector<std::string> rest;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--filter" && i + 1 < words.size()) filter = words[++i];
    else rest.push_back(words[i]);
  }
  const RunOptions options = parse_run(rest);
  const std::unique_ptr<Device> device = open_bench_device(options);
  std::printf("{\"benchmark\":\"gemm\",\"device\":\"cuda\",\"dtype\":\"bf16\",\"runs\":%d,\"unit\":\"GFLOP/s\",\"shapes\":[", options.runs);
  const char* separator = "\n";
  for (const Product& s : kProducts) {
    if (std::string(s.name).find(filter) == std::string::npos) continue;
    const Storage a = random_matrix(*device, s.transposed_a ? s.k : s.m, s.transposed_a ? s.m : s.k);
    const Storage b = random_matrix(*device, s.transposed_b ? s.n : s.k, s.transposed_b ? s.k : s.n);
    const Storage c(*device, {s.m, s.n}, DType::bf16, "a product", false);
    Program program(device->kind());
    program.call<kernels::matmul>(c.tensor(), a.tensor(), b.tensor(), Tensor{}, MatmulSpec{s.transposed_a, s.transposed_b});
    program.plan();
    program.bind(nullptr);
    const auto product = [&] { program.run(device->stream()); };
    const double gflop = 2e-9 * static_cast<double>(s.m * s.n * s.k);
    product();  // once outside a graph: whatever is chosen on first use is chosen here
    repeated_milliseconds(*device, 3, product);
    std::vector<double> rates;
    for (int run = 0; run < options.runs; ++run)
      rates.push_back(1e3 * gflop / repeated_milliseconds(*device, std::clamp(static_cast<int>(5000 / gflop), 3, 200), product));
    std::sort(rates.begin(), rates.end());
    std::printf("%s  {\"name\":\"%s\",\"m\":%lld,\"n\":%lld,\"k\":%lld,\"batch\":1,\"ours\":%.1f,\"best\":%.1f}", separator, s.name, static_cast<long long>(s.m),
                static_cast<long long>(s.n), static_cast<long long>(s.k), rates[rates.size() / 2], rates.back());
    std::fflush(stdout);
    separator = ",\n";
  }
  std::printf("\n]}\n");
  return 0;
}

}  // namespace ace
