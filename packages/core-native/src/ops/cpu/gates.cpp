#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/cpu/vector_math.h"
#include "ops/kernels.h"

namespace ace {

void cpu::gate_add_forward(Stream& stream, Tensor y, Tensor x, Tensor b, Tensor mod, int gate_row) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = x.shape.rows(), width = x.shape.last(), per_sample = rows / x.shape[0];
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *base = x.as<T>() + row * width, *branch = b.as<T>() + row * width;
        T* out = y.as<T>() + row * width;
        if (mod.given()) {
          const T* gate = mod.as<T>() + ((row / per_sample) * mod.shape[1] + gate_row) * width;
          for (int64_t i = 0; i < width; ++i) out[i] = base[i] + branch[i] * gate[i];
        } else {
          for (int64_t i = 0; i < width; ++i) out[i] = base[i] + branch[i];
        }
      }
    });
  });
}

void cpu::gate_backward(Stream& stream, Tensor db, Tensor dy, Tensor mod, int gate_row, bool accumulate) {
  with_float(db.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = dy.shape.rows(), width = dy.shape.last(), per_sample = rows / dy.shape[0];
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* g = dy.as<T>() + row * width;
        const T* gate = mod.as<T>() + ((row / per_sample) * mod.shape[1] + gate_row) * width;
        T* out = db.as<T>() + row * width;
        for (int64_t i = 0; i < width; ++i) out[i] = (accumulate ? out[i] : T(0)) + g[i] * gate[i];
      }
    });
  });
}

namespace {

// f(row, from, count) over all numbers of tensors shaped like the first, whose rows may lie apart. Where none do, all of
// it is one row.
template <class F, class... More>
void for_pieces(Stream& stream, F&& f, const Tensor& like, const More&... more) {
  if (like.contiguous() && (more.contiguous() && ...))
    return cpu::for_ranges(stream, like.elements(), 1, [&](int64_t begin, int64_t end) { f(int64_t{0}, begin, end - begin); });
  cpu::for_ranges(stream, like.shape.rows(), like.shape.last(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) f(row, int64_t{0}, like.shape.last());
  });
}

template <class T>
T* place(const Tensor& tensor, int64_t row, int64_t from) {
  return tensor.as<T>() + row * tensor.row_stride() + from;
}

}  // namespace

void cpu::swiglu_forward(Stream& stream, Tensor h, Tensor gate, Tensor up) {
  with_float(h.dtype, [&](auto type) {
    using T = decltype(type);
    auto piece = [&](int64_t row, int64_t from, int64_t count) {
      const T *g = place<T>(gate, row, from), *u = place<T>(up, row, from);
      T* out = place<T>(h, row, from);
      if constexpr (std::is_same_v<T, float>) return swiglu_vector(out, g, u, count);
      for (int64_t i = 0; i < count; ++i) out[i] = g[i] / (T(1) + std::exp(-g[i])) * u[i];
    };
    for_pieces(stream, piece, h, gate, up);
  });
}

void cpu::swiglu_backward(Stream& stream, Tensor dgate, Tensor dup, Tensor dh, Tensor gate, Tensor up,
                          bool accumulate_gate, bool accumulate_up) {
  with_float(dh.dtype, [&](auto type) {
    using T = decltype(type);
    auto piece = [&](int64_t row, int64_t from, int64_t count) {
      const T *g = place<T>(gate, row, from), *u = place<T>(up, row, from), *d = place<T>(dh, row, from);
      T *dg = place<T>(dgate, row, from), *du = place<T>(dup, row, from);
      if constexpr (std::is_same_v<T, float>)
        return swiglu_vector_backward(dg, du, d, g, u, count, accumulate_gate, accumulate_up);
      for (int64_t i = 0; i < count; ++i) {
        const T sigmoid = T(1) / (T(1) + std::exp(-g[i]));
        const T up_gradient = d[i] * g[i] * sigmoid;
        const T gate_gradient = d[i] * u[i] * sigmoid * (T(1) + g[i] * (T(1) - sigmoid));
        du[i] = accumulate_up ? du[i] + up_gradient : up_gradient;
        dg[i] = accumulate_gate ? dg[i] + gate_gradient : gate_gradient;
      }
    };
    for_pieces(stream, piece, dh, dgate, dup, gate, up);
  });
}

}  // namespace ace
