#pragma once
#include <cmath>
#include <cstdint>

#include "ops/host_device.h"

namespace ace {

// Philox 4x32-10 (Salmon et al. 2011): a counter in, four random words out; no state to save or lose.
struct Philox {
  uint32_t word[4];
};

ACE_HOST_DEVICE inline Philox philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  uint32_t c0 = static_cast<uint32_t>(counter_low), c1 = static_cast<uint32_t>(counter_low >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter_high), c3 = static_cast<uint32_t>(counter_high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// What a stream of numbers is for. Each (seed, step, sample key, purpose) is a stream of its own.
enum class Purpose : uint32_t { noise = 1, timestep = 2, condition_dropout = 3, adapter_init = 4, sampler = 5, dropout = 16 };

// The four words number `index` of a stream. `purpose` may carry a module number above Purpose::dropout.
ACE_HOST_DEVICE inline Philox random_words(uint64_t seed, uint64_t step, uint64_t key, uint32_t purpose, uint64_t index) {
  // key and purpose go into the Philox key's mixing through a first block, so that any 64-bit key is fine.
  const Philox mixed = philox(seed, key, (static_cast<uint64_t>(purpose) << 32) ^ (step >> 32));
  const uint64_t stream = (static_cast<uint64_t>(mixed.word[1]) << 32) | mixed.word[0];
  return philox(stream, index, step);
}

// (0, 1): never 0, so that its logarithm exists.
ACE_HOST_DEVICE inline double uniform01(uint32_t word) { return (static_cast<double>(word) + 0.5) * (1.0 / 4294967296.0); }

// Two standard normals from two words (Box-Muller, in double so that both twins agree to the last bit of a float).
ACE_HOST_DEVICE inline void normal_pair(uint32_t a, uint32_t b, double& first, double& second) {
  const double radius = sqrt(-2.0 * log(uniform01(a)));
  const double angle = 6.283185307179586476925286766559 * uniform01(b);
  first = radius * cos(angle);
  second = radius * sin(angle);
}

}  // namespace ace
