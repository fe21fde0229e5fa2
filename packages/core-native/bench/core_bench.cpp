// core_bench gemm|step|kernels|floors ...: measurements that need neither Node nor Python. All but floors print JSON.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "gemm.h"
#include "step.h"

namespace {

bool on_cuda(const std::vector<std::string>& words) {
  const auto flag = std::find(words.begin(), words.end(), "--device");
  return flag != words.end() && flag + 1 != words.end() && flag[1] == "cuda";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  const std::vector<std::string> rest(argv + std::min(argc, 2), argv + argc);
  try {
    if (word == "gemm") return on_cuda(rest) ? ace::gemm_cuda_bench(rest) : ace::gemm_bench(argc - 2, argv + 2);
    if (word == "step") return ace::step_bench(rest);
    if (word == "kernels") return ace::kernels_bench(rest);
    if (word == "floors") return ace::floors_bench(rest);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  std::fprintf(stderr, "usage: core_bench gemm|step|kernels|floors [flags]\n");
  return 2;
}
