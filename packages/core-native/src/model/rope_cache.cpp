#include "model/rope_cache.h"

#include <algorithm>

namespace ace {

RopeTables RopeCache::get(int64_t length) {
  const std::lock_guard<std::mutex> lock(guard_);
  for (const auto& entry : entries_)
    if (entry->cos.tensor().shape[0] >= length) return {entry->cos.tensor(), entry->sin.tensor()};
  // Programs keep pointing into older, shorter tables, so those stay.
  const Shape shape{std::max<int64_t>(1024, (length + 1023) / 1024 * 1024), head_dim_ / 2};
  auto entry = std::make_unique<Entry>();
  entry->cos = Storage(device_, shape, dtype_, "RoPE table", false);
  entry->sin = Storage(device_, shape, dtype_, "RoPE table", false);
  if (!device_.planning()) {
    Storage cos(shape, dtype_, "RoPE table"), sin(shape, dtype_, "RoPE table");
    fill_rope(cos.tensor(), sin.tensor(), theta_);
    upload(device_, entry->cos.tensor(), cos.tensor());
    upload(device_, entry->sin.tensor(), sin.tensor());
  }
  entries_.push_back(std::move(entry));
  return {entries_.back()->cos.tensor(), entries_.back()->sin.tensor()};
}

}  // namespace ace
