#pragma once
#include <vector>

namespace ace {

// The 256 rising values of dynamic quantisation (Dettmers et al. 2022): powers of ten from 1e-6 to 1, each divided evenly
// and twice as finely as the one below; with a sign in [-1, 1], without in [0, 1]. Zero and one are among them.
std::vector<float> dynamic_codes(bool with_sign);

}  // namespace ace
