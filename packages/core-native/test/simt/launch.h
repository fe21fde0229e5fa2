// What launch() of ops/cuda/launch.h becomes in the emulator.
#pragma once
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "simt/block.h"
#include "simt/runtime.h"
#include "simt/vectors.h"

namespace simt {

// Runs `body` once a thread of the grid, or records that while the stream is captured. `name`: for errors.
void launch_body(std::string name, dim3 grid, dim3 threads, size_t shared, cudaStream_t stream, std::function<void()> body);

// While it lives, the calling thread's launches may ask for more shared memory than the least of the served devices has: kernels
// for one architecture alone.
class MoreShared {
 public:
  explicit MoreShared(unsigned bytes) { most = bytes; }
  ~MoreShared() { most = kMaxShared; }
  MoreShared(const MoreShared&) = delete;
  MoreShared& operator=(const MoreShared&) = delete;
  static inline constinit thread_local unsigned most = kMaxShared;
};

// Errors: KernelError for a pointer to anything but device memory.
void check_argument(const std::string& name, int number, const void* pointer);

// The arguments are copied, as a launch on hardware does. Errors: KernelError, at once (or when the graph is launched).
template <class... P>
void launch(std::string name, void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared, cudaStream_t stream, std::type_identity_t<P>... args) {
  int number = 0;
  const auto check = [&](const auto& argument) {
    ++number;
    if constexpr (std::is_pointer_v<std::decay_t<decltype(argument)>>) check_argument(name, number, argument);
  };
  (check(args), ...);
  (void)check;
  launch_body(std::move(name), grid, threads, shared, stream, [kernel, copies = std::tuple<P...>(args...)] { std::apply(kernel, copies); });
}

}  // namespace simt
