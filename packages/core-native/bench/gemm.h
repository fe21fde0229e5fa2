#pragma once
namespace ace {
// core_bench gemm ...: arguments after the word.
int gemm_bench(int argc, char** argv);
}  // namespace ace
