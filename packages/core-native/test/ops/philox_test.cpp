// The counter-based generator: Salmon et al.'s own vectors, the moments of its normals, and streams that share nothing.
#include <set>

#include "check_op.h"

using namespace ace;
using namespace ace::test;

namespace {

bool gives(uint64_t key, uint64_t low, uint64_t high, std::initializer_list<uint32_t> expected) {
  const Philox words = philox(key, low, high);
  return std::equal(expected.begin(), expected.end(), words.word);
}

// Mean, variance, skewness, kurtosis.
std::array<double, 4> moments(const std::vector<double>& v) {
  double mean = 0, m2 = 0, m3 = 0, m4 = 0;
  const double n = static_cast<double>(v.size());
  for (const double x : v) mean += x / n;
  for (const double x : v) {
    const double d = x - mean;
    m2 += d * d / n;
    m3 += d * d * d / n;
    m4 += d * d * d * d / n;
  }
  return {mean, m2, m3 / std::pow(m2, 1.5), m4 / (m2 * m2)};
}

std::vector<double> normals(uint64_t seed, uint64_t step, uint64_t key, uint32_t purpose, int count) {
  std::vector<double> out;
  for (int i = 0; i < count; ++i) {
    const Philox w = random_words(seed, step, key, purpose, static_cast<uint64_t>(i));
    double pair[4];
    normal_pair(w.word[0], w.word[1], pair[0], pair[1]);
    normal_pair(w.word[2], w.word[3], pair[2], pair[3]);
    out.insert(out.end(), pair, pair + 4);
  }
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum / static_cast<double>(a.size());
}

}  // namespace

TEST("Philox 4x32-10 gives the known answers published with it") {
  CHECK(gives(0, 0, 0, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  CHECK(gives(~0ull, ~0ull, ~0ull, {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  CHECK(gives(0x299f31d0a4093822ull, 0x85a308d3243f6a88ull, 0x0370734413198a2eull, {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

TEST("normals have the moments of a normal distribution") {
  const std::vector<double> v = normals(42, 7, 3, 1, 100000);
  const auto [mean, variance, skewness, kurtosis] = moments(v);
  // 400 000 numbers: five standard errors, sqrt(1 / n), sqrt(2 / n), sqrt(6 / n), sqrt(24 / n).
  CHECK_NEAR(mean, 0, 0.008);
  CHECK_NEAR(variance, 1, 0.012);
  CHECK_NEAR(skewness, 0, 0.02);
  CHECK_NEAR(kurtosis, 3, 0.04);
  CHECK(largest(v) > 4 && largest(v) < 7);
  std::vector<double> evens, odds;
  for (size_t i = 0; i < v.size(); i += 2) {
    evens.push_back(v[i]);
    odds.push_back(v[i + 1]);
  }
  CHECK_NEAR(correlation(evens, odds), 0, 5 / std::sqrt(200000.0));
}

TEST("uniform numbers are inside (0, 1), even from the ends of the range") {
  CHECK(uniform01(0) > 0);
  CHECK(uniform01(0xffffffffu) < 1);
  double a, b;
  normal_pair(0, 0, a, b);
  CHECK(std::isfinite(a) && std::isfinite(b));
  normal_pair(0xffffffffu, 0xffffffffu, a, b);
  CHECK(std::isfinite(a) && std::isfinite(b));
}

TEST("streams of different seeds, steps, samples and purposes share no word and do not correlate") {
  struct Stream4 {
    uint64_t seed, step, key;
    uint32_t purpose;
  };
  // Neighbours in every coordinate, and pairs that a careless mix would confuse.
  const std::vector<Stream4> streams = {{42, 0, 0, 1}, {43, 0, 0, 1}, {42, 1, 0, 1}, {42, 0, 1, 1}, {42, 0, 0, 2}, {42, 1, 1, 1}, {0, 42, 0, 1},
                                        {0, 0, 42, 1}, {1ull << 32, 0, 0, 1}, {0, 1ull << 32, 0, 1}, {0, 0, 1ull << 32, 1}, {0, 0, 0, 1}, {0, 0, 0, 17}};
  constexpr int kBlocks = 5000;
  std::set<std::pair<uint64_t, uint64_t>> blocks;
  std::vector<std::vector<double>> numbers;
  for (const Stream4& s : streams) {
    numbers.push_back(normals(s.seed, s.step, s.key, s.purpose, kBlocks));
    for (int i = 0; i < kBlocks; ++i) {
      const Philox w = random_words(s.seed, s.step, s.key, s.purpose, static_cast<uint64_t>(i));
      blocks.emplace((static_cast<uint64_t>(w.word[0]) << 32) | w.word[1], (static_cast<uint64_t>(w.word[2]) << 32) | w.word[3]);
    }
  }
  CHECK_EQ(blocks.size(), streams.size() * kBlocks);
  for (size_t i = 0; i < numbers.size(); ++i)
    for (size_t j = 0; j < i; ++j) CHECK_NEAR(correlation(numbers[i], numbers[j]), 0, 6 / std::sqrt(4.0 * kBlocks));
}
