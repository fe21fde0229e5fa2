// What the compiler calls before an access that is not aligned to its type (-fsanitize=alignment): on a GPU the launch
// fails, and every call after it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "simt/block.h"

namespace {

// The compiler's record of one access: gcc and clang share it.
struct Access {
  const char* file;
  uint32_t line, column;
  const void* type;
  unsigned char log_alignment, kind;
};

}  // namespace

extern "C" [[noreturn]] void __ubsan_handle_type_mismatch_v1_abort(const Access* access, uintptr_t address) {
  const std::string file = access->file;
  const std::string what = "an access at " + file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(access->line) + " to an address " +
                           std::to_string(address % (uintptr_t{1} << access->log_alignment)) + " bytes off its alignment of " +
                           std::to_string(1 << access->log_alignment);
  if (simt::self != nullptr) simt::block->abandon(what);
  std::fprintf(stderr, "emulator: host code of a kernel's file: %s\n", what.c_str());
  std::abort();
}
