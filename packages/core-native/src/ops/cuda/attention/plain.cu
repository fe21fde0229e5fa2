#include "ops/cuda/attention/kernels.h"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/reduce.cuh"

// Attention in float32 arithmetic for every case: eight rows a block, one warp each. The other side's rows pass through
// shared memory 32 at a time, one a lane for the dot products, and all 32 in turn for the weighted sums.
namespace ace::cuda::attention {

namespace {

constexpr int kWarps = 8, kThreadsPlain = kWarps * kWarpSize, kLanes = kWarpSize;
constexpr int kColumns = 64;      // of a head, at a time
constexpr int kPitch = kColumns + 1;  // lanes read one column of 32 rows: another bank each

__device__ inline int warp_of() { return static_cast<int>(threadIdx.x) / kWarpSize; }
__device__ inline int lane_of() { return static_cast<int>(threadIdx.x) % kWarpSize; }

__device__ inline float warp_max(float value) {
  for (int offset = kWarpSize / 2; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

// Columns column0 .. of 32 rows; rows from `valid` on become zeros. All of the block's threads take part.
template <class T>
__device__ void load_rows(Smem<float> to, const T* from, int64_t row_stride, int valid, int column0, int head_size) {
  const int columns = min(kColumns, head_size - column0);
  for (int i = static_cast<int>(threadIdx.x); i < kLanes * kColumns; i += kThreadsPlain) {
    const int row = i / kColumns, column = i % kColumns;
    if (column < columns) to[row * kPitch + column] = row < valid ? load(from + row * row_stride + column0 + column) : 0.0f;
  }
}

// A warp's own row of a whole head.
template <class T>
__device__ void load_own(Smem<float> to, const T* from, int head_size) {
  for (int d = lane_of(); d < head_size; d += kWarpSize) to[warp_of() * head_size + d] = from == nullptr ? 0.0f : load(from + d);
}

template <class T>
__global__ void forward_kernel(Rows<T> o, float* lse, Rows<const T> q, Rows<const T> k, Rows<const T> v, const uint8_t* key_mask, Problem p) {
  Place place;
  if (!find_place<kWarps, false>(p, place)) return;
  const int hd = p.head_size, head = static_cast<int>(blockIdx.y), kv_head = head / p.group, warp = warp_of(), lane = lane_of();
  SharedMemory shared;
  const Smem<float> own = shared.take<float>(kWarps * hd), sums = shared.take<float>(kWarps * hd);
  const Smem<float> rows = shared.take<float>(kLanes * kPitch), weights = shared.take<float>(kWarps * kLanes);
  const int row = place.first + warp;
  const bool given = row < place.length;
  const int64_t column = static_cast<int64_t>(head) * hd;
  const T* k_rows = k.data + place.k_from * k.row + static_cast<int64_t>(kv_head) * hd;
  const T* v_rows = v.data + place.k_from * v.row + static_cast<int64_t>(kv_head) * hd;
  load_own(own, given ? q.data + (place.q_from + row) * q.row + column : nullptr, hd);
  load_own<T>(sums, nullptr, hd);

  float top = -INFINITY, total = 0;
  const Range range = place.mask.keys_of(place.first, min(place.first + kWarps, place.length));
  for (int key0 = range.from; key0 < range.to; key0 += kLanes) {
    const int key = key0 + lane, valid = place.mask.count - key0;
    float score = 0;
    for (int d0 = 0; d0 < hd; d0 += kColumns) {
      __syncthreads();
      load_rows(rows, k_rows + key0 * k.row, k.row, valid, d0, hd);
      __syncthreads();
      for (int d = 0; d < min(kColumns, hd - d0); ++d) score += own[warp * hd + d0 + d] * rows[lane * kPitch + d];
    }
    bool seen = given && place.mask.sees(row, key);
    if (seen && key_mask != nullptr) seen = key_mask[static_cast<int64_t>(blockIdx.z) * p.keys + key] != 0;
    score = seen ? score * p.scale : -INFINITY;
    const float before = top;
    top = fmaxf(top, warp_max(score));
    const float weight = seen ? expf(score - top) : 0.0f, shrink = before == -INFINITY ? 0.0f : expf(before - top);
    total = total * shrink + warp_sum(weight);
    weights[warp * kLanes + lane] = weight;
    for (int d0 = 0; d0 < hd; d0 += kColumns) {
      __syncthreads();
      load_rows(rows, v_rows + key0 * v.row, v.row, valid, d0, hd);
      __syncthreads();
      for (int d = lane; d < min(kColumns, hd - d0); d += kWarpSize) {
        float sum = sums[warp * hd + d0 + d] * shrink;
        for (int i = 0; i < kLanes; ++i) sum += weights[warp * kLanes + i] * rows[i * kPitch + d];
        sums[warp * hd + d0 + d] = sum;
      }
    }
  }
  if (!given) return;
  if (lane == 0) lse[place.statistics + head * p.length + row] = total == 0 ? INFINITY : top + logf(total);
  T* out = o.data + (place.q_from + row) * o.row + column;
  for (int d = lane; d < hd; d += kWarpSize) {
    float value = total == 0 ? 0.0f : sums[warp * hd + d] / total;
    if (total == 0 && key_mask != nullptr) {  // as a softmax over equal, very negative scores
      for (int j = 0; j < p.keys; ++j) value += load(v_rows + j * v.row + d);
      value /= static_cast<float>(p.keys);
    }
    store(out + d, value);
  }
}

// The rows that stay (`own`) and the rows that pass by (`other`) of one half of the backward pass, by a first and a
// second factor: Q, dO and K, V for dQ; K, V and Q, dO for dK, dV.
template <class T>
struct Sides {
  Rows<const T> own[2], other[2];
};

// One of: first gradient = scale sum of dS times the other's first factor (dQ, dK); second = sum of P times the other's
// second factor (dV).
template <class T, bool kOwnsKeys>
__global__ void backward_kernel(Rows<T> first, Rows<T> second, Sides<T> sides, const float* lse, const float* row_dot, Problem p,
                                bool accumulate_first, bool accumulate_second) {
  Place place;
  if (!find_place<kWarps, kOwnsKeys>(p, place)) return;
  const int hd = p.head_size, warp = warp_of(), lane = lane_of();
  SharedMemory shared;
  Smem<float> own[2], sums[2], rows[2], weights[2];
  for (int side = 0; side < 2; ++side) {
    own[side] = shared.take<float>(kWarps * hd);
    sums[side] = shared.take<float>(kWarps * hd);
    rows[side] = shared.take<float>(kLanes * kPitch);
    weights[side] = shared.take<float>(kWarps * kLanes);
  }
  const int own_head = static_cast<int>(blockIdx.y), mine = place.first + warp;
  const bool given = mine < (kOwnsKeys ? place.keys : place.length);
  const int own_from = kOwnsKeys ? place.k_from : place.q_from, other_from = kOwnsKeys ? place.q_from : place.k_from;
  for (int side = 0; side < 2; ++side) {
    const Rows<const T>& from = sides.own[side];
    load_own(own[side], given ? from.data + (own_from + mine) * from.row + static_cast<int64_t>(own_head) * hd : nullptr, hd);
    load_own<T>(sums[side], nullptr, hd);
  }
  const int end = place.first + kWarps;
  const Range range = kOwnsKeys ? place.mask.rows_of(place.first, end, place.length) : place.mask.keys_of(place.first, min(end, place.length));
  const int heads = kOwnsKeys ? p.group : 1;
  for (int h = 0; h < heads; ++h) {
    const int head = kOwnsKeys ? own_head * p.group + h : own_head, other_head = kOwnsKeys ? head : own_head / p.group;
    const int statistics = place.statistics + head * p.length;
    const T* other[2];
    for (int side = 0; side < 2; ++side)
      other[side] = sides.other[side].data + other_from * sides.other[side].row + static_cast<int64_t>(other_head) * hd;
    for (int from = range.from; from < range.to; from += kLanes) {
      const int theirs = from + lane, valid = range.to - from;
      float product[2] = {0, 0};
      for (int d0 = 0; d0 < hd; d0 += kColumns) {
        __syncthreads();
        for (int side = 0; side < 2; ++side)
          load_rows(rows[side], other[side] + from * sides.other[side].row, sides.other[side].row, valid, d0, hd);
        __syncthreads();
        for (int d = 0; d < min(kColumns, hd - d0); ++d)
          for (int side = 0; side < 2; ++side) product[side] += own[side][warp * hd + d0 + d] * rows[side][lane * kPitch + d];
      }
      const int row = kOwnsKeys ? theirs : mine, key = kOwnsKeys ? mine : theirs;
      float weight = 0, dscore = 0;
      if (given && theirs < range.to && place.mask.sees(row, key)) {
        weight = expf(product[0] * p.scale - lse[statistics + row]);  // 0 where lse is infinity: a row that sees nothing
        dscore = weight * (product[1] - row_dot[statistics + row]);
      }
      weights[0][warp * kLanes + lane] = dscore;
      weights[1][warp * kLanes + lane] = weight;
      for (int d0 = 0; d0 < hd; d0 += kColumns) {
        __syncthreads();
        if (hd > kColumns) {
          for (int side = 0; side < (kOwnsKeys ? 2 : 1); ++side)
            load_rows(rows[side], other[side] + from * sides.other[side].row, sides.other[side].row, valid, d0, hd);
          __syncthreads();
        }
        for (int d = lane; d < min(kColumns, hd - d0); d += kWarpSize)
          for (int side = 0; side < (kOwnsKeys ? 2 : 1); ++side) {
            float sum = sums[side][warp * hd + d0 + d];
            for (int i = 0; i < kLanes; ++i) sum += weights[side][warp * kLanes + i] * rows[side][i * kPitch + d];
            sums[side][warp * hd + d0 + d] = sum;
          }
      }
    }
  }
  if (!given) return;
  auto put = [&](const Rows<T>& to, Smem<float> from, float factor, bool accumulate) {
    if (to.data == nullptr) return;
    T* out = to.data + (own_from + mine) * to.row + static_cast<int64_t>(own_head) * hd;
    for (int d = lane; d < hd; d += kWarpSize) store(out + d, (accumulate ? load(out + d) : 0.0f) + from[warp * hd + d] * factor);
  };
  put(first, sums[0], p.scale, accumulate_first);
  put(second, sums[1], 1.0f, accumulate_second);
}

template <bool kOwnsKeys>
void backward(const char* name, Stream& stream, const Problem& p, const Tensor& first, const Tensor& second, const Saved& saved,
              bool accumulate_first, bool accumulate_second) {
  with_activation(saved.q.dtype, [&](auto type) {
    using T = decltype(type);
    const Rows<const T> queries[2] = {rows_of<const T>(saved.q), rows_of<const T>(saved.d_o)};
    const Rows<const T> keys[2] = {rows_of<const T>(saved.k), rows_of<const T>(saved.v)};
    const Sides<T> sides = kOwnsKeys ? Sides<T>{{keys[0], keys[1]}, {queries[0], queries[1]}} : Sides<T>{{queries[0], queries[1]}, {keys[0], keys[1]}};
    const size_t head = static_cast<size_t>(kWarps * p.head_size);
    launch(name, saved.q.shape, stream, backward_kernel<T, kOwnsKeys>, grid_of(p, saved.q.shape[0], kWarps, kOwnsKeys), kThreadsPlain,
           2 * (2 * shared_bytes<float>(head) + shared_bytes<float>(kLanes * kPitch) + shared_bytes<float>(kWarps * kLanes)),
           rows_of<T>(first), rows_of<T>(second), sides, saved.lse.as<float>(), saved.row_dot.as<float>(), p, accumulate_first,
           accumulate_second);
  });
}

}  // namespace

void forward_plain(Stream& stream, const Problem& p, const Tensor& o, const Tensor& lse, const Tensor& q, const Tensor& k,
                   const Tensor& v, const Tensor& key_mask) {
  with_activation(q.dtype, [&](auto type) {
    using T = decltype(type);
    const size_t head = static_cast<size_t>(kWarps * p.head_size);
    launch("attention_forward", q.shape, stream, forward_kernel<T>, grid_of(p, q.shape[0], kWarps, false), kThreadsPlain,
           2 * shared_bytes<float>(head) + shared_bytes<float>(kLanes * kPitch) + shared_bytes<float>(kWarps * kLanes), rows_of<T>(o),
           lse.as<float>(), rows_of<const T>(q), rows_of<const T>(k), rows_of<const T>(v), key_mask.as<uint8_t>(), p);
  });
}

void backward_q_plain(Stream& stream, const Problem& p, const Tensor& dq, const Saved& saved, bool accumulate) {
  backward<false>("attention_backward dq", stream, p, dq, Tensor{}, saved, accumulate, false);
}

void backward_kv_plain(Stream& stream, const Problem& p, const Tensor& dk, const Tensor& dv, const Saved& saved,
                       bool accumulate_k, bool accumulate_v) {
  backward<true>("attention_backward dk dv", stream, p, dk, dv, saved, accumulate_k, accumulate_v);
}

}  // namespace ace::cuda::attention
