#include "train/program_cache.h"

#include <utility>

namespace ace {

namespace {

constexpr size_t kMaxPrograms = 32;

}  // namespace

void CachedProgram::run(Device& device) {
  if (ran && graph == nullptr) graph = device.capture([&] { program->program().run(device.stream()); });
  if (graph != nullptr) graph->launch();
  else program->program().run(device.stream());
  ran = true;
}

const CachedProgram& ProgramCache::last() const {
  if (programs_.empty()) throw Error(ErrorCode::internal, "a session's program was asked for before any shape was run");
  return programs_.front();
}

bool ProgramCache::use(const FlowShape& shape, bool training) {
  for (auto it = programs_.begin(); it != programs_.end(); ++it) {
    if (!(it->shape == shape) || it->training != training) continue;
    programs_.splice(programs_.begin(), programs_, it);
    return true;
  }
  return false;
}

CachedProgram& ProgramCache::put(const FlowShape& shape, bool training, std::unique_ptr<FlowProgram> program) {
  const int64_t bytes = program->program().arena_bytes();
  if (bytes > arena_.bytes()) {
    device_.synchronize();
    arena_ = Storage();  // the old one goes first: both together may not fit
    try {
      arena_ = Storage(device_, {bytes}, DType::u8, "activations", false);
    } catch (...) {
      programs_.clear();  // they would run in memory that is no longer ours
      throw;
    }
    for (CachedProgram& cached : programs_) {
      cached.program->program().bind(arena_.data());
      cached.graph.reset();  // it holds the old addresses
    }
  }
  program->program().bind(arena_.data());
  if (programs_.size() == kMaxPrograms) programs_.pop_back();
  programs_.push_front({.shape = shape, .training = training, .program = std::move(program)});
  return programs_.front();
}

}  // namespace ace
