#include "ops/cuda/device.h"

#include <cstdlib>
#include <cstring>
#include <sstream>

#include "ops/cuda/attention/hopper/kernels.h"
#include "ops/cuda/attention/hopper/trial.h"
#include "ops/cuda/blas/blas.h"
#include "ops/cuda/launch.h"

namespace ace::cuda {

namespace {

void expect(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();  // told here; not a later launch's fault
  throw Error(ErrorCode::device, "CUDA: " + what + ": " + cudaGetErrorString(error));
}

// Before memory and handles are let go of, which any thread may do: JavaScript's, for one, when it closes a model. A thread
// that never chose a device would first open a context on device 0, hundreds of MiB there, whatever device these are of.
void choose(int device) noexcept { (void)cudaSetDevice(device); }

// Errors: ERR_CONFIG.
bool portable_attention() {
  const char* value = std::getenv("ACEWRIGHT_ATTENTION");
  if (value == nullptr || *value == '\0') return false;
  if (std::strcmp(value, "portable") == 0) return true;
  throw Error(ErrorCode::config, std::string("ACEWRIGHT_ATTENTION=") + value + ": it is \"portable\" or not set");
}

class CudaGraph final : public Graph {
 public:
  CudaGraph(int device, cudaGraph_t graph, cudaStream_t stream) : device_(device), stream_(stream) {
    const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
    (void)cudaGraphDestroy(graph);
    expect(error, "making a graph ready");
  }
  ~CudaGraph() override {
    choose(device_);
    (void)cudaGraphExecDestroy(executable_);
  }
  void launch() override { expect(cudaGraphLaunch(executable_, stream_), "launching a graph"); }

 private:
  int device_;
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

class CudaLane final : public CopyLane {
 public:
  CudaLane(int device, cudaStream_t kernels) : device_(device), kernels_(kernels) {
    expect(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "making a stream for copies");
    for (int place = 0; place < kPlaces; ++place) {
      expect(cudaEventCreateWithFlags(&arrived_[place], cudaEventDisableTiming), "making an event");
      expect(cudaEventCreateWithFlags(&left_[place], cudaEventDisableTiming), "making an event");
    }
  }
  ~CudaLane() override {
    choose(device_);
    for (int place = 0; place < kPlaces; ++place) {
      (void)cudaEventDestroy(arrived_[place]);
      (void)cudaEventDestroy(left_[place]);
    }
    (void)cudaStreamDestroy(copies_);
  }
  void copy(int place, void* to, const void* from, int64_t bytes) override {
    if (in_use_[place]) expect(cudaStreamWaitEvent(copies_, left_[place], 0), "waiting for the kernels before");
    in_use_[place] = false;
    expect(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, copies_), "a copy of " + std::to_string(bytes) + " bytes");
  }
  void arrive(int place) override {
    expect(cudaEventRecord(arrived_[place], copies_), "marking a copy");
    expect(cudaStreamWaitEvent(kernels_, arrived_[place], 0), "waiting for a copy");
  }
  void leave(int place) override {
    expect(cudaEventRecord(left_[place], kernels_), "marking the kernels");
    in_use_[place] = true;
  }

