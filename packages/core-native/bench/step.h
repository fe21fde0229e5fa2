#pragma once
#include <string>
#include <vector>

namespace ace {
// core_bench step | kernels | floors ...: the words after it.
int step_bench(const std::vector<std::string>& words);
int kernels_bench(const std::vector<std::string>& words);
int floors_bench(const std::vector<std::string>& words);
}  // namespace ace
