// Products of bf16 pairs summed in float32 (VDPBF16PS): for a frozen bf16 weight, where the user asked for it. A slot of a
// panel, a float elsewhere, holds two consecutive steps of k here: the even one in its lower half. An operand of float32 is
// rounded to bf16 as it is packed, to nearest even, with numbers below the normal ones as zero.
#include <bit>
#include <utility>

#include "ops/cpu/simd/avx512.h"

#include "ops/cpu/gemm/pack.inc.h"

namespace ace::cpu {
namespace {

constexpr int kRows = 14, kVectors = 2;

// 32 consecutive steps of k of one lane, as 16 pairs; steps from n on are zero.
ACE_ALWAYS_INLINE __m512 pairs(const bf16* p, int n) {
  if (n >= 32) return _mm512_loadu_ps(p);
  return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16((__mmask32{1} << n) - 1, p));
}
ACE_ALWAYS_INLINE __m512 pairs(const float* p, int n) {
  const __m512 low = n >= 16 ? F32::load(p) : F32::load_first(p, n);
  const __m512 high = n >= 32 ? F32::load(p + 16) : n > 16 ? F32::load_first(p + 16, n - 16) : F32::zero();
  return std::bit_cast<__m512>(_mm512_cvtne2ps_pbh(high, low));
}

// Each lane is contiguous along k: 16 lanes of 16 pairs, transposed. What a narrower panel's stores run over is written later.
template <int Width, class Source>
void pack_pair_lanes(float* panel, const Source* source, int64_t lane_stride, int lanes, int64_t k) {
  constexpr int block_lanes = Width < 16 ? Width : 16;
  for (int64_t p = 0; p < k; p += 32) {
    const int n = static_cast<int>(k - p < 32 ? k - p : 32), slots = (n + 1) / 2;
    for (int first = 0; first < Width; first += 16) {
      __m512 r[16];
      ACE_UNROLL for (int i = 0; i < 16; ++i) {
        r[i] = i < block_lanes && first + i < lanes ? pairs(source + (first + i) * lane_stride + p, n) : F32::zero();
      }
      F32::transpose(r);
      ACE_UNROLL for (int i = 0; i < 16; ++i) {
        if (i < slots) F32::store(panel + (p / 2 + i) * Width + first, r[i]);
      }
    }
  }
}

// Lanes are contiguous: two steps of k, interleaved.
template <int Width> void pack_pair_rows(float* panel, const bf16* source, int64_t k_stride, int lanes, int64_t k) {
  static_assert(Width == 32);
  const __mmask32 there = lanes >= 32 ? ~__mmask32{0} : (__mmask32{1} << lanes) - 1;
  // Lane i of the lower half: step p's element i, then step p + 1's.
  alignas(64) uint16_t low[32], high[32];
  for (uint16_t i = 0; i < 16; ++i) {
    low[2 * i] = i, low[2 * i + 1] = static_cast<uint16_t>(32 + i);
    high[2 * i] = static_cast<uint16_t>(16 + i), high[2 * i + 1] = static_cast<uint16_t>(48 + i);
  }
  const __m512i take_low = _mm512_load_si512(low), take_high = _mm512_load_si512(high);
  for (int64_t p = 0; p < k; p += 2, panel += Width) {
    const __m512i even = _mm512_maskz_loadu_epi16(there, source + p * k_stride);
    const __m512i odd = p + 1 < k ? _mm512_maskz_loadu_epi16(there, source + (p + 1) * k_stride) : _mm512_setzero_si512();
    _mm512_storeu_si512(panel, _mm512_permutex2var_epi16(even, take_low, odd));
    _mm512_storeu_si512(panel + 16, _mm512_permutex2var_epi16(even, take_high, odd));
  }
}

template <int Width, class Source>
void pack_pair_any(float* panel, const Source* source, int64_t lane_stride, int64_t k_stride, int lanes, int64_t k) {
  for (int64_t p = 0; p < k; p += 2, panel += Width) {
    for (int lane = 0; lane < lanes; ++lane) {
      const Source* at = source + lane * lane_stride + p * k_stride;
      const float even = static_cast<float>(plain(at[0])), odd = p + 1 < k ? static_cast<float>(plain(at[k_stride])) : 0.0f;
      _mm_store_ss(panel + lane, _mm_castsi128_ps(std::bit_cast<__m128i>(_mm_cvtne2ps_pbh(_mm_setzero_ps(), _mm_set_ps(0, 0, odd, even)))));
    }
  }
}

template <int Width>
void pack_pairs(float* panel, const void* source, DType dtype, int64_t lane_stride, int64_t k_stride, int lanes, int64_t k) {
  const auto any = [&]<class Source>(const Source* from) { pack_pair_any<Width>(panel, from, lane_stride, k_stride, lanes, k); };
  switch (dtype) {
    case DType::bf16: {
      const bf16* from = static_cast<const bf16*>(source);
      if (k_stride == 1) return pack_pair_lanes<Width>(panel, from, lane_stride, lanes, k);
      if constexpr (Width == 32) {
        if (lane_stride == 1) return pack_pair_rows<Width>(panel, from, k_stride, lanes, k);
      }
      return any(from);
    }
    case DType::f64: return any(static_cast<const double*>(source));
    case DType::f16: return any(static_cast<const f16*>(source));
    default: {
      const float* from = static_cast<const float*>(source);
      if (k_stride == 1) return pack_pair_lanes<Width>(panel, from, lane_stride, lanes, k);
      return any(from);
    }
  }
}

template <int Rows, int Vectors>
void tile_of(int64_t pairs_of_k, const float* a, const float* b, const Output<float>& out, __mmask16 last) {
  __m512 acc[Rows][Vectors];
  ACE_UNROLL for (int i = 0; i < Rows; ++i) {
    ACE_UNROLL for (int v = 0; v < Vectors; ++v) acc[i][v] = F32::zero();
  }
  for (int64_t p = 0; p < pairs_of_k; ++p, a += kRows, b += kVectors * 16) {
    __m512bh row[Vectors];
    ACE_UNROLL for (int v = 0; v < Vectors; ++v) row[v] = std::bit_cast<__m512bh>(F32::load(b + v * 16));
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      const __m512bh x = std::bit_cast<__m512bh>(F32::set1(a[i]));
      ACE_UNROLL for (int v = 0; v < Vectors; ++v) acc[i][v] = _mm512_dpbf16_ps(acc[i][v], x, row[v]);
    }
  }
  const __m512 alpha = F32::set1(out.alpha), beta = F32::set1(out.beta);
  ACE_UNROLL for (int v = 0; v < Vectors; ++v) {
    const __mmask16 mask = v == Vectors - 1 ? last : static_cast<__mmask16>(0xffff);
    const __m512 bias = out.bias ? F32::load(out.bias + v * 16, mask) : F32::zero();
    ACE_UNROLL for (int i = 0; i < Rows; ++i) {
      float* at = out.c + i * out.ldc + v * 16;
      __m512 result = F32::fma(alpha, acc[i][v], bias);
      if (out.beta != 0) result = F32::fma(beta, F32::load(at, mask), result);
      F32::store(at, result, mask);
    }
  }
}

