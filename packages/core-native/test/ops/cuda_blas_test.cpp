// How the algorithm of a matrix product is chosen, recorded and given back.
#include "ops/kernels.h"
#include "twin.h"
#if ACE_WITH_CUDA
#include <cuda_runtime.h>

#include <cmath>

#include "ops/cuda/blas/blas.h"
#include "ops/cuda/device.h"

using namespace ace;
using namespace ace::test;

namespace {

// Three matrices on the device and a Blas of their own: c [m, n] = a [m, k] b [k, n].
class Products {
 public:
  // `misplaced`: bytes by which the workspace misses its alignment.
  Products(int64_t m, int64_t n, int64_t k, DType dtype = DType::f32, int64_t misplaced = 0)
      : workspace_(cuda::Blas::workspace_bytes() + misplaced, "test"), blas(static_cast<char*>(workspace_.data()) + misplaced),
        a(matrix(m, k, dtype)), b(matrix(k, n, dtype)), c(matrix(m, n, dtype)) {
    if (cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking) != cudaSuccess) throw Error(ErrorCode::device, "no stream");
    write(a, 0.25f);
    write(b, 0.5f);
    write(c, 1.0f);
  }
  ~Products() { (void)cudaStreamDestroy(stream_); }

  // Element i becomes scale (i % 7 - 3): small numbers of which every sum is exact.
  void write(const Tensor& to, float scale) const {
    std::vector<unsigned char> bytes(static_cast<size_t>(to.bytes()));
    for (int64_t i = 0; i < to.elements(); ++i) {
      const float value = scale * static_cast<float>(i % 7 - 3);
      if (to.dtype == DType::f32) reinterpret_cast<float*>(bytes.data())[i] = value;
      else reinterpret_cast<bf16*>(bytes.data())[i] = to_bf16(value);
    }
    cuda::upload(to.data, bytes.data(), to.bytes());
  }
  void multiply(bool accumulate = false) {
    Stream stream{.device = DeviceKind::cuda, .cuda_stream = stream_, .blas = &blas};
    cuda::matmul(stream, c, a, b, {}, {.accumulate = accumulate});
  }
  // c after the stream is done.
  std::vector<float> result() const {
    if (cudaStreamSynchronize(stream_) != cudaSuccess) throw Error(ErrorCode::device, "the stream failed");
    std::vector<float> out(static_cast<size_t>(c.elements()));
    cuda::download(out.data(), c.data, c.bytes());
    return out;
  }
  cudaStream_t stream() const { return stream_; }

 private:
  cuda::DeviceMemory workspace_;
  std::vector<std::unique_ptr<cuda::DeviceMemory>> memory_;
  cudaStream_t stream_ = nullptr;

  Tensor matrix(int64_t rows, int64_t cols, DType dtype) {
    Tensor out;
    out.dtype = dtype;
    out.shape = {rows, cols};
    memory_.push_back(std::make_unique<cuda::DeviceMemory>(out.bytes(), "test"));
    out.data = memory_.back()->data();
    return out;
  }

 public:
  cuda::Blas blas;
  const Tensor a, b, c;
};

#if ACE_SIMT
// The line of a record after "KEY -> ".
std::string algorithm_in(const std::string& record) { return record.substr(record.find(" -> ") + 4); }
#endif

}  // namespace

TEST("CUDA: the algorithms of one run are listed and taken back by the next") {
  skip_without_cuda();
  Products first(32, 48, 64);
  first.multiply();
  const std::string record = first.blas.algorithms();
  CHECK(record.find("cuBLASLt ") == 0);
  CHECK(record.find("\nm 32, n 48, k 64, f32 to f32, ld 64 48 48, aligned 16 16 16 -> algorithm ") != std::string::npos);

  Products second(32, 48, 64);
  second.blas.preselect(record);
  second.multiply();
  CHECK_EQ(second.blas.algorithms(), record);
  CHECK(second.result() == first.result());

  Products other_shape(16, 48, 64);
  other_shape.blas.preselect(record);
  CHECK_EQ(other_shape.blas.algorithms(), record);  // known, though not met yet
  other_shape.multiply();
  CHECK(other_shape.blas.algorithms().find(record.substr(record.find('\n'))) != std::string::npos);
#if ACE_SIMT
  // Another algorithm of the stand-in, which its heuristic would not choose.
  const std::string other = "bytes 15 1 f 8 0 0 0 5354414e44494e21\n";
  Products third(32, 48, 64);
  third.blas.preselect(record.substr(0, record.find("bytes ")) + other);
  third.multiply();
  CHECK_EQ(algorithm_in(third.blas.algorithms()), "algorithm 21, tile 15, stages 8, split k 1, reduction 0, " + other);
  CHECK(third.result() == first.result());
#endif
}

