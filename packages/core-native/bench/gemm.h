#pragma once
#include <string>
#include <vector>

namespace ace {
// core_bench gemm ... on a CPU and on a CUDA device: the words after it.
int gemm_bench(int argc, char** argv);
int gemm_cuda_bench(const std::vector<std::string>& words);
}  // namespace ace
