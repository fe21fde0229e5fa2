#pragma once
#include <string>
#include <vector>

#include "autograd/program.h"
#include "tensor/storage.h"

namespace ace {

// A traced program run in memory of its own that goes with it: for networks whose shapes seldom repeat.
class OneRun {
 public:
  // Plans and binds. `what` names the memory in an out-of-memory error. The program must be traced for this device.
  OneRun(Program& program, Device& device, const std::string& what);

  // Fills an input from host memory: the same dtype, or another float type.
  void set(const Tensor& input, const Tensor& host);
  void run();
  // An output in float32.
  std::vector<float> floats(const Tensor& output) const;
  std::vector<int32_t> integers(const Tensor& output) const;

 private:
  Program& program_;
  Device& device_;
  Storage arena_;
};

}  // namespace ace
