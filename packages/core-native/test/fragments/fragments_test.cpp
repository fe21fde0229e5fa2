// The table of fragment layouts (simt/fragments.h) and the instructions of ops/cuda/ptx.cuh, lane by lane: PROGRAM
// --fragments. On hardware this proves the table; under the emulator, which computes by the table, only the plumbing.
#include <cmath>
#include <cstring>
#include <random>

#include "ops/twin.h"
#if ACE_WITH_CUDA
#include "fragments/kernels.h"
#include "ops/cuda/device.h"
#endif
#include "simt/fragments.h"
#include "tensor/dtype.h"

using namespace ace;
using namespace ace::test;
namespace fragments = simt::fragments;

#if ACE_WITH_CUDA

namespace {

size_t at(int lane, int each, int i) { return static_cast<size_t>(lane * each + i); }

// Small whole numbers: exact in bf16, and so are their products and sums in float32.
template <int kRows, int kColumns>
struct Matrix {
  float number[kRows][kColumns];
  explicit Matrix(unsigned seed) {
    std::mt19937 random(seed);
    for (auto& row : number)
      for (float& x : row) x = static_cast<float>(random() % 17) - 8;
  }
  float operator[](fragments::Element e) const { return number[e.row][e.column]; }
};

uint32_t pack(float low, float high) { return to_bf16(low).bits | uint32_t{to_bf16(high).bits} << 16; }

}  // namespace

TEST("CUDA: fragments: ldmatrix puts each element where the table says") {
  skip_without_cuda();
  std::vector<uint16_t> memory;
  for (unsigned i = 0; i < 256; ++i) memory.push_back(static_cast<uint16_t>(i * 31 + 7));
  for (const Ldmatrix which : {Ldmatrix::x4, Ldmatrix::x4_transposed, Ldmatrix::x2, Ldmatrix::x2_transposed}) {
    const bool transposed = which == Ldmatrix::x4_transposed || which == Ldmatrix::x2_transposed;
    const int matrices = which == Ldmatrix::x4 || which == Ldmatrix::x4_transposed ? 4 : 2;
    const auto registers = run_ldmatrix(which, memory);
    for (int lane = 0; lane < kLanes; ++lane)
      for (int m = 0; m < 4; ++m) {
        CONTEXT("form " << static_cast<int>(which) << " lane " << lane << " register " << m);
        uint32_t expected = 0;
        for (int half = 0; half < 2 && m < matrices; ++half) {
          const fragments::Element e = transposed ? fragments::matrix_transposed(lane, half) : fragments::matrix(lane, half);
          expected |= uint32_t{memory[static_cast<size_t>((m * 8 + e.row) * 8 + e.column)]} << 16 * half;
        }
        CHECK_EQ(registers[at(lane, 4, m)], expected);
      }
  }
}

TEST("CUDA: fragments: mma.m16n8k16 multiplies matrices laid out as the table says") {
  skip_without_cuda();
  for (unsigned seed = 0; seed < 8; ++seed) {
    const Matrix<16, 16> a(seed);
    const Matrix<16, 8> b(seed + 100), c(seed + 200);
    std::vector<float> sums;
    std::vector<uint32_t> left, right;
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int r = 0; r < 4; ++r) sums.push_back(c[fragments::c(lane, r)]);
      for (int r = 0; r < 4; ++r) left.push_back(pack(a[fragments::a(lane, r, 0)], a[fragments::a(lane, r, 1)]));
      for (int r = 0; r < 2; ++r) right.push_back(pack(b[fragments::b(lane, r, 0)], b[fragments::b(lane, r, 1)]));
    }
    const auto got = run_mma(sums, left, right);
    for (int lane = 0; lane < kLanes; ++lane)
      for (int r = 0; r < 4; ++r) {
        CONTEXT("seed " << seed << " lane " << lane << " register " << r);
        const fragments::Element e = fragments::c(lane, r);
        float expected = c[e];
        for (int k = 0; k < 16; ++k) expected += a.number[e.row][k] * b.number[k][e.column];
        CHECK_EQ(got[at(lane, 4, r)], expected);
      }
  }
}

