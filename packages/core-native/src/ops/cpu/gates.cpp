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

void cpu::swiglu_forward(Stream& stream, Tensor h, Tensor gate, Tensor up) {
  with_float(h.dtype, [&](auto type) {
    using T = decltype(type);
    const T *g = gate.as<T>(), *u = up.as<T>();
    T* out = h.as<T>();
    for_ranges(stream, h.elements(), 1, [&](int64_t begin, int64_t end) {
      if constexpr (std::is_same_v<T, float>) return swiglu_vector(out + begin, g + begin, u + begin, end - begin);
      for (int64_t i = begin; i < end; ++i) out[i] = g[i] / (T(1) + std::exp(-g[i])) * u[i];
    });
  });
}

void cpu::swiglu_backward(Stream& stream, Tensor dgate, Tensor dup, Tensor dh, Tensor gate, Tensor up,
                          bool accumulate_gate, bool accumulate_up) {
  with_float(dh.dtype, [&](auto type) {
    using T = decltype(type);
    const T *g = gate.as<T>(), *u = up.as<T>(), *d = dh.as<T>();
    T *dg = dgate.as<T>(), *du = dup.as<T>();
    for_ranges(stream, dh.elements(), 1, [&](int64_t begin, int64_t end) {
      if constexpr (std::is_same_v<T, float>)
        return swiglu_vector_backward(dg + begin, du + begin, d + begin, g + begin, u + begin, end - begin, accumulate_gate, accumulate_up);
      for (int64_t i = begin; i < end; ++i) {
        const T sigmoid = T(1) / (T(1) + std::exp(-g[i]));
        const T up_gradient = d[i] * g[i] * sigmoid;
        const T gate_gradient = d[i] * u[i] * sigmoid * (T(1) + g[i] * (T(1) - sigmoid));
        du[i] = accumulate_up ? du[i] + up_gradient : up_gradient;
        dg[i] = accumulate_gate ? dg[i] + gate_gradient : gate_gradient;
      }
    });
  });
}

}  // namespace ace
