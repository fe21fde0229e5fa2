#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tensor/thread_pool.h"

namespace ace {

enum class DeviceKind : uint8_t { cpu, cuda };

constexpr const char* name(DeviceKind kind) { return kind == DeviceKind::cpu ? "cpu" : "cuda"; }

namespace cuda {
class Blas;  // ops/cuda/blas/blas.h
}

class Device;

// What a kernel needs to run: the CPU's threads, or a CUDA stream and the device's matrix products.
struct Stream {
  DeviceKind device = DeviceKind::cpu;
  ThreadPool* pool = nullptr;
  void* cuda_stream = nullptr;
  cuda::Blas* blas = nullptr;
  // Attention runs on products of a warpgroup (ops/cuda/attention/hopper) where it can. Compute capability 9.0 alone.
  bool warpgroups = false;
  // Where given, each call of a program is waited for, so that an error is told with its operator.
  Device* checked = nullptr;
};

// Work that a device has recorded and can repeat without the host taking part.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void launch() = 0;
};

// Copies from the host beside the kernels, into memory that is used in turns: a turn's copies wait for the kernels of the
// turn before it in the same place, and its kernels for its copies, nobody else for either.
class CopyLane {
 public:
  static constexpr int kPlaces = 2;
  virtual ~CopyLane() = default;

  // `from` must be pinned and stay as it is until the device was waited for.
  virtual void copy(int place, void* to, const void* from, int64_t bytes) = 0;
  // What is queued on the device from here on sees the copies into `place`.
  virtual void arrive(int place) = 0;
  // What was queued on the device so far is the last to read `place`.
  virtual void leave(int place) = 0;
};

// Where tensors live and kernels run. Kernels, zero() and the copies follow each other in the order of the calls.
// One thread at a time; what was allocated on a device must be released before it goes.
class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  DeviceKind kind() const { return stream_.device; }
  Stream& stream() { return stream_; }
  // Addresses without memory: a model on such a device can be traced and planned, not run.
  virtual bool planning() const { return false; }
  // Bytes that can still be allocated; -1 where nobody knows.
  virtual int64_t free_bytes() const { return -1; }

  // `what` names the memory in the error. Errors: ERR_OUT_OF_MEMORY.
  virtual void* allocate(int64_t bytes, const std::string& what) = 0;
  virtual void release(void* memory) noexcept = 0;
  // Host memory that upload_async and download_async may use.
  virtual void* allocate_pinned(int64_t bytes, const std::string& what) = 0;
  virtual void release_pinned(void* memory) noexcept = 0;

  virtual void zero(void* memory, int64_t bytes) = 0;
  // Both sides on the device, not overlapping.
  virtual void copy(void* to, const void* from, int64_t bytes) = 0;
  // `from` may be changed as soon as it returns.
  virtual void upload(void* to, const void* from, int64_t bytes) = 0;
  // Waits for all work before it. Errors: ERR_DEVICE, also for a kernel that failed before.
  virtual void download(void* to, const void* from, int64_t bytes) = 0;
  // The host's side must be pinned and stay as it is until synchronize().
  virtual void upload_async(void* to, const void* from, int64_t bytes) = 0;
  virtual void download_async(void* to, const void* from, int64_t bytes) = 0;
  virtual void synchronize() = 0;

  // What was chosen for this device's work beside the sizes: the algorithm of each matrix product met so far, and attention's kernels.
  // Lines for people and for use_algorithms(); "" where nothing is chosen.
  virtual std::string algorithms() const { return ""; }
  // The choices that `record` holds, whatever this device would choose itself.
  // Errors: ERR_CONFIG for text that algorithms() did not write, of another library, or of kernels this device has not.
  virtual void use_algorithms(const std::string& record);

  // Records what `work` launches instead of running it. Null where the device cannot.
  virtual std::unique_ptr<Graph> capture(const std::function<void()>& work) = 0;
  virtual std::unique_ptr<CopyLane> open_copy_lane() = 0;

 protected:
  explicit Device(Stream stream) : stream_(stream) {}
  Stream stream_;
};

// Main memory and the CPU's threads.
class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads);

  ThreadPool& pool() { return pool_; }
  void* allocate(int64_t bytes, const std::string& what) override;
  void release(void* memory) noexcept override;
  void* allocate_pinned(int64_t bytes, const std::string& what) override { return allocate(bytes, what); }
  void release_pinned(void* memory) noexcept override { release(memory); }
  void zero(void* memory, int64_t bytes) override;
  void copy(void* to, const void* from, int64_t bytes) override { upload(to, from, bytes); }
  void upload(void* to, const void* from, int64_t bytes) override;
  void download(void* to, const void* from, int64_t bytes) override;
  void upload_async(void* to, const void* from, int64_t bytes) override { upload(to, from, bytes); }
  void download_async(void* to, const void* from, int64_t bytes) override { download(to, from, bytes); }
  void synchronize() override {}
  std::unique_ptr<Graph> capture(const std::function<void()>&) override { return nullptr; }
  std::unique_ptr<CopyLane> open_copy_lane() override;

 private:
  ThreadPool pool_;
};

// A device of either kind that has no memory: every allocation is an address of its own, never to be read.
class PlanningDevice final : public Device {
 public:
  explicit PlanningDevice(DeviceKind kind);

  bool planning() const override { return true; }
  void* allocate(int64_t bytes, const std::string& what) override;
  void release(void*) noexcept override {}
  void* allocate_pinned(int64_t bytes, const std::string& what) override { return allocate(bytes, what); }
  void release_pinned(void*) noexcept override {}
  void zero(void*, int64_t) override {}
  void copy(void*, const void*, int64_t) override {}
  void upload(void*, const void*, int64_t) override {}
  void download(void* to, const void* from, int64_t bytes) override;
  void upload_async(void*, const void*, int64_t) override {}
  void download_async(void* to, const void* from, int64_t bytes) override { download(to, from, bytes); }
  void synchronize() override {}
  std::unique_ptr<Graph> capture(const std::function<void()>&) override { return nullptr; }
  std::unique_ptr<CopyLane> open_copy_lane() override { return nullptr; }

 private:
  uintptr_t next_ = uintptr_t{1} << 46;
};

// Aligned main memory outside any device. Errors: ERR_OUT_OF_MEMORY.
void* allocate_host(int64_t bytes, const std::string& what);
void release_host(void* memory) noexcept;

}  // namespace ace
