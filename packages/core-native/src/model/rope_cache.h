#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "ops/ops.h"
#include "tensor/storage.h"

namespace ace {

// RoPE tables of one model on its device, made when a length is met for the first time and kept as long as the cache.
class RopeCache {
 public:
  // `dtype`: of the tables, never narrower than float32.
  RopeCache(Device& device, int64_t head_dim, double theta, DType dtype)
      : device_(device), head_dim_(head_dim), theta_(theta), dtype_(dtype) {}

  // cos and sin for at least `length` positions.
  RopeTables get(int64_t length);

 private:
  struct Entry {
    Storage cos, sin;
  };
  Device& device_;
  int64_t head_dim_;
  double theta_;
  DType dtype_;
  std::mutex guard_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace ace
