// Runs one instruction of ops/cuda/ptx.cuh (or a warp operation) in one warp and brings back each lane's registers.
// Host code may call these where a device is: the numbers go there and come back.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace ace::test {

constexpr int kLanes = 32;

enum class Ldmatrix { x4, x4_transposed, x2, x2_transposed };

// `memory`: 256 elements of shared memory; lane i gives the address of element 8 i. Four registers a lane, in order of
// lanes; the x2 forms leave the last two 0.
std::vector<uint32_t> run_ldmatrix(Ldmatrix which, const std::vector<uint16_t>& memory);

// Registers in order of lanes: d and c four a lane, a four, b two. d = a b + c.
std::vector<float> run_mma(const std::vector<float>& c, const std::vector<uint32_t>& a, const std::vector<uint32_t>& b);

// Lane i copies 16 bytes of `from` to shared memory, valid where i is even, in two groups (lanes below 16 and the rest
// of the numbers after them), and brings back what then stands there: 4 words a lane.
std::vector<uint32_t> run_async_copy(const std::vector<uint32_t>& from);

// What each lane gets from its neighbours, whose value is 1000 + lane. In order of lanes: kShuffles each.
constexpr int kShuffles = 8;
std::vector<int64_t> run_shuffles();

// pack_bf16(low, high) of each pair.
std::vector<uint32_t> run_pack(const std::vector<float>& pairs);
std::vector<float> run_exp2(const std::vector<float>& x);

// Products of a warpgroup (ops/cuda/hopper/wgmma.cuh), by the columns of d and where the left factor is. Only where
// cuda::has_warpgroups().
enum class Wgmma { rows_64, rows_112, rows_64_registers, columns_128 };
constexpr int columns_of(Wgmma form) { return form == Wgmma::rows_112 ? 112 : form == Wgmma::columns_128 ? 128 : 64; }

// `memory`: the block's shared memory, 1024 bytes aligned; the factors' places in it in bytes, and bytes from panel to panel.
struct WgmmaFactors {
  uint32_t a, a_panel, b, b_panel;
};
// Registers in order of the 128 threads: c and d columns / 2 a thread, a four. d = a b, + c where `add`.
std::vector<float> run_wgmma(Wgmma form, bool add, const std::vector<float>& c, const std::vector<uint32_t>& a,
                             const std::vector<uint16_t>& memory, const WgmmaFactors& factors);

}  // namespace ace::test
