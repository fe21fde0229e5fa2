// Several devices: memory and streams belong to the one their thread had chosen, and so does what is done with them.
#include <thread>

#include "ops/cuda/device.h"
#include "simt/one_block.h"
#include "simt/stream.h"

using namespace simt::test;

namespace {

void write_one(float* out) { *out = 1; }

// Runs `body` on a thread that has chosen no device yet.
template <class F>
void on_new_thread(F&& body) {
  std::exception_ptr error;
  std::thread([&] {
    try {
      body();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

size_t available() {
  size_t free = 0, total = 0;
  CHECK_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  return free;
}

}  // namespace

TEST("SIMT: a kernel works on its thread's device alone") {
  on_new_thread([] {
    const DeviceNumbers<float> first(1);
    cudaStream_t stream = nullptr;
    CHECK_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    CHECK_EQ(cudaSetDevice(1), cudaSuccess);
    const DeviceNumbers<float> second(1);
    one_block(write_one, 1, 0, second.data());
    CHECK_EQ(second.read()[0], 1.0f);
    CHECK_THROWS(one_block(write_one, 1, 0, first.data()), "argument 1 of the kernel points to memory of device 0, which is not the calling thread's");
    const ace::Stream foreign{.device = ace::DeviceKind::cuda, .cuda_stream = stream};
    CHECK_THROWS(ace::cuda::launch("under test", {}, foreign, write_one, 1, 1, 0, second.data()), "cudaErrorInvalidResourceHandle");
    CHECK_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
    CHECK_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
    CHECK_EQ(cudaStreamDestroy(stream), cudaSuccess);
  });
}

TEST("SIMT: each device counts its own memory") {
  on_new_thread([] {
    CHECK_EQ(cudaSetDevice(1), cudaSuccess);
    const size_t before = available();
    const DeviceNumbers<float> numbers(1 << 20);
    CHECK_EQ(before - available(), size_t{4} << 20);
    CHECK_EQ(cudaSetDevice(0), cudaSuccess);
    const size_t elsewhere = available();
    const DeviceNumbers<float> more(1 << 10);
    CHECK_EQ(elsewhere - available(), size_t{4} << 10);
  });
}

// What JavaScript's thread does when it closes a model on cuda:1.
TEST("SIMT: a thread that lets go of a device's memory, graphs and copies does it on that device") {
  std::unique_ptr<ace::Device> device;
  std::unique_ptr<ace::Graph> graph;
  std::unique_ptr<ace::CopyLane> lane;
  void *memory = nullptr, *pinned = nullptr;
  on_new_thread([&] {
    device = ace::cuda::open_device(1, 1);
    memory = device->allocate(1 << 20, "test");
    pinned = device->allocate_pinned(64, "test");
    graph = device->capture([&] { device->zero(memory, 64); });
    lane = device->open_copy_lane();
  });
  const std::function<void()> last_words[] = {[&] { device->release(memory); }, [&] { device->release_pinned(pinned); }, [&] { graph.reset(); },
                                              [&] { lane.reset(); }};
  for (const auto& let_go : last_words)
    on_new_thread([&] {
      let_go();
      int chosen = 0;
      CHECK_EQ(cudaGetDevice(&chosen), cudaSuccess);
      CHECK_EQ(chosen, 1);  // 0 would have been opened for it
    });
  on_new_thread([&] {
    CHECK_EQ(cudaSetDevice(1), cudaSuccess);
    device.reset();
    CHECK_EQ(available(), size_t{8} << 30);
  });
}
