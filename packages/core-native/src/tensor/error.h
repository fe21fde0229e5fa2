#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace ace {

// The codes of ts/errors.ts; the binding hands the name over as `code`.
enum class ErrorCode { config, file, checkpoint, shape, out_of_memory, device, disposed, internal };

inline const char* name(ErrorCode code) {
  switch (code) {
    case ErrorCode::config: return "ERR_CONFIG";
    case ErrorCode::file: return "ERR_FILE";
    case ErrorCode::checkpoint: return "ERR_CHECKPOINT";
    case ErrorCode::shape: return "ERR_SHAPE";
    case ErrorCode::out_of_memory: return "ERR_OUT_OF_MEMORY";
    case ErrorCode::device: return "ERR_DEVICE";
    case ErrorCode::disposed: return "ERR_DISPOSED";
    case ErrorCode::internal: return "ERR_INTERNAL";
  }
  return "ERR_INTERNAL";
}

// The one exception of the native core: what went wrong, where, and what was expected, in one line.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace ace
