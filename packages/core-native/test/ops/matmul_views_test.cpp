// Products of views by columns on the CPU twin.
#include <numeric>

#include "autograd/tape.h"
#include "every_isa.h"
#include "ops/ops.h"
#include "ops/philox.h"
#include "tensor/storage.h"

using namespace ace;
using namespace ace::test;

namespace {

Storage random_matrix(int64_t rows, int64_t cols, uint64_t seed) {
  Storage out({rows, cols}, DType::f32, "matrix");
  for (int64_t i = 0; i < rows * cols; ++i)
    static_cast<float*>(out.data())[i] = static_cast<float>(uniform01(random_words(seed, 0, 0, 99, static_cast<uint64_t>(i)).word[0]) - 0.5);
  return out;
}

Storage copy_of_columns(const Tensor& whole, int64_t from, int64_t count) {
  Storage out({whole.shape[0], count}, DType::f32, "columns");
  for (int64_t row = 0; row < whole.shape[0]; ++row)
    std::copy_n(whole.as<float>() + row * whole.shape[1] + from, count, static_cast<float*>(out.data()) + row * count);
  return out;
}

void run(Tensor c, Tensor a, Tensor b, MatmulSpec spec) {
  Program program;
  Tape tape(program);
  matmul(tape, c, a, b, spec);
  program.plan();
  program.bind(nullptr);
  ThreadPool pool(2);
  Stream stream{.pool = &pool};
  program.run(stream);
}

}  // namespace

TEST("a product of views by columns is the product of their copies, bit for bit, on every instruction set") {
  on_every_isa([] {
    // The ways a product can go: few rows, few columns, a stream of b, and blocks.
    for (const auto& [m, n, k] : {std::tuple<int64_t, int64_t, int64_t>{3, 50, 70}, {90, 4, 33}, {60, 130, 300}, {20, 520, 40}})
      for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true}) {
          CONTEXT(m << " x " << n << " x " << k << (transpose_a ? " a^T" : "") << (transpose_b ? " b^T" : ""));
          const int64_t skipped = 5, beyond = 2;
          const auto stored = [&](int64_t rows, int64_t cols, bool transposed, uint64_t seed) {
            return random_matrix(transposed ? cols : rows, (transposed ? rows : cols) + skipped + beyond, seed);
          };
          const Storage a = stored(m, k, transpose_a, 1), b = stored(k, n, transpose_b, 2), c = stored(m, n, false, 3);
          const auto columns = [&](const Storage& x) { return x.tensor().columns(skipped, x.tensor().shape[1] - skipped - beyond); };
          const auto copied = [&](const Storage& x) { return copy_of_columns(x.tensor(), skipped, x.tensor().shape[1] - skipped - beyond); };
          const Storage expected = copied(c), a_copy = copied(a), b_copy = copied(b), before = copy_of_columns(c.tensor(), 0, n + skipped + beyond);
          const MatmulSpec spec{.transpose_a = transpose_a, .transpose_b = transpose_b, .accumulate = true, .alpha = 0.5};
          run(expected.tensor(), a_copy.tensor(), b_copy.tensor(), spec);
          run(columns(c), columns(a), columns(b), spec);
          int64_t wrong = 0;
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n + skipped + beyond; ++j) {
              const int64_t at = i * (n + skipped + beyond) + j;
              const bool inside = j >= skipped && j < skipped + n;
              const float wanted = inside ? expected.tensor().as<float>()[i * n + j - skipped] : before.tensor().as<float>()[at];
              wrong += c.tensor().as<float>()[at] != wanted;
            }
          CHECK_EQ(wrong, int64_t{0});
        }
  });
}
