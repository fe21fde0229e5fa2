// Device memory is closed to the host, ends where it ends, and begins as NaNs.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <functional>
#include <string>

#include "simt/one_block.h"
#include "tensor/error.h"

using namespace simt::test;

namespace {

void write_at(float* out, int64_t at) { out[at] = 1; }
void read_at(float* out, const float* from, int64_t at) { *out = from[at]; }
void read_four_at(float* out, const float* from, int64_t at) { out[threadIdx.x] = reinterpret_cast<const float4*>(from + at)->w; }
void write_two_at(float* out, int64_t at) { *reinterpret_cast<float2*>(out + at) = {1, 2}; }

struct Death {
  int signal = 0;
  std::string said;
};

// Runs `body` in a process of its own.
Death death_of(const std::function<void()>& body) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  Death out;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) out.said.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  out.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST("SIMT: host code that touches device memory dies with a message that says so") {
  const DeviceNumbers<float> numbers({1, 2, 3});
  const Death death = death_of([&] { *const_cast<volatile float*>(numbers.data() + 2) = 4; });
  CHECK_EQ(death.signal, SIGSEGV);
  CHECK(has(death.said, "emulator: host code touched device memory at "));
  CHECK(has(death.said, "byte 8 of an allocation of 12 bytes"));
  CHECK_EQ(death_of([] {}).signal, 0);
  CHECK_EQ(numbers.read()[2], 3.0f);
}

TEST("SIMT: a kernel that reads far behind an allocation dies naming itself") {
  const DeviceNumbers<float> numbers({1, 2, 3}), out(1);
  const Death death = death_of([&] { one_block(read_at, 1, 0, out.data(), numbers.data(), int64_t{64}); });
  CHECK_EQ(death.signal, SIGSEGV);
  CHECK(has(death.said, "emulator: under test [], block 0, thread 0, touched device memory at "));
  CHECK(has(death.said, "byte 256 of an allocation of 12 bytes"));
}

TEST("SIMT: a kernel that writes just behind an allocation is found") {
  const DeviceNumbers<float> numbers({1, 2, 3});
  one_block(write_at, 1, 0, numbers.data(), int64_t{2});
  CHECK_THROWS(one_block(write_at, 1, 0, numbers.data(), int64_t{3}), "under test []: wrote byte 1");
  CHECK_THROWS(one_block(write_at, 1, 0, numbers.data(), int64_t{3}), "of an allocation of 12 bytes");
}

TEST("SIMT: an access of several numbers must be aligned to its size, as on hardware") {
  const DeviceNumbers<float> numbers({0, 1, 2, 3, 4, 5, 6, 7}), out(2);
  one_block(read_four_at, 2, 0, out.data(), numbers.data(), int64_t{4});
  CHECK_EQ(out.read()[1], 7.0f);
  CHECK_THROWS(one_block(read_four_at, 2, 0, out.data(), numbers.data(), int64_t{1}), "under test []: block (0, 0, 0), thread (0, 0, 0): an access at device_memory_test.cpp:");
  CHECK_THROWS(one_block(read_four_at, 2, 0, out.data(), numbers.data(), int64_t{2}), "to an address 8 bytes off its alignment of 16");
  one_block(write_two_at, 1, 0, numbers.data(), int64_t{2});
  CHECK_EQ(numbers.read()[3], 2.0f);
  CHECK_THROWS(one_block(write_two_at, 1, 0, numbers.data(), int64_t{3}), "to an address 4 bytes off its alignment of 8");
}

TEST("SIMT: fresh device memory holds NaNs, and freed memory is gone") {
  for (const float value : DeviceNumbers<float>(100).read()) CHECK(std::isnan(value));
  float* data = nullptr;
  CHECK_EQ(cudaMalloc(&data, 4), cudaSuccess);
  CHECK_EQ(cudaFree(data), cudaSuccess);
  CHECK_EQ(cudaFree(data), cudaErrorInvalidValue);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  CHECK_THROWS(one_block(write_at, 1, 0, data, int64_t{0}), "argument 1 of the kernel points to no device memory");
}

TEST("SIMT: host memory is refused where device memory belongs, and the other way round") {
  float host[2] = {1, 2};
  const DeviceNumbers<float> numbers({3, 4});
  CHECK_THROWS(one_block(write_at, 1, 0, &host[0], int64_t{0}), "under test []: argument 1 of the kernel points to no device memory");
  CHECK_EQ(cudaMemcpy(host, numbers.data(), 8, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  CHECK_EQ(cudaMemcpy(numbers.data(), host, 8, cudaMemcpyDeviceToDevice), cudaErrorInvalidValue);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  CHECK_EQ(cudaMemcpy(host, numbers.data(), 8, cudaMemcpyDeviceToHost), cudaSuccess);
  CHECK_EQ(host[1], 4.0f);
}

TEST("SIMT: the device has as much memory as it says") {
  size_t available = 0, total = 0;
  CHECK_EQ(cudaMemGetInfo(&available, &total), cudaSuccess);
  void* data = nullptr;
  CHECK_EQ(cudaMalloc(&data, available + 1), cudaErrorMemoryAllocation);
  CHECK_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  const DeviceNumbers<float> some(1 << 20);
  size_t left = 0;
  CHECK_EQ(cudaMemGetInfo(&left, &total), cudaSuccess);
  CHECK_EQ(available - left, size_t{4} << 20);
}
