// core_bench gemm ... | step ...: measurements that need neither Node nor Python. Each prints one JSON object.
#include <cstdio>
#include <exception>
#include <string>

#include "gemm.h"
#include "step.h"

int main(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  try {
    if (word == "gemm") return ace::gemm_bench(argc - 2, argv + 2);
    if (word == "step") return ace::step_bench(argc - 2, argv + 2);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  std::fprintf(stderr, "usage: core_bench gemm|step [flags]\n");
  return 2;
}