using Tile = void (*)(int64_t, const float*, const float*, const Output<float>&, __mmask16);
struct TileTable { Tile at[kVectors][kRows]; };
template <int... R> constexpr TileTable tiles(std::integer_sequence<int, R...>) {
  return {{{tile_of<R + 1, 1>...}, {tile_of<R + 1, 2>...}}};
}
constexpr TileTable kTiles = tiles(std::make_integer_sequence<int, kRows>{});

// b is packed: its stride is the panel's width.
void tile(int rows, int cols, int64_t k, const float* a, const float* b, int64_t, const Output<float>& out) {
  const int vectors = (cols + 15) / 16;
  kTiles.at[vectors - 1][rows - 1]((k + 1) / 2, a, b, out, F32::first(cols - (vectors - 1) * 16));
}

}  // namespace

const Kernels<float>& avx512_bf16_kernels() {
  // Two steps to a slot: the same caches hold twice the depth. Products of few rows do not come here.
  static constexpr Kernels<float> table{.rows = kRows, .cols = kVectors * 16, .depth = 1024, .pack_a = pack_pairs<kRows>,
                                        .pack_b = pack_pairs<kVectors * 16>, .tile = tile, .dot_rows = 0, .dot_cols = 0,
                                        .dots = nullptr, .stream = nullptr};
  return table;
}

}  // namespace ace::cpu
