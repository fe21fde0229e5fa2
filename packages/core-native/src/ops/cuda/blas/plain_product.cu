// Tiles through shared memory: for what cuBLASLt cannot do, so right for any size and stride before it is fast.
#include <algorithm>

#include "ops/cuda/blas/context.h"
#include "ops/cuda/blas/product.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/smem.cuh"

namespace ace {

namespace {

constexpr int kTile = 64;   // rows and columns of c a block
constexpr int kDepth = 16;  // steps of k in shared memory
constexpr int kSide = 16;   // threads along either side; each has every kSide-th row and column of the tile
constexpr int kEach = kTile / kSide;
constexpr int kPitch = kTile + 1;  // so that a warp that stores along k meets no bank twice
static_assert(kSide * kSide == cuda::kThreads && kTile * kDepth % cuda::kThreads == 0, "each thread has the same share of a tile");

// Part i of c sums the items [i * items, (i + 1) * items) of the batch, in order.
template <class T, class C>
struct Parts {
  const T *a, *b;
  C* c;
  const float* bias;
  int64_t m, n, k, batch, items, count;
  int64_t a_row, a_col, a_stride, b_row, b_col, b_stride, c_row, c_stride;
  float alpha;
  bool accumulate;
};

// Element (r, s) of x into tile[s * kPitch + r], for r < kTile and s < kDepth; zeros outside [rows, steps). The threads
// run along whichever of the two lies together in memory.
template <class T>
__device__ void load_tile(cuda::Smem<float> tile, const T* x, int64_t r_stride, int64_t s_stride, int64_t rows, int64_t steps) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += cuda::kThreads) {
    const int r = s_stride == 1 ? i / kDepth : i % kTile, s = s_stride == 1 ? i % kDepth : i / kTile;
    tile[s * kPitch + r] = r < rows && s < steps ? cuda::load(x + r * r_stride + s * s_stride) : 0.0f;
  }
}

template <class T, class C>
__global__ void plain_product_kernel(Parts<T, C> p) {
  cuda::SharedMemory shared;
  const auto a_tile = shared.take<float>(kDepth * kPitch), b_tile = shared.take<float>(kDepth * kPitch);
  const int row = static_cast<int>(threadIdx.x) / kSide, col = static_cast<int>(threadIdx.x) % kSide;
  const int64_t row0 = static_cast<int64_t>(blockIdx.x) * kTile, col0 = static_cast<int64_t>(blockIdx.y) * kTile;
  for (int64_t part = blockIdx.z; part < p.count; part += gridDim.z) {
    float sum[kEach][kEach] = {};
    const int64_t end = (part + 1) * p.items < p.batch ? (part + 1) * p.items : p.batch;
    for (int64_t item = part * p.items; item < end; ++item) {
      const T *a = p.a + item * p.a_stride + row0 * p.a_row, *b = p.b + item * p.b_stride + col0 * p.b_col;
      for (int64_t k0 = 0; k0 < p.k; k0 += kDepth) {
        __syncthreads();  // the tiles before may still be read
        load_tile(a_tile, a + k0 * p.a_col, p.a_row, p.a_col, p.m - row0, p.k - k0);
        load_tile(b_tile, b + k0 * p.b_row, p.b_col, p.b_row, p.n - col0, p.k - k0);
        __syncthreads();
        for (int s = 0; s < kDepth; ++s) {
          float x[kEach];
          for (int i = 0; i < kEach; ++i) x[i] = a_tile[s * kPitch + row + i * kSide];
          for (int j = 0; j < kEach; ++j) {
            const float y = b_tile[s * kPitch + col + j * kSide];
            for (int i = 0; i < kEach; ++i) sum[i][j] += x[i] * y;
          }
        }
      }
    }
    for (int i = 0; i < kEach; ++i) {
      for (int j = 0; j < kEach; ++j) {
        const int64_t r = row0 + row + i * kSide, s = col0 + col + j * kSide;
        if (r >= p.m || s >= p.n) continue;
        C* c = p.c + part * p.c_stride + r * p.c_row + s;
        float result = p.alpha * sum[i][j];
        if (p.bias != nullptr) result += p.bias[s];
        cuda::store(c, p.accumulate ? cuda::load(c) + result : result);
      }
    }
  }
}

