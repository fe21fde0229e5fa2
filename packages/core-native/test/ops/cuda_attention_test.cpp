// Attention's CUDA kernels against the CPU twin (attention_check.h).
#include "attention_check.h"
#include "twin.h"

using namespace ace;
using namespace ace::test;
using namespace ace::test::attention_case;

namespace {

void check_tiles(const std::vector<Case>& cases) {
  skip_without_cuda();
  for (const Case& c : cases) check_case(c, DType::bf16, true);
}
void check_plain(const std::vector<Case>& cases) {
  skip_without_cuda();
  for (const Case& c : cases) check_case(c, DType::f32, false);
}

}  // namespace

TEST("CUDA: attention on tensor cores equals the CPU twin for every head size") {
  check_tiles({{1, 65, 65, 1, 1, 128}, {1, 17, 129, 2, 1, 128}, {1, 65, 63, 2, 2, 64}, {1, 64, 64, 2, 1, 32}, {2, 63, 65, 4, 1, 16}});
}

TEST("CUDA: attention on tensor cores is right at the edges of its tiles") {
  check_tiles({{1, 1, 1, 1, 1, 16}, {1, 1, 200, 2, 1, 16}, {2, 200, 1, 2, 1, 16}, {1, 129, 17, 2, 2, 16}, {1, 63, 129, 1, 1, 32}, {1, 1, 1, 1, 1, 128}});
  check_tiles({{1, 127, 33, 1, 1, 128}, {1, 128, 31, 1, 1, 128}, {1, 129, 97, 2, 1, 128}, {1, 97, 64, 1, 1, 64}});
}

TEST("CUDA: attention on tensor cores keeps to its window") {
  for (const int window : {0, 5, 63, 64, 128}) check_tiles({{1, 200, 200, 1, 1, 16, window}});
  check_tiles({{1, 129, 200, 1, 1, 16, 5}, {1, 200, 65, 1, 1, 16, 3}, {1, 130, 130, 1, 1, 128, 5}, {1, 200, 200, 1, 1, 16, -1, {}, true}, {1, 130, 130, 2, 1, 64, 64, {}, true},
               {1, 300, 300, 1, 1, 128, 64}, {1, 161, 161, 1, 1, 128, -1, {}, true}});
}

TEST("CUDA: attention on tensor cores hides keys from a count on") {
  check_tiles({{4, 66, 70, 2, 1, 16, -1, {0, 1, 69, 70}}, {2, 129, 129, 1, 1, 32, 5, {65, 3}}, {2, 33, 40, 1, 1, 128, -1, {0, 33}}});
}

TEST("CUDA: attention reads nothing of keys from a count on") {
  for (const int64_t hd : {16, 128}) {
    Case c{2, 66, 70, 2, 1, hd, -1, {33, 64}};
    c.poisoned = true;
    check_tiles({c});
    check_plain({c});
  }
}

TEST("CUDA: attention adds to gradients, and computes those that are given alone") {
  for (int wanted = 1; wanted < 8; ++wanted) {
    Case c{1, 33, 65, 2, 1, 16};
    c.wanted = wanted;
    c.accumulate = wanted % 2 == 1;
    check_tiles({c});
    check_plain({c});
  }
  for (const int accumulated : {1, 2, 4}) {
    Case c{1, 33, 65, 2, 1, 16};
    c.accumulate = true;
    c.accumulated = accumulated;
    check_tiles({c});
    check_plain({c});
  }
  Case big{1, 65, 33, 2, 1, 128};
  for (int wanted : {2, 4, 7}) {
    big.wanted = wanted;
    big.accumulate = wanted != 2;
    check_tiles({big});
  }
}

TEST("CUDA: attention reads and writes columns of a wider tensor") {
  Case c{2, 65, 65, 4, 2, 16, 20};
  c.views = true;
  check_tiles({c});
  check_plain({c});
  c.accumulate = true;
  c.wanted = 5;
  check_tiles({c});
  check_plain({c});
}

TEST("CUDA: packed sequences see themselves alone, also where some are empty or of length one") {
  // Rows behind the last sequence, no keys for a sequence, no rows for another.
  for (const int window : {-1, 5}) {
    Case c{1, 200, 150, 2, 1, 16, window};
    c.q_start = {0, 1, 1, 66, 130, 195};
    c.k_start = {0, 1, 40, 40, 140, 147};
    check_tiles({c});
    check_plain({c});
    c.accumulate = true;
    c.causal = true;
    check_tiles({c});
  }
  Case big{1, 200, 150, 2, 1, 128, 40};
  big.q_start = {0, 33, 33, 190};
  big.k_start = {0, 1, 40, 140};
  check_tiles({big});
  Case whole{1, 64, 64, 1, 1, 16};
  whole.q_start = whole.k_start = {0, 64};
  check_tiles({whole});
}

TEST("CUDA: attention without tensor cores equals the CPU twin") {
  check_plain({{2, 9, 13, 4, 2, 6}, {1, 1, 1, 1, 1, 1}, {1, 33, 65, 2, 1, 70}, {1, 17, 17, 3, 1, 128, 5}, {1, 65, 65, 1, 1, 4, 0},
               {2, 40, 40, 2, 1, 8, -1, {0, 33}, true}, {1, 1, 40, 2, 2, 8}, {2, 40, 1, 2, 1, 8}});
  // bf16 without tiles: an odd head size. Weights stay float32.
  check_case({2, 33, 40, 2, 1, 6, 7, {40, 11}}, DType::bf16, false);
}

TEST("CUDA: attention's mask of keys equals the CPU twin's, also where it hides all of them") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    skip_without_cuda();
    Case c{3, 9, 40, 2, 1, 16};
    c.masked = true;
    check_case(c, dtype, false);
    c.window = 2;
    check_case(c, dtype, false);
  }
}

// Keys that weigh nothing must not touch the sum, however many tiles of them follow.
TEST("CUDA: attention's sum stays the same bits over tiles that add nothing to it") {
  skip_without_cuda();
  Case few{1, 5, 64, 1, 1, 16}, many = few;
  many.keys = 20 * few.keys;
  Data d = data_of(few, DType::bf16);
  for (float& q : d.q) q = 1 + std::abs(q);
  for (size_t i = 0; i < d.k.size(); ++i) d.k[i] = 1 + static_cast<float>(i % 7) / 8;  // scores of some dozens
  Data padded = d;
  padded.k.resize(static_cast<size_t>(many.keys * many.hd), -16);
  padded.v.resize(padded.k.size(), 1);
  d.q = padded.q = stored(d.q, DType::bf16);
  const Forward alone = forward(few, d, DeviceKind::cuda, DType::bf16), followed = forward(many, padded, DeviceKind::cuda, DType::bf16);
  CHECK(alone.lse == followed.lse);
  CHECK(alone.o == followed.o);
}

TEST("CUDA: attention gives the same bits in every run") {
  skip_without_cuda();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Case c{1, 65, 70, 4, 1, dtype == DType::bf16 ? 128 : 16, 40};
    const Data d = data_of(c, dtype);
    const Forward f = forward(c, d, DeviceKind::cuda, dtype), again = forward(c, d, DeviceKind::cuda, dtype);
    CHECK(f.o == again.o && f.lse == again.lse);
    const Backward b = backward(c, d, f, DeviceKind::cuda, dtype), b_again = backward(c, d, f, DeviceKind::cuda, dtype);
    for (int i = 0; i < 3; ++i) CHECK(b.gradient[i] == b_again.gradient[i]);
  }
}
