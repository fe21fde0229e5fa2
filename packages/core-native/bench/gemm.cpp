// Matrix products of the CPU twin against oneDNN's, interleaved, median of several runs: one JSON object on stdout.
//   core_bench gemm [--device cpu] [--threads N] [--runs N] [--filter TEXT] [--clock wall|cpu]
// The processor's clock leaves out what other programs take: for one thread on a busy machine.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gemm.h"
#include "ops/cpu/gemm/gemm.h"

#if defined(ACE_BENCH_ONEDNN)
#include <oneapi/dnnl/dnnl.hpp>
extern "C" void omp_set_num_threads(int);
#endif

using namespace ace;
using namespace ace::cpu;

namespace {

struct Shape {
  const char* name;
  int64_t m, n, k;
  bool transposed_a, transposed_b;  // stored [k, m], [n, k]
  DType b_dtype = DType::f32;
  int64_t batch = 1;
  enum Kind { one, shared_a, reduce } kind = one;
};

constexpr Shape kShapes[] = {
    {"linear 2048x2048, x W^T", 1024, 2048, 2048, false, true},
    {"linear 2048x2048, dy W", 1024, 2048, 2048, false, false},
    {"linear 2048x2048, x W^T, bf16 W", 1024, 2048, 2048, false, true, DType::bf16},
    {"linear 2048x2048, dy W, bf16 W", 1024, 2048, 2048, false, false, DType::bf16},
    {"mlp 2048 to 6144, x W^T", 750, 6144, 2048, false, true},
    {"mlp 2048 to 6144, dy W", 750, 2048, 6144, false, false},
    {"mlp 2048 to 6144, x W^T, bf16 W", 750, 6144, 2048, false, true, DType::bf16},
    {"mlp 2048 to 6144, dy W, bf16 W", 750, 2048, 6144, false, false, DType::bf16},
    {"attention scores, q k^T", 750, 750, 128, false, true},
    {"attention values, p v", 750, 128, 750, false, false},
    {"LoRA down, x A^T, rank 64", 750, 64, 2048, false, true},
    {"LoRA up, h B^T, rank 64", 750, 2048, 64, false, true},
    {"LoRA dA = dh^T x, rank 64", 64, 2048, 750, true, false},
    {"LoRA down, x A^T, rank 8", 750, 8, 2048, false, true},
    {"LoRA dA = dh^T x, rank 8", 8, 2048, 750, true, false},
    {"LoKr w1 z, 32x32 by 32x64", 32, 64, 32, false, false, DType::f32, 1024, Shape::shared_a},
    {"LoKr w1 z, 64x64 by 64x96", 64, 96, 64, false, false, DType::f32, 750, Shape::shared_a},
    {"LoKr w1 z, 8x8 by 8x256", 8, 256, 8, false, false, DType::f32, 1024, Shape::shared_a},
    {"LoKr dw1, 32x64 by 64x32", 32, 32, 64, false, true, DType::f32, 1024, Shape::reduce},
    {"LoKr dw1, 64x96 by 96x64", 64, 64, 96, false, true, DType::f32, 750, Shape::reduce},
    {"LoKr dw1, columns, 32x64 by 64x32", 32, 32, 64, true, false, DType::f32, 1024, Shape::reduce},
    {"one token, bf16 W", 1, 2048, 2048, false, true, DType::bf16},
    {"four tokens, bf16 W", 4, 6144, 2048, false, true, DType::bf16},
    {"eight tokens, bf16 W", 8, 6144, 2048, false, true, DType::bf16},
    {"sixteen tokens, bf16 W", 16, 6144, 2048, false, true, DType::bf16},
    {"four tokens, dy W, bf16 W", 4, 2048, 6144, false, false, DType::bf16},
};

bool cpu_clock = false;

double now() {
  if (cpu_clock) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds(const std::function<void()>& call, int repeats) {
  const double start = now();
  for (int i = 0; i < repeats; ++i) call();
  return (now() - start) / repeats;
}

// The median is what one gets; the best is what is left of it on a busy machine.
struct Rates {
  double median = 0, best = 0;
  explicit Rates(std::vector<double> values = {0.0}) {
    std::sort(values.begin(), values.end());
    median = values[values.size() / 2];
    best = values.back();
  }
};

struct Buffers {
  std::vector<float> a, b, c, other;
  std::vector<bf16> b16;

  explicit Buffers(const Shape& s)
      : a(static_cast<size_t>(s.m * s.k * (s.kind == Shape::shared_a ? 1 : s.batch))), b(static_cast<size_t>(s.k * s.n * s.batch)),
        c(static_cast<size_t>(s.m * s.n * (s.kind == Shape::reduce ? 1 : s.batch))), other(c.size()), b16(b.size()) {
    uint32_t state = 1;
    const auto next = [&] { return static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24f - 0.5f; };
    for (float& x : a) x = next();
    for (size_t i = 0; i < b.size(); ++i) b[i] = to_float(b16[i] = to_bf16(next()));
  }
};

BatchedGemmArgs arguments(const Shape& s, Buffers& x) {
  BatchedGemmArgs g{};
  g.m = s.m, g.n = s.n, g.k = s.k;
  g.a = {x.a.data(), DType::f32, s.transposed_a ? 1 : s.k, s.transposed_a ? s.m : 1};
  g.b = {x.b.data(), DType::f32, s.transposed_b ? 1 : s.n, s.transposed_b ? s.k : 1};
  if (s.b_dtype == DType::bf16) g.b.data = x.b16.data(), g.b.dtype = DType::bf16;
  g.c = x.c.data(), g.ldc = s.n;
  g.batch = s.batch;
  g.a_stride = s.kind == Shape::shared_a ? 0 : s.m * s.k;
  g.b_stride = s.k * s.n, g.c_stride = s.m * s.n;
  return g;
}

#if defined(ACE_BENCH_ONEDNN)
// oneDNN's float32 product (bf16 weights widened beforehand, not counted): the faster of its two doors.
std::vector<std::function<void()>> peers(const Shape& s, Buffers& x) {
  if (s.kind == Shape::reduce) return {};
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  using dnnl::memory;
  const bool batched = s.kind == Shape::shared_a;
  const auto layout = [&](int64_t items, int64_t rows, int64_t cols, bool transposed) {
    if (batched) return memory::desc({items, rows, cols}, memory::data_type::f32, memory::format_tag::abc);
    return memory::desc({rows, cols}, memory::data_type::f32, transposed ? memory::format_tag::ba : memory::format_tag::ab);
  };
  const auto a = layout(1, s.m, s.k, s.transposed_a), b = layout(s.batch, s.k, s.n, s.transposed_b), c = layout(s.batch, s.m, s.n, false);
  dnnl::matmul product(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), engine));
  std::unordered_map<int, memory> memories{{DNNL_ARG_SRC, memory(a, engine, x.a.data())},
                                           {DNNL_ARG_WEIGHTS, memory(b, engine, x.b.data())},
                                           {DNNL_ARG_DST, memory(c, engine, x.other.data())}};
  const std::function<void()> matmul = [=]() mutable {
    product.execute(stream, memories);
    stream.wait();
  };
  if (batched) return {matmul};
  return {matmul, [=, &x] {
            dnnl_sgemm(s.transposed_a ? 'T' : 'N', s.transposed_b ? 'T' : 'N', s.m, s.n, s.k, 1, x.a.data(), s.transposed_a ? s.m : s.k,
                       x.b.data(), s.transposed_b ? s.k : s.n, 0, x.other.data(), s.n);
          }};
}

