// Attention on products of a warpgroup against the CPU twin (attention_check.h), at the edges of its tiles: 128 query rows and
// 128 keys forward, 64 keys a step for dQ, 128 keys and 64 rows a step for dK and dV.
#include "attention_check.h"

#include <cstdlib>

#if ACE_WITH_CUDA
#include "ops/cuda/attention/hopper/trial.h"
#include "ops/cuda/device.h"
#include "tensor/storage.h"
#endif

using namespace ace;
using namespace ace::test;
using namespace ace::test::attention_case;

namespace {

void skip_without_warpgroups() {
  skip_without_cuda();
#if ACE_WITH_CUDA
  if (!cuda::has_warpgroups(0)) SKIP("the device has no products of a warpgroup");
#endif
}

void check_warpgroups(const std::vector<Case>& cases) {
  skip_without_warpgroups();
  for (const Case& c : cases) check_case(c, DType::bf16, true, true);
}

}  // namespace

TEST("CUDA: attention by warpgroups equals the CPU twin") {
  check_warpgroups({{1, 128, 128, 1, 1, 128}, {2, 65, 129, 2, 1, 128}, {1, 200, 330, 2, 2, 128}});
  check_warpgroups({{1, 65, 63, 2, 2, 64}, {1, 33, 70, 2, 1, 16}});  // heads that the portable kernels take
}

TEST("CUDA: attention by warpgroups is right at the edges of its tiles") {
  check_warpgroups({{1, 1, 1, 1, 1, 128}, {1, 1, 260, 1, 1, 128}, {1, 260, 1, 1, 1, 128}, {1, 63, 64, 1, 1, 128}, {1, 129, 65, 1, 1, 128}, {1, 257, 127, 1, 1, 128}});
}

TEST("CUDA: attention by warpgroups keeps to its window") {
  // 1 and 97: the last row of a block sees one key, and a key the one row, of a step that nobody else needs.
  for (const int window : {0, 1, 64, 97, 128}) check_warpgroups({{1, 300, 300, 1, 1, 128, window}});
  check_warpgroups({{1, 129, 300, 1, 1, 128, 5}, {1, 300, 65, 1, 1, 128, 3}, {1, 200, 200, 2, 1, 128, -1, {}, true}, {1, 200, 200, 1, 1, 128, 64, {}, true}});
}

TEST("CUDA: attention by warpgroups hides keys from a count on") {
  check_warpgroups({{4, 66, 140, 1, 1, 128, -1, {0, 1, 139, 140}}, {2, 129, 129, 2, 1, 128, 5, {65, 3}}});
  Case poisoned{2, 66, 140, 2, 1, 128, -1, {69, 128}};
  poisoned.poisoned = true;
  check_warpgroups({poisoned});
}

TEST("CUDA: attention by warpgroups adds to gradients, and computes those that are given alone") {
  for (int wanted = 1; wanted < 8; ++wanted) {
    Case c{1, 70, 133, 2, 1, 128};
    c.wanted = wanted;
    c.accumulate = wanted % 2 == 1;
    check_warpgroups({c});
  }
  for (const int accumulated : {1, 2, 4}) {
    Case c{1, 70, 133, 2, 1, 128};
    c.accumulate = true;
    c.accumulated = accumulated;
    check_warpgroups({c});
  }
}

TEST("CUDA: attention by warpgroups reads and writes columns of a wider tensor") {
  Case c{2, 130, 130, 2, 1, 128, 20};
  c.views = true;
  check_warpgroups({c});
  c.accumulate = true;
  check_warpgroups({c});
}

TEST("CUDA: attention by warpgroups keeps packed sequences apart") {
  for (const int window : {-1, 40}) {
    Case c{1, 300, 290, 2, 1, 128, window};
    c.q_start = {0, 1, 1, 134, 134, 290};
    c.k_start = {0, 1, 40, 40, 180, 280};
    check_warpgroups({c});
    c.accumulate = true;
    c.causal = true;
    check_warpgroups({c});
  }
}

