#pragma once
#include <list>
#include <memory>

#include "tensor/storage.h"
#include "train/flow_program.h"

namespace ace {

// A program that was met before: first run call by call, so that everything lazy is in place, then recorded where the
// device can, then replayed.
struct CachedProgram {
  FlowShape shape;
  bool training = true;
  std::unique_ptr<FlowProgram> program;
  bool ran = false;
  std::unique_ptr<Graph> graph = {};

  void run(Device& device);
};

// Programs by shape, the most recently used first, on one arena that all of them share and that grows to the largest.
class ProgramCache {
 public:
  explicit ProgramCache(Device& device) : device_(device) {}

  // make: () -> std::unique_ptr<FlowProgram>, called where the shape is new. Errors: ERR_OUT_OF_MEMORY, and then no program is
  // left: each is made again when it is asked for.
  template <class Make>
  CachedProgram& get(const FlowShape& shape, bool training, const Make& make) {
    return use(shape, training) ? programs_.front() : put(shape, training, make());
  }
  bool empty() const { return programs_.empty(); }
  // The most recently used. Errors: ERR_INTERNAL before any was.
  const CachedProgram& last() const;
  int64_t arena_bytes() const { return arena_.bytes(); }

 private:
  bool use(const FlowShape& shape, bool training);
  CachedProgram& put(const FlowShape& shape, bool training, std::unique_ptr<FlowProgram> program);

  Device& device_;
  Storage arena_;
  std::list<CachedProgram> programs_;
};

}  // namespace ace
