// How many partial sums the CUDA kernel of LoKr's factor gradients makes: known when a step is traced, for its scratch memory.
#pragma once
#include <algorithm>
#include <cstdint>

namespace ace {

struct LokrSplit {
  int64_t tiles;   // of 64 columns of c, which the sums over c are cut into
  int64_t first;   // pieces of the rows for w1's gradient
  int64_t second;  // for w2's
  int64_t first_elements, elements;  // floats of w1's partial sums, and of all

  LokrSplit(int64_t rows, int64_t a, int64_t b, int64_t c, int64_t d) {
    constexpr int64_t kColumns = 64, kBlocks = 256, kMost = 64, kRows = 4;  // about two blocks a multiprocessor
    auto up = [](int64_t n, int64_t by) { return (n + by - 1) / by; };
    tiles = up(c, kColumns);
    auto pieces = [&](int64_t blocks) { return std::max<int64_t>(1, std::min({kMost, kBlocks / blocks, up(rows, kRows)})); };
    first = pieces(tiles);
    second = pieces(tiles * up(d, kColumns));
    first_elements = first * tiles * a * b;
    elements = first_elements + second * c * d;
  }
};

}  // namespace ace
