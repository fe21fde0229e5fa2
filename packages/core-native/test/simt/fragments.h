// Which lane and register holds which element, of the matrix instructions of ops/cuda/ptx.cuh. The one table: the
// emulator computes by it, and `core_tests --fragments` holds real hardware to it.
//
// A register is 32 bits: two 16-bit elements (half 0 in the low bits) or one float. With group = lane / 4 and
// member = lane % 4, as in NVIDIA's PTX manual under "Matrix Fragments for mma.m16n8k16" and "ldmatrix".
#pragma once

namespace simt::fragments {

struct Element {
  int row, column;
};

// a [16, 16] of mma.m16n8k16: registers 0 to 3.
constexpr Element a(int lane, int reg, int half) { return {lane / 4 + (reg % 2) * 8, lane % 4 * 2 + half + (reg / 2) * 8}; }
// b [16, 8]: registers 0 and 1. row is k, column is n.
constexpr Element b(int lane, int reg, int half) { return {lane % 4 * 2 + half + reg * 8, lane / 4}; }
// c and d [16, 8], float: registers 0 to 3.
constexpr Element c(int lane, int reg) { return {lane / 4 + (reg / 2) * 8, lane % 4 * 2 + reg % 2}; }
// An 8x8 matrix of ldmatrix, in one register of each lane; row i is where the matrix's i-th address points.
constexpr Element matrix(int lane, int half) { return {lane / 4, lane % 4 * 2 + half}; }
constexpr Element matrix_transposed(int lane, int half) { return {lane % 4 * 2 + half, lane / 4}; }

// Where number `column` of a row of 64 lies in the "128-byte swizzle" that a product of a warpgroup reads: elements from the start of
// the panel, which is a multiple of 1024 bytes. From the manual's figures of wgmma's shared memory layouts.
constexpr int swizzled(int row, int column) { return row * 64 + (column / 8 ^ row % 8) * 8 + column % 8; }

}  // namespace simt::fragments
