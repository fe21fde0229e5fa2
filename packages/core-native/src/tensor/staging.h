#pragma once
#include <string>

#include "tensor/device.h"

namespace ace {

// Host memory that a device's asynchronous copies may use. Grows, never shrinks.
class Staging {
 public:
  explicit Staging(Device& device) : device_(device) {}
  ~Staging() { device_.release_pinned(data_); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // At least `bytes`; what was in it is lost when it has to grow. Errors: ERR_OUT_OF_MEMORY.
  char* reserve(int64_t bytes, const std::string& what) {
    if (bytes > bytes_) {
      device_.release_pinned(data_);
      data_ = nullptr;
      bytes_ = 0;
      data_ = device_.allocate_pinned(bytes, what);
      bytes_ = bytes;
    }
    return static_cast<char*>(data_);
  }
  char* data() const { return static_cast<char*>(data_); }

 private:
  Device& device_;
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace ace