 private:
  int device_;
  cudaStream_t kernels_, copies_ = nullptr;
  cudaEvent_t arrived_[kPlaces] = {}, left_[kPlaces] = {};
  bool in_use_[kPlaces] = {};
};

// The line of algorithms() that is not about matrix products.
constexpr const char *kAttention = "attention -> ", *kByWarpgroups = "products of a warpgroup", *kByWarps = "products of a warp";

class CudaDevice final : public Device {
 public:
  CudaDevice(int index, int threads, bool warpgroups)
      : Device({DeviceKind::cuda}), index_(index), has_warpgroups_(warpgroups), portable_(portable_attention()), pool_(threads) {
    expect(cudaSetDevice(index), "opening device " + std::to_string(index));
    cudaStream_t stream = nullptr;
    expect(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream on device " + std::to_string(index));
    stream_.pool = &pool_;
    stream_.cuda_stream = stream;
    try {
      workspace_ = allocate(Blas::workspace_bytes(), "the matrix products' workspace");
      blas_ = std::make_unique<Blas>(workspace_);
    } catch (...) {
      close();
      throw;
    }
    stream_.blas = blas_.get();
    const char* checked = std::getenv("ACEWRIGHT_CUDA_CHECK");
    if (checked != nullptr && std::strcmp(checked, "1") == 0) stream_.checked = this;
    stream_.warpgroups = has_warpgroups_ && !portable_;
  }
  ~CudaDevice() override { close(); }

  int64_t free_bytes() const override {
    size_t available = 0, total = 0;
    return cudaMemGetInfo(&available, &total) == cudaSuccess ? static_cast<int64_t>(available) : -1;
  }

  void* allocate(int64_t bytes, const std::string& what) override {
    void* out = nullptr;
    if (bytes == 0) bytes = 1;
    const cudaError_t error = cudaMalloc(&out, static_cast<size_t>(bytes));
    if (error == cudaSuccess) return out;
    (void)cudaGetLastError();
    if (error != cudaErrorMemoryAllocation) expect(error, what);
    const int64_t available = free_bytes();
    throw Error(ErrorCode::out_of_memory, what + ": the GPU has no " + std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB" +
                                              (available < 0 ? "" : "; " + std::to_string(available >> 20) + " MiB are free"));
  }
  void release(void* memory) noexcept override {
    choose(index_);
    (void)cudaFree(memory);
  }

  void* allocate_pinned(int64_t bytes, const std::string& what) override {
    void* out = nullptr;
    if (cudaMallocHost(&out, static_cast<size_t>(bytes == 0 ? 1 : bytes)) == cudaSuccess) return out;
    (void)cudaGetLastError();
    throw Error(ErrorCode::out_of_memory, what + ": no room for " + std::to_string(bytes >> 20) + " MiB of pinned main memory");
  }
  void release_pinned(void* memory) noexcept override {
    if (memory == nullptr) return;
    choose(index_);
    (void)cudaFreeHost(memory);
  }

  void zero(void* memory, int64_t bytes) override {
    if (bytes > 0) expect(cudaMemsetAsync(memory, 0, static_cast<size_t>(bytes), stream_of(stream_)), "clearing memory");
  }
  void copy(void* to, const void* from, int64_t bytes) override { move(to, from, bytes, cudaMemcpyDeviceToDevice); }
  void upload_async(void* to, const void* from, int64_t bytes) override { move(to, from, bytes, cudaMemcpyHostToDevice); }
  void download_async(void* to, const void* from, int64_t bytes) override { move(to, from, bytes, cudaMemcpyDeviceToHost); }
  void upload(void* to, const void* from, int64_t bytes) override {
    upload_async(to, from, bytes);
    synchronize();
  }
  void download(void* to, const void* from, int64_t bytes) override {
    download_async(to, from, bytes);
    synchronize();
  }
  void synchronize() override { expect(cudaStreamSynchronize(stream_of(stream_)), "waiting for the device"); }

  std::string algorithms() const override {
    return blas_->algorithms() + kAttention + (stream_.warpgroups ? kByWarpgroups : kByWarps) + "\n";
  }
  void use_algorithms(const std::string& record) override {
    std::istringstream in(record);
    std::string products, attention = kByWarps, line;  // a record without the line is older than the other kernels
    while (std::getline(in, line)) {
      if (line.rfind(kAttention, 0) == 0) attention = line.substr(std::strlen(kAttention));
      else products += line + "\n";
    }
    if (attention != kByWarps && attention != kByWarpgroups)
      throw Error(ErrorCode::config, "not the record of attention's kernels: " + attention);
    if (attention == kByWarpgroups && !(has_warpgroups_ && !portable_))
      throw Error(ErrorCode::config, "the record's attention ran on " + attention + ", which " +
                                         (portable_ ? "ACEWRIGHT_ATTENTION=portable rules out" : "only compute capability 9.0 has"));
    blas_->preselect(products);
    stream_.warpgroups = attention == kByWarpgroups;
  }

  std::unique_ptr<Graph> capture(const std::function<void()>& work) override {
    if (stream_.checked != nullptr) return nullptr;
    const cudaStream_t stream = stream_of(stream_);
    expect(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a graph");
    cudaGraph_t graph = nullptr;
    try {
      work();
    } catch (...) {
      (void)cudaStreamEndCapture(stream, &graph);
      if (graph != nullptr) (void)cudaGraphDestroy(graph);
      (void)cudaGetLastError();
      throw;
    }
    expect(cudaStreamEndCapture(stream, &graph), "recording a graph");
    return std::make_unique<CudaGraph>(index_, graph, stream);
  }

  std::unique_ptr<CopyLane> open_copy_lane() override { return std::make_unique<CudaLane>(index_, stream_of(stream_)); }

 private:
  void move(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind) {
    if (bytes > 0) expect(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, stream_of(stream_)), "a copy of " + std::to_string(bytes) + " bytes");
  }
  void close() {
    blas_.reset();
    if (workspace_ != nullptr) release(workspace_);
    (void)cudaStreamDestroy(stream_of(stream_));
  }

  int index_;
  bool has_warpgroups_, portable_;
  ThreadPool pool_;
  void* workspace_ = nullptr;
  std::unique_ptr<Blas> blas_;
};

}  // namespace

Devices find_devices() {
  Devices out;
  const cudaError_t error = cudaGetDeviceCount(&out.count);
  if (error == cudaSuccess && out.count > 0) return out;
  (void)cudaGetLastError();  // told here; not a later launch's fault
  out.count = 0;
  out.reason = error == cudaSuccess ? "no CUDA-capable device is detected" : cudaGetErrorString(error);
  return out;
}

DeviceMemory::DeviceMemory(int64_t bytes, const std::string& what) { expect(cudaMalloc(&data_, static_cast<size_t>(bytes)), what); }
DeviceMemory::~DeviceMemory() { (void)cudaFree(data_); }

void upload(void* device, const void* host, int64_t bytes) {
  expect(cudaMemcpy(device, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice), "upload");
  // Of pageable memory it returns when that may be changed; a stream that does not wait for the default one could be sooner.
  expect(cudaStreamSynchronize(nullptr), "upload");
}

void download(void* host, const void* device, int64_t bytes) {
  expect(cudaMemcpy(host, device, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost), "download");
}

namespace {

// What release builds are compiled for, and what was thought of when the kernels were written.
struct Served {
  int major, minor;
  const char* cards;
};
constexpr Served kServed[] = {{8, 0, "A100"}, {8, 6, "RTX 30"}, {8, 9, "RTX 40, L4"}, {9, 0, "H100, H200"}, {12, 0, "RTX 50"}};

}  // namespace

bool is_supported(int major, int minor) {
  for (const Served& served : kServed)
    if (served.major == major && served.minor == minor) return true;
  return false;
}

std::string supported_capabilities() {
  std::string out;
  for (const auto& [major, minor, cards] : kServed)
    out += (out.empty() ? "" : ", ") + std::to_string(major) + "." + std::to_string(minor) + " (" + cards + ")";
  return out;
}

namespace {

struct Capability {
  int major = 0, minor = 0;
};
Capability capability_of(int index) {
  Capability out;
  const std::string name = "cuda:" + std::to_string(index);
  expect(cudaDeviceGetAttribute(&out.major, cudaDevAttrComputeCapabilityMajor, index), name);
  expect(cudaDeviceGetAttribute(&out.minor, cudaDevAttrComputeCapabilityMinor, index), name);
  return out;
}

}  // namespace

bool has_warpgroups(int index) {
  const auto [major, minor] = capability_of(index);
  return attention::kHopper && major == 9 && minor == 0;
}

std::unique_ptr<Device> open_device(int index, int threads) {
  const Devices found = find_devices();
  if (found.count == 0) throw Error(ErrorCode::device, "no CUDA device: " + found.reason);
  const std::string name = "cuda:" + std::to_string(index);
  if (index < 0 || index >= found.count)
    throw Error(ErrorCode::device, name + ": this machine has " + std::to_string(found.count) + " CUDA devices, numbered from 0");
  const auto [major, minor] = capability_of(index);
  if (!is_supported(major, minor))
    throw Error(ErrorCode::device, name + " has compute capability " + std::to_string(major) + "." + std::to_string(minor) + "; supported are " + supported_capabilities());
  auto device = std::make_unique<CudaDevice>(index, threads, has_warpgroups(index));
  if constexpr (attention::kHopper)
    if (device->stream().warpgroups) attention::try_warpgroups(*device, index);
  return device;
}

}  // namespace ace::cuda
