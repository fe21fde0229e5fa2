#pragma once
namespace ace {
// core_bench step ...: arguments after the word.
int step_bench(int argc, char** argv);
}  // namespace ace