template <class C>
__global__ void sum_parts_kernel(C* c, int64_t c_row, const float* parts, int64_t count, int64_t m, int64_t n, float alpha, bool accumulate) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= m * n) return;
  float sum = 0;
  for (int64_t part = 0; part < count; ++part) sum += parts[part * m * n + i];
  C* to = c + i / n * c_row + i % n;
  cuda::store(to, accumulate ? cuda::load(to) + alpha * sum : alpha * sum);
}

__global__ void round_product_kernel(bf16* c, int64_t c_row, const float* product, int64_t m, int64_t n, bool accumulate) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= m * n) return;
  bf16* to = c + i / n * c_row + i % n;
  cuda::store(to, accumulate ? cuda::load(to) + product[i] : product[i]);
}

Shape shape_of(const cuda::Product& p) { return {p.m, p.n, p.k}; }

// How many parts a summed batch is cut into. It depends on the sizes alone, so the order of the sum does too.
int64_t part_count(const cuda::Product& p) {
  constexpr int64_t kBlocks = 512;  // a few for every multiprocessor
  const int64_t tiles = ((p.m + kTile - 1) / kTile) * ((p.n + kTile - 1) / kTile);
  const int64_t room = cuda::Blas::kStagingBytes / static_cast<int64_t>(sizeof(float)) / (p.m * p.n);
  return std::max<int64_t>(1, std::min({kBlocks / tiles, room, p.batch}));
}

template <class T, class C>
void run_parts(const Stream& stream, const cuda::Product& p, C* c, int64_t c_row, int64_t c_stride, int64_t items, float alpha, bool accumulate) {
  const int64_t count = p.batch == 0 ? 1 : (p.batch + items - 1) / items;
  const Parts<T, C> parts{static_cast<const T*>(p.a), static_cast<const T*>(p.b), c, p.bias, p.m, p.n, p.k, p.batch, items, count,
                          p.a_row, p.a_col, p.a_stride, p.b_row, p.b_col, p.b_stride, c_row, c_stride, alpha, accumulate};
  const dim3 grid(cuda::blocks(p.m, kTile), cuda::blocks(p.n, kTile), static_cast<unsigned>(std::min<int64_t>(count, 65535)));
  cuda::launch(p.op, shape_of(p), stream, plain_product_kernel<T, C>, grid, cuda::kThreads, 2 * cuda::shared_bytes<float>(kDepth * kPitch), parts);
}

template <class T, class C>
void run(const Stream& stream, const cuda::Product& p) {
  C* c = static_cast<C*>(p.c);
  const int64_t wanted = p.reduce && p.batch > 1 ? part_count(p) : 1;
  if (wanted == 1) return run_parts<T, C>(stream, p, c, p.c_row, p.c_stride, p.reduce ? std::max<int64_t>(p.batch, 1) : 1, p.alpha, p.accumulate);
  const int64_t items = (p.batch + wanted - 1) / wanted, count = (p.batch + items - 1) / items;
  float* partial = reinterpret_cast<float*>(stream.blas->implementation().staging());
  run_parts<T, float>(stream, p, partial, p.n, p.m * p.n, items, 1, false);
  cuda::launch(p.op, shape_of(p), stream, sum_parts_kernel<C>, cuda::blocks(p.m * p.n), cuda::kThreads, 0, c, p.c_row, partial, count, p.m, p.n,
         p.alpha, p.accumulate);
}

}  // namespace

void cuda::plain_product(const Stream& stream, const Product& p) {
  if (p.type == DType::f32) return run<float, float>(stream, p);
  if (p.c_type == DType::f32) return run<bf16, float>(stream, p);
  run<bf16, bf16>(stream, p);
}

void cuda::round_product(const Stream& stream, const Product& p, const float* product) {
  launch(p.op, shape_of(p), stream, round_product_kernel, blocks(p.m * p.n), kThreads, 0, static_cast<bf16*>(p.c), p.c_row, product, p.m, p.n,
         p.accumulate);
}

}  // namespace ace
