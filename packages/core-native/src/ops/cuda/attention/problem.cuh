// What every attention kernel must know of its problem: who sees whom, and which rows a block works on.
#pragma once
#include "ops/cuda/launch.h"

namespace ace::cuda::attention {

// A window no sequence reaches.
constexpr int kNoWindow = 1 << 30;
constexpr float kLog2E = 1.4426950408889634f;

// Rows of a tensor [.., width] that lie `row` elements apart.
template <class T>
struct Rows {
  T* data;
  int64_t row;
};
template <class T>
Rows<T> rows_of(const Tensor& tensor) {
  return {tensor.as<T>(), tensor.given() ? tensor.row_stride() : 0};
}

// [from, to); empty where from == to.
struct Range {
  int from, to;
};

// Positions are relative to the start of a sequence.
struct Mask {
  int window, count;  // keys from `count` on are hidden
  bool causal;

  __device__ bool sees(int row, int key) const {
    return key < count && row - key <= window && key - row <= window && !(causal && key > row);
  }
  // Whether every row of [row0, row1) sees every key of [key0, key1).
  __device__ bool sees_all(int row0, int row1, int key0, int key1) const {
    return key1 <= count && row1 - 1 - key0 <= window && key1 - 1 - row0 <= window && !(causal && key1 - 1 > row0);
  }
  // The keys that some row of [row0, row1) may see.
  __device__ Range keys_of(int row0, int row1) const {
    const int from = max(0, row0 - window), to = min(min(count, row1 + window), causal ? row1 : count);
    return {from, max(from, to)};
  }
  // The rows below `length` that may see some key of [key0, key1).
  __device__ Range rows_of(int key0, int key1, int length) const {
    const int from = max(causal ? key0 : 0, key0 - window), last = min(key1, count);
    const int to = key0 < last ? min(length, last + window) : from;
    return {from, max(from, to)};
  }
};

struct Problem {
  int length, keys;  // rows of q and of k a sample; of all sequences together where they are packed
  int heads, group;  // query heads; query heads to a kv head
  int head_size;
  int window;
  bool causal;
  float scale;
  int sequences;              // packed only
  const int32_t* key_count;   // [B] or null
  const int32_t* q_start;     // [sequences + 1], or null: a plain batch
  const int32_t* k_start;
};

// The sequence and the first row (query or key) of a block's tile.
struct Place {
  int q_from, k_from;  // the sequence's first row in q and in k
  int statistics;      // where head 0 of the sequence starts in lse and row_dot
  int length, keys;        // its rows
  int first;
  Mask mask;
};

// Blocks are numbered by tile (x), head (y), sample (z); packed sequences share one sample. False: a block too many.
// The rows behind the last packed sequence count as one more that sees nothing, so that they too get numbers.
template <int kTile, bool kOfKeys>
__device__ bool find_place(const Problem& p, Place& place) {
  if (p.q_start == nullptr) {
    const int b = static_cast<int>(blockIdx.z);
    const int count = p.key_count == nullptr ? p.keys : min(p.keys, p.key_count[b]);
    place = {b * p.length, b * p.keys, b * p.heads * p.length, p.length, p.keys, static_cast<int>(blockIdx.x) * kTile, {p.window, count, p.causal}};
    return true;
  }
  int tile = static_cast<int>(blockIdx.x);
  for (int n = 0; n <= p.sequences; ++n) {
    const bool behind = n == p.sequences;
    const int q_from = p.q_start[n], k_from = p.k_start[n];
    const int length = (behind ? p.length : p.q_start[n + 1]) - q_from, keys = (behind ? p.keys : p.k_start[n + 1]) - k_from;
    const int tiles = ((kOfKeys ? keys : length) + kTile - 1) / kTile;
    if (tile < tiles) {
      place = {q_from, k_from, q_from, length, keys, tile * kTile, {p.window, behind ? 0 : keys, p.causal}};
      return true;
    }
    tile -= tiles;
  }
  return false;
}

// The grid that find_place() takes apart; the worst case over all ways to pack.
inline dim3 grid_of(const Problem& p, int64_t batch, int tile, bool of_keys) {
  const int rows = of_keys ? p.keys : p.length, heads = of_keys ? p.heads / p.group : p.heads;
  const int64_t slack = p.q_start == nullptr ? tile - 1 : static_cast<int64_t>(p.sequences + 1) * (tile - 1);
  return dim3(static_cast<unsigned>((rows + slack) / tile), static_cast<unsigned>(heads), static_cast<unsigned>(batch));
}

}  // namespace ace::cuda::attention