TEST("CUDA: a record of algorithms that does not fit is refused") {
  skip_without_cuda();
  Products products(32, 48, 64);
  products.multiply();
  const std::string record = products.blas.algorithms(), version = record.substr(0, record.find('\n') + 1);
  CHECK_THROWS(products.blas.preselect("cuBLASLt 11.5.1\n"), "the recorded algorithms are of cuBLASLt 11.5.1, this is cuBLASLt ");
  CHECK_THROWS(products.blas.preselect(""), "the recorded algorithms are of no library");
  CHECK_THROWS(products.blas.preselect(version + "a product\n"), "not the record of a matrix product's algorithm: a product");
  CHECK_THROWS(products.blas.preselect(version + "a product -> bytes 1 2 3\n"), "not the record of a matrix product's algorithm");
  products.blas.preselect(record.substr(0, record.find("bytes ")) + "bytes 0 0 0 0 0 0 0 0\n");
  CHECK_THROWS(products.multiply(), "matmul: the algorithm recorded for m 32, n 48, k 64, f32 to f32, ld 64 48 48, aligned 16 16 16 cannot run on this device: ");
}

TEST("CUDA: timing the candidates changes no result, of a product or of a sum") {
  skip_without_cuda();
  for (const bool accumulate : {false, true}) {
    Products plain(64, 48, 96), timed(64, 48, 96);
    timed.blas.tune(true);
    plain.multiply(accumulate);
    timed.multiply(accumulate);
    CHECK(timed.result() == plain.result());
    const std::string record = timed.blas.algorithms();
    timed.multiply(accumulate);
    CHECK_EQ(timed.blas.algorithms(), record);  // chosen once
  }
}

TEST("CUDA: a captured product reads what is there when it is replayed") {
  skip_without_cuda();
  Products products(32, 48, 64);
  products.multiply();
  const std::vector<float> before = products.result();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  CHECK_EQ(static_cast<int>(cudaStreamBeginCapture(products.stream(), cudaStreamCaptureModeThreadLocal)), 0);
  products.multiply();
  CHECK_EQ(static_cast<int>(cudaStreamEndCapture(products.stream(), &graph)), 0);
  CHECK_EQ(static_cast<int>(cudaGraphInstantiate(&exec, graph, 0)), 0);
  for (const float scale : {0.5f, 0.125f}) {
    products.write(products.a, scale);
    CHECK_EQ(static_cast<int>(cudaGraphLaunch(exec, products.stream())), 0);
    const std::vector<float> after = products.result();
    int64_t wrong = 0;
    for (size_t i = 0; i < after.size(); ++i) wrong += after[i] != before[i] * scale / 0.25f;
    CHECK_EQ(wrong, int64_t{0});
  }
  (void)cudaGraphExecDestroy(exec);
  (void)cudaGraphDestroy(graph);
}

TEST("CUDA: a shape that would have to be timed within a capture is refused") {
  skip_without_cuda();
  Products products(32, 48, 64);
  products.blas.tune(true);
  cudaGraph_t graph = nullptr;
  CHECK_EQ(static_cast<int>(cudaStreamBeginCapture(products.stream(), cudaStreamCaptureModeThreadLocal)), 0);
  CHECK_THROWS(products.multiply(), "run the program once before");
  (void)cudaStreamEndCapture(products.stream(), &graph);
  (void)cudaGraphDestroy(graph);
  products.multiply();  // the shape is met again as if for the first time
  CHECK(products.blas.algorithms().find("m 32, n 48, k 64") != std::string::npos);
}

TEST("CUDA: a product of a float32 and a bf16 matrix is refused by its types") {
  skip_without_cuda();
  Products products(8, 8, 8), narrow(8, 8, 8, DType::bf16);
  Stream stream{.device = DeviceKind::cuda, .blas = &products.blas};
  CHECK_THROWS(cuda::matmul(stream, products.c, products.a, narrow.b, {}, {}),
               "matmul on CUDA: f32 [8, 8] times bf16 [8, 8] to f32 [8, 8]: a and b are both f32 or both bf16, c is f32 or of their type");
  CHECK_THROWS(cuda::matmul(stream, narrow.c, products.a, products.b, {}, {}), "to bf16 [8, 8]");
}

#if ACE_SIMT
TEST("CUDA: what cuBLASLt refuses is told with the operator, the sizes, the types and its own words") {
  Products products(32, 48, 64, DType::f32, 16);
  CHECK_THROWS(products.multiply(),
               "matmul: CUDA: m 32, n 48, k 64, f32 to f32, ld 64 48 48, aligned 16 16 16: cublasLtMatmul of cuBLASLt 13.0.2: an invalid value (status 7)");
}

TEST("CUDA: a shape for which cuBLASLt has no algorithm goes to the kernel of our own, and the record says so") {
  Products odd(7, 9, 5, DType::bf16), even(8, 16, 8, DType::bf16);
  odd.multiply();
  even.multiply();
  CHECK_EQ(algorithm_in(odd.blas.algorithms()), std::string("own kernel\n"));
  CHECK(algorithm_in(even.blas.algorithms()).find("algorithm 66, tile 20, ") == 0);
  Products again(7, 9, 5, DType::bf16);
  again.blas.preselect(odd.blas.algorithms());
  again.multiply();
  CHECK_EQ(again.blas.algorithms(), odd.blas.algorithms());
}
#endif
#endif
