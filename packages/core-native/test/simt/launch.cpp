#include "simt/launch.h"

#include <memory>

#include "simt/block.h"
#include "simt/counters.h"
#include "simt/stream.h"

namespace simt {

namespace {

void run_grid(const std::string& name, dim3 grid, dim3 threads, unsigned shared, const std::function<void()>& body) {
  static thread_local Block emulated;
  block_dim = {threads.x, threads.y, threads.z};
  grid_dim = {grid.x, grid.y, grid.z};
  if (counting != nullptr) counting->begin_launch(name, uint64_t{grid.x} * grid.y * grid.z, threads.x * threads.y * threads.z, shared);
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        block_index = {x, y, z};
        emulated.run(name, block_index, block_dim, shared, body);
        if (counting != nullptr) counting->end_block();
      }
  if (counting != nullptr) counting->end_launch();
  check_ends(name);
}

}  // namespace

void check_argument(const std::string& name, int number, const void* pointer) {
  if (pointer == nullptr) return;
  const int device = device_of(pointer);
  const auto say = [&](const std::string& what) { throw KernelError(name + ": argument " + std::to_string(number) + " of the kernel points to " + what); };
  if (device < 0) say("no device memory");
  if (device != current_device()) say("memory of device " + std::to_string(device) + ", which is not the calling thread's");
}

void launch_body(std::string name, dim3 grid, dim3 threads, size_t shared, cudaStream_t stream, std::function<void()> body) {
  const auto within = [](uint64_t n, uint64_t most) { return n >= 1 && n <= most; };
  const uint64_t count = uint64_t{threads.x} * threads.y * threads.z;
  if (!within(count, kMaxThreads) || threads.z > 64 || !within(grid.x, 0x7fffffffu) || !within(grid.y, 65535) || !within(grid.z, 65535) ||
      shared > MoreShared::most) {
    (void)told(cudaErrorInvalidConfiguration);
    return;
  }
  if (stream != nullptr && stream->device != current_device()) {
    (void)told(cudaErrorInvalidResourceHandle);
    return;
  }
  (void)put(stream, [=, name = std::move(name), body = std::move(body)] { run_grid(name, grid, threads, static_cast<unsigned>(shared), body); });
}

}  // namespace simt