#if ACE_CUDA_HOPPER
TEST("CUDA: fragments: products of a warpgroup read memory that is swizzled as the table says") {
  skip_without_cuda();
  if (!cuda::has_warpgroups(0)) SKIP("the device has no products of a warpgroup");
  // Two tiles of 128 columns, as in attention: 64 rows for the left factor, 112 for the right.
  constexpr int kLeft = 64, kRight = 112, kColumns = 128;
  const Matrix<kLeft, kColumns> a(1);
  const Matrix<kRight, kColumns> b(2);
  std::vector<uint16_t> memory(static_cast<size_t>((kLeft + kRight) * kColumns));
  const auto element = [&](int rows, int row, int column) { return column / 64 * rows * 64 + fragments::swizzled(row, column % 64); };
  for (int column = 0; column < kColumns; ++column) {
    for (int row = 0; row < kLeft; ++row) memory[static_cast<size_t>(element(kLeft, row, column))] = to_bf16(a.number[row][column]).bits;
    for (int row = 0; row < kRight; ++row)
      memory[static_cast<size_t>(kLeft * kColumns + element(kRight, row, column))] = to_bf16(b.number[row][column]).bits;
  }
  const auto check = [&](Wgmma form, bool add, int k16, int row0) {
    const int columns = columns_of(form);
    const Matrix<64, 128> c(static_cast<unsigned>(k16 * 100 + row0));
    const bool down = form == Wgmma::columns_128;
    std::vector<float> sums;
    std::vector<uint32_t> left;
    for (int thread = 0; thread < 128; ++thread) {
      const auto moved = [&](fragments::Element e, int to) { return fragments::Element{thread / 32 * 16 + e.row, to + e.column}; };
      for (int n = 0; n < columns / 8; ++n)
        for (int r = 0; r < 4; ++r) sums.push_back(c[moved(fragments::c(thread % 32, r), 8 * n)]);
      for (int r = 0; r < 4; ++r)
        left.push_back(pack(a[moved(fragments::a(thread % 32, r, 0), 16 * k16)], a[moved(fragments::a(thread % 32, r, 1), 16 * k16)]));
    }
    const auto place = [&](int rows, int row) { return static_cast<uint32_t>(row * 128 + (down ? 0 : k16 / 4 * rows * 128 + k16 % 4 * 32)); };
    const auto got = run_wgmma(form, add, sums, left, memory, {place(kLeft, 0), kLeft * 128, kLeft * kColumns * 2 + place(kRight, row0), kRight * 128});
    double worst = 0;
    for (int thread = 0; thread < 128; ++thread)
      for (int n = 0; n < columns / 8; ++n)
        for (int r = 0; r < 4; ++r) {
          const fragments::Element e = fragments::c(thread % 32, r);
          const int row = thread / 32 * 16 + e.row, column = 8 * n + e.column;
          float expected = add ? c.number[row][column] : 0;
          for (int k = 0; k < 16; ++k) expected += a.number[row][16 * k16 + k] * (down ? b.number[row0 + k][column] : b.number[row0 + column][16 * k16 + k]);
          worst = std::max(worst, std::abs(double{got[at(thread, columns / 2, n * 4 + r)]} - expected));
        }
    CONTEXT("form " << static_cast<int>(form) << (add ? " adds" : " sets") << " columns " << 16 * k16 << " row " << row0);
    CHECK_EQ(worst, 0.0);
  };
  for (int k16 = 0; k16 < 8; ++k16) {
    check(Wgmma::rows_112, k16 % 2 == 1, k16, 0);
    check(Wgmma::rows_64, k16 % 2 == 0, k16, 8 * (k16 % 7));
    check(Wgmma::rows_64_registers, k16 % 3 > 0, k16, 8 * (6 - k16 % 7));
    check(Wgmma::columns_128, true, k16, 16 * (k16 % 7));
  }
}
#endif

TEST("CUDA: fragments: cp.async brings 16 bytes a lane, or zeros, group after group") {
  skip_without_cuda();
  std::vector<uint32_t> from;
  for (unsigned i = 0; i < kLanes * 4; ++i) from.push_back(0x01010101u * (i + 1));
  const auto got = run_async_copy(from);
  for (size_t i = 0; i < from.size(); ++i) CHECK_EQ(got[i], i / 4 % 2 == 0 ? from[i] : 0u);
}

TEST("CUDA: fragments: shuffles and votes reach the lanes that CUDA names") {
  skip_without_cuda();
  const auto got = run_shuffles();
  for (int lane = 0; lane < kLanes; ++lane) {
    CONTEXT("lane " << lane);
    const int64_t* mine = &got[at(lane, kShuffles, 0)];
    CHECK_EQ(mine[0], 1007);
    CHECK_EQ(mine[1], 1000 + lane / 4 * 4 + 1);
    CHECK_EQ(mine[2], 1000 + (lane ^ 9));
    // A lane of a later segment is not reached: the value stays; an earlier one is.
    CHECK_EQ(mine[3], 1000 + ((lane ^ 12) / 8 > lane / 8 ? lane : lane ^ 12));
    CHECK_EQ(mine[4], 1000 + (lane % 16 < 3 ? lane : lane - 3));
    CHECK_EQ(mine[5], 1000 + (lane % 8 + 5 > 7 ? lane : lane + 5));
    CHECK_EQ(mine[6], 1000 + (lane ^ 1));
    CHECK_EQ(mine[7], int64_t{0x08421084});
  }
}

TEST("CUDA: fragments: pack_bf16 rounds to nearest even, exp2_fast is within 2^-22") {
  skip_without_cuda();
  const std::vector<float> pairs{1,         -2,        float_of(0x3f808000u), float_of(0x3f818000u), float_of(0x3f808001u), 0x1p-133f, INFINITY, -INFINITY,
                                 3.0e38f, -3.4e38f, float_of(0x7f7fffffu), -0.0f};
  const auto packed = run_pack(pairs);
  for (size_t i = 0; i < packed.size(); ++i) CHECK_EQ(packed[i], pack(pairs[2 * i], pairs[2 * i + 1]));
  CHECK_EQ(run_pack({NAN, 1})[0], 0x3f807fffu);

  std::vector<float> x;
  for (int i = -400; i < 400; ++i) x.push_back(static_cast<float>(i) * 0.31f);
  const auto powers = run_exp2(x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp2(static_cast<double>(x[i]));
    CHECK_NEAR(powers[i] / exact, 1, 0x1p-22);
  }
  const auto ends = run_exp2({-INFINITY, -200, -140, 130, 0});
  CHECK_EQ(ends[0], 0.0f);
  CHECK_EQ(ends[1], 0.0f);
  CHECK_EQ(ends[2], 0.0f);  // a subnormal is flushed
  CHECK_EQ(ends[3], INFINITY);
  CHECK_EQ(ends[4], 1.0f);
}

#else

TEST("CUDA: fragments: every instruction against the table") { skip_without_cuda(); }

#endif
