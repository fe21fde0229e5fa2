#include "ops/cuda/attention/hopper/trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <set>
#include <string>

#include "ops/kernels.h"
#include "ops/philox.h"
#include "tensor/storage.h"

namespace ace::cuda::attention {

namespace {

// So many tiles that every place of a kernel's ring is filled again, the last tiles never full: 5 steps over keys forward, 8 for
// dQ, 6 turns over rows for each team of dK and dV.
constexpr int64_t kLength = 322, kKeys = 453, kHeads = 2, kHead = 128;
// A race may spare a run: the same sums in the same order are the same bits, each time.
constexpr int kRuns = 3;
// Of a tensor's largest number. Both round weights to bf16, at places of their own; a wrong layout is off by all of it.
constexpr double kBound = 1.0 / 32;

struct Results {
  const char* name;
  Storage storage, portable, first;
};

void fill(Device& device, const Storage& tensor, uint64_t stream) {
  const Storage host(tensor.tensor().shape, DType::bf16, "attention's trial");
  for (int64_t i = 0; i < tensor.tensor().elements(); ++i)
    set_element(host.tensor(), i, 2 * uniform01(random_words(stream, 0, 0, 0, static_cast<uint64_t>(i)).word[0]) - 1);
  upload(device, tensor.tensor(), host.tensor());
}

// The largest difference over the largest number; infinity where one is no number.
double difference(const Tensor& a, const Tensor& b) {
  double most = 0, apart = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    const double x = element(a, i), y = element(b, i);
    if (!std::isfinite(x) || !std::isfinite(y)) return INFINITY;
    most = std::max(most, std::abs(y));
    apart = std::max(apart, std::abs(x - y));
  }
  return apart / most;
}

[[noreturn]] void refuse(int index, const std::string& what) {
  throw Error(ErrorCode::device, "cuda:" + std::to_string(index) + ": attention's kernels for compute capability 9.0 " + what +
                                     "; set ACEWRIGHT_ATTENTION=portable to train with the portable ones, and please report this");
}

void compare(Device& device, int index) {
  const auto make = [&](const Shape& shape, DType dtype) { return Storage(device, shape, dtype, "attention's trial"); };
  const Shape rows{1, kLength, kHeads * kHead}, keys{1, kKeys, kHead}, statistics{1, kHeads, kLength};
  const Storage q = make(rows, DType::bf16), k = make(keys, DType::bf16), v = make(keys, DType::bf16), d_o = make(rows, DType::bf16);
  uint64_t stream_number = 0;
  for (const Storage* input : {&q, &k, &v, &d_o}) fill(device, *input, ++stream_number);
  Results results[] = {{"o", make(rows, DType::bf16), {}, {}},
                       {"lse", make(statistics, DType::f32), {}, {}},
                       {"dq", make(rows, DType::bf16), {}, {}},
                       {"dk", make(keys, DType::bf16), {}, {}},
                       {"dv", make(keys, DType::bf16), {}, {}}};
  const auto& [o, lse, dq, dk, dv] = results;
  const Storage row_dot = make(statistics, DType::f32);
  AttentionSpec spec;
  spec.heads = kHeads;
  spec.kv_heads = 1;
  Stream stream = device.stream();
  const auto run = [&](bool warpgroups) {
    stream.warpgroups = warpgroups;
    attention_forward(stream, o.storage.tensor(), lse.storage.tensor(), q.tensor(), k.tensor(), v.tensor(), {}, {}, {}, {}, spec);
    attention_backward(stream, dq.storage.tensor(), dk.storage.tensor(), dv.storage.tensor(), row_dot.tensor(), d_o.tensor(), o.storage.tensor(),
                       lse.storage.tensor(), q.tensor(), k.tensor(), v.tensor(), {}, {}, {}, spec);
  };
  run(false);
  for (Results& result : results) result.portable = download(device, result.storage.tensor());
  for (int i = 0; i < kRuns; ++i) {
    run(true);
    for (Results& result : results) {
      Storage now = download(device, result.storage.tensor());
      if (i == 0) expect_agreement(result.name, now.tensor(), result.portable.tensor(), index);
      else expect_repetition(result.name, now.tensor(), result.first.tensor(), index);
      if (i == 0) result.first = std::move(now);
    }
  }
}

}  // namespace

void expect_agreement(const char* name, const Tensor& result, const Tensor& portable, int index) {
  const double apart = difference(result, portable);
  if (apart > kBound)
    refuse(index, std::string("give another ") + name + " than the portable ones (apart by " + std::to_string(apart) + " of the largest number)");
}

void expect_repetition(const char* name, const Tensor& result, const Tensor& first, int index) {
  if (std::memcmp(result.data, first.data, static_cast<size_t>(first.bytes())) != 0)
    refuse(index, std::string("give another ") + name + " each time they run");
}

void try_warpgroups(Device& device, int index) {
  static std::mutex mutex;
  static std::set<int> agreed;
  const std::lock_guard lock(mutex);
  if (agreed.count(index) > 0) return;
  compare(device, index);
  agreed.insert(index);
}

}  // namespace ace::cuda::attention