bool agree(const Buffers& x, int64_t k) {
  for (size_t i = 0; i < x.c.size(); ++i) {
    if (!(std::abs(x.c[i] - x.other[i]) <= 1e-6f * static_cast<float>(k))) return false;
  }
  return true;
}
#endif

// Threads that just worked may spin for a while; the next contestant should not pay for it.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(15)); }

}  // namespace

int ace::gemm_bench(int argc, char** argv) {
  int threads = 2, runs = 7;
  std::string filter;
  for (int i = 0; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    if (key == "--threads") threads = std::atoi(argv[i + 1]);
    else if (key == "--runs") runs = std::atoi(argv[i + 1]);
    else if (key == "--filter") filter = argv[i + 1];
    else if (key == "--device" && std::string_view(argv[i + 1]) == "cpu") continue;
    else if (key == "--clock") cpu_clock = std::string_view(argv[i + 1]) == "cpu";
    else return std::fprintf(stderr, "unknown option %s\n", argv[i]), 2;
  }
  if (cpu_clock && threads != 1) return std::fprintf(stderr, "--clock cpu counts all threads' time: use it with --threads 1\n"), 2;
  ThreadPool pool(threads);
  std::printf("{\"benchmark\": \"gemm\", \"isa\": \"%s\", \"threads\": %d, \"runs\": %d, \"clock\": \"%s\", \"unit\": \"GFLOP/s\",\n", instruction_set(), threads, runs,
              cpu_clock ? "cpu" : "wall");
#if defined(ACE_BENCH_ONEDNN)
  omp_set_num_threads(threads);
  const dnnl_version_t* version = dnnl_version();
  std::printf(" \"onednn\": \"%d.%d.%d\",\n", version->major, version->minor, version->patch);
#else
  std::printf(" \"onednn\": null, \"note\": \"built without oneDNN: only our own figures\",\n");
#endif
  std::printf(" \"shapes\": [");
  const char* separator = "\n";
  for (const Shape& s : kShapes) {
    if (std::string(s.name).find(filter) == std::string::npos) continue;
    Buffers x(s);
    const BatchedGemmArgs g = arguments(s, x);
    const auto ours = [&] {
      if (s.kind == Shape::one) gemm(pool, Compute::f32, g);
      else if (s.kind == Shape::shared_a) gemm_batched(pool, Compute::f32, g);
      else gemm_batched_reduce(pool, Compute::f32, g);
    };
    const double gflop = 2e-9 * static_cast<double>(s.m * s.n * s.k * s.batch);
    const int repeats = std::max(1, static_cast<int>(8 / gflop));
    std::vector<std::function<void()>> others;
#if defined(ACE_BENCH_ONEDNN)
    others = peers(s, x);
#endif
    std::vector<double> mine;
    std::vector<std::vector<double>> theirs(others.size());
    seconds(ours, 1);
    for (const auto& other : others) seconds(other, 1);
    for (int run = 0; run < runs; ++run) {
      settle();
      mine.push_back(gflop / seconds(ours, repeats));
      for (size_t o = 0; o < others.size(); ++o) {
        settle();
        theirs[o].push_back(gflop / seconds(others[o], repeats));
      }
    }
    const Rates ours_rates(mine);
    std::printf("%s  {\"name\": \"%s\", \"m\": %lld, \"n\": %lld, \"k\": %lld, \"batch\": %lld, \"ours\": %.1f, \"best\": %.1f", separator, s.name,
                static_cast<long long>(s.m), static_cast<long long>(s.n), static_cast<long long>(s.k), static_cast<long long>(s.batch), ours_rates.median, ours_rates.best);
    Rates peer;
    for (const auto& rates : theirs) {
      if (Rates(rates).median > peer.median) peer = Rates(rates);
    }
    if (peer.median > 0) {
      std::printf(", \"onednn\": %.1f, \"onednn_best\": %.1f, \"ratio\": %.3f, \"ratio_best\": %.3f", peer.median, peer.best,
                  ours_rates.median / peer.median, ours_rates.best / peer.best);
    }
#if defined(ACE_BENCH_ONEDNN)
    if (!others.empty() && !agree(x, s.k)) {
      std::fprintf(stderr, "%s: the results differ\n", s.name);
      return 1;
    }
#endif
    std::printf("}");
    std::fflush(stdout);
    separator = ",\n";
  }
  std::printf("\n]}\n");
  return 0;
}
