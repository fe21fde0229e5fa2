// Operators and kernels described once and run on both twins: values and gradients of the CUDA twin against the CPU's.
//
//   const TwinOp op{"rms_norm", {{{2, 3, 64}}, {.shape = {64}, .grad = false, .scale = 0.3, .offset = 1, .wide = true}},
//                   [](Tape& tape, const std::vector<Var>& x) { return rms_norm(tape, x[0], x[1].value, 1e-6); }};
//   check_twins(op);
//
// An input is an activation (float32, then bf16) unless it is `wide` (always float32) or given (values of its own type).
// Works on a real device and under the emulator (core_simt); no_cuda() says why it works on neither.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/tape.h"
#include "check.h"
#include "ops/ops.h"

namespace ace::test {

struct TwinInput {
  Shape shape;
  bool grad = true;
  double scale = 1, offset = 0;  // uniform in [offset - scale, offset + scale)
  bool wide = false;             // weights, modulation, tables, statistics: float32 beside activations of any type
  std::optional<DType> dtype = {};  // of given values
  std::vector<unsigned char> bytes = {};
};

// An input of exactly these values and this type on both twins: int32_t, int64_t, uint8_t, float, double, bf16.
template <class V>
TwinInput given(Shape shape, const std::vector<V>& values) {
  TwinInput out{.shape = shape, .grad = false};
  if constexpr (std::is_same_v<V, int32_t>) out.dtype = DType::i32;
  else if constexpr (std::is_same_v<V, int64_t>) out.dtype = DType::i64;
  else if constexpr (std::is_same_v<V, uint8_t>) out.dtype = DType::u8;
  else if constexpr (std::is_same_v<V, double>) out.dtype = DType::f64;
  else if constexpr (std::is_same_v<V, bf16>) out.dtype = DType::bf16;
  else {
    static_assert(std::is_same_v<V, float>, "no tensor has this element type");
    out.dtype = DType::f32;
  }
  const auto* start = reinterpret_cast<const unsigned char*>(values.data());
  out.bytes.assign(start, start + values.size() * sizeof(V));
  return out;
}

// Compared: the output, then the gradient of each input that wants one, from a random projection of the output.
struct TwinOp {
  std::string name;
  std::vector<TwinInput> inputs;
  std::function<Var(Tape&, const std::vector<Var>&)> body;
};

// Bare kernel calls. Compared: the tensors that the body returns; inputs that the kernels write may be among them.
struct TwinCalls {
  std::string name;
  std::vector<TwinInput> inputs;
  std::function<std::vector<Tensor>(Tape&, const std::vector<Tensor>&)> body;
};

// |cuda - cpu| <= bound max |cpu| in float32. With bf16 activations the CPU computes in float32 from the same rounded
// inputs, and one bf16 rounding of the value itself comes on top. Integers must be equal.
struct TwinBounds {
  // The twins add a row's numbers in another order, and CUDA fuses a product with its sum: about one rounding of the
  // largest value; the bound is eight of them.
  double f32 = 1e-6;
  // Sums are float32; what is left is a rounding of an intermediate tensor here and there, of a few terms of a sum.
  double bf16 = 1e-3;
  bool with_bf16 = true;
};

// Also that two runs give the same bits.
void check_twins(const TwinOp& op, const TwinBounds& bounds = {});
void check_twins(const TwinCalls& calls, const TwinBounds& bounds = {});

// Why no CUDA kernel can run here; empty where one can.
std::string no_cuda();

// The device of a twin, opened when first asked for: the CPU with one thread, or the first CUDA device.
Device& device_of(DeviceKind kind);

inline void skip_without_cuda() {
  if (const std::string reason = no_cuda(); !reason.empty()) SKIP(reason);
}

}  // namespace ace::test
