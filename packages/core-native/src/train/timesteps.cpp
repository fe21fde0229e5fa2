#include "train/timesteps.h"

#include <algorithm>
#include <cmath>

#include "ops/philox.h"

namespace ace {

namespace {
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
}  // namespace

double logit_normal_max2(double first, double second, double mu, double sigma) {
  return std::max(sigmoid(mu + sigma * first), sigmoid(mu + sigma * second));
}

double draw_timestep(const TimestepLaw& law, uint64_t seed, uint64_t step, uint64_t key) {
  const Philox words = random_words(seed, step, key, static_cast<uint32_t>(Purpose::timestep), 0);
  double first, second;
  switch (law.kind) {
    case TimestepLaw::Kind::logit_normal_max2:
      normal_pair(words.word[0], words.word[1], first, second);
      return logit_normal_max2(first, second, law.mu, law.sigma);
    case TimestepLaw::Kind::logit_normal:
      normal_pair(words.word[0], words.word[1], first, second);
      return sigmoid(law.mu + law.sigma * first);
    case TimestepLaw::Kind::uniform: return law.low + (law.high - law.low) * uniform01(words.word[0]);
    case TimestepLaw::Kind::discrete:
      return law.table[std::min(law.table.size() - 1, static_cast<size_t>(uniform01(words.word[0]) * static_cast<double>(law.table.size())))];
  }
  return 0;
}

bool draw_condition_dropout(double probability, uint64_t seed, uint64_t step, uint64_t key) {
  const Philox words = random_words(seed, step, key, static_cast<uint32_t>(Purpose::condition_dropout), 0);
  return uniform01(words.word[0]) < probability;
}

}  // namespace ace