TEST("CUDA: attention by warpgroups gives the same bits in every run") {
  skip_without_warpgroups();
  const Case c{1, 150, 200, 2, 1, 128, 90};
  const Data d = data_of(c, DType::bf16);
  const Forward f = forward(c, d, DeviceKind::cuda, DType::bf16, true), again = forward(c, d, DeviceKind::cuda, DType::bf16, true);
  CHECK(f.o == again.o && f.lse == again.lse);
  const Backward b = backward(c, d, f, DeviceKind::cuda, DType::bf16, true), b_again = backward(c, d, f, DeviceKind::cuda, DType::bf16, true);
  for (int i = 0; i < 3; ++i) CHECK(b.gradient[i] == b_again.gradient[i]);
}

#if ACE_CUDA_HOPPER

namespace {

constexpr const char *kByWarpgroups = "attention -> products of a warpgroup\n", *kByWarps = "attention -> products of a warp\n";

bool ends_with(const std::string& text, const std::string& end) { return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0; }

}  // namespace

TEST("CUDA: a device with warpgroups says that attention runs on them, and does as a record says") {
  skip_without_warpgroups();
  const auto device = cuda::open_device(0, 1);
  const std::string record = device->algorithms();
  CHECK(ends_with(record, kByWarpgroups));
  CHECK(device->stream().warpgroups);
  const std::string library = record.substr(0, record.find('\n') + 1);
  device->use_algorithms(library + kByWarps);
  CHECK(!device->stream().warpgroups);
  CHECK_EQ(device->algorithms(), library + kByWarps);
  device->use_algorithms(record);
  CHECK(device->stream().warpgroups);
  device->use_algorithms(library);  // of before there were such kernels
  CHECK(!device->stream().warpgroups);
  CHECK_THROWS(device->use_algorithms(library + "attention -> magic\n"), "not the record of attention's kernels: magic");
  CHECK_THROWS(device->use_algorithms("cuBLASLt 1.2.3\n" + std::string(kByWarpgroups)), "the recorded algorithms are of cuBLASLt 1.2.3, this is ");
  CHECK(!device->stream().warpgroups);  // a record that is refused changes nothing
}

TEST("CUDA: ACEWRIGHT_ATTENTION=portable keeps attention on the kernels of every device") {
  skip_without_warpgroups();
  const std::string record = cuda::open_device(0, 1)->algorithms();
  setenv("ACEWRIGHT_ATTENTION", "portable", 1);
  const auto device = cuda::open_device(0, 1);
  CHECK(ends_with(device->algorithms(), kByWarps));
  CHECK_THROWS(device->use_algorithms(record), "attention ran on products of a warpgroup, which ACEWRIGHT_ATTENTION=portable rules out");
  setenv("ACEWRIGHT_ATTENTION", "fast", 1);
  CHECK_THROWS(cuda::open_device(0, 1), "ACEWRIGHT_ATTENTION=fast: it is \"portable\" or not set");
  setenv("ACEWRIGHT_ATTENTION", "", 1);
  CHECK(ends_with(cuda::open_device(0, 1)->algorithms(), kByWarpgroups));
  unsetenv("ACEWRIGHT_ATTENTION");
}

TEST("CUDA: kernels for warpgroups that disagree with the portable ones are refused") {
  const Storage portable({4}, DType::f32, "test"), result({4}, DType::f32, "test");
  const auto judge = [&](float third) {
    for (int i = 0; i < 4; ++i) set_element(portable.tensor(), i, i), set_element(result.tensor(), i, i);
    set_element(result.tensor(), 2, third);
    cuda::attention::expect_agreement("dq", result.tensor(), portable.tensor(), 1);
  };
  judge(2);
  judge(2.05f);
  CHECK_THROWS(judge(2.2f), "cuda:1: attention's kernels for compute capability 9.0 give another dq than the portable ones (apart by 0.066");
  CHECK_THROWS(judge(NAN), "apart by inf");
  judge(2.05f);
  cuda::attention::expect_repetition("dq", result.tensor(), converted(result.tensor(), DType::f32).tensor(), 1);
  CHECK_THROWS(cuda::attention::expect_repetition("dq", result.tensor(), portable.tensor(), 1),
               "cuda:1: attention's kernels for compute capability 9.0 give another dq each time they run; set ACEWRIGHT_ATTENTION=portable");
}

#endif
