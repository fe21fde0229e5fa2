#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"
#include "ops/philox.h"

namespace ace {

namespace {

uint32_t module_purpose(int module) { return static_cast<uint32_t>(Purpose::dropout) + static_cast<uint32_t>(module); }

// An element of any weight type in the compute type.
template <class T>
T weight_at(const Tensor& w, int64_t i) {
  switch (w.dtype) {
    case DType::f32: return T(w.as<float>()[i]);
    case DType::f64: return T(w.as<double>()[i]);
    case DType::bf16: return T(to_float(w.as<bf16>()[i]));
    case DType::f16: return T(to_float(w.as<f16>()[i]));
    default: throw Error(ErrorCode::internal, "a weight is neither f32, f64, bf16 nor f16");
  }
}

// The begin of a row of a tensor whose rows may lie apart.
template <class T>
T* row_of(const Tensor& t, int64_t row) {
  return t.as<T>() + row * t.row_stride();
}

}  // namespace

void cpu::dropout(Stream& stream, Tensor y, Tensor x, Tensor counters, double p, int module, bool accumulate) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = x.shape[0], each = x.elements() / batch, blocks = (each + 3) / 4;
    const int64_t* counter = counters.as<int64_t>();
    const T keep = T(1 / (1 - p));
    for_ranges(stream, batch * blocks, 32, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t b = item / blocks, block = item % blocks;
        const Philox words = random_words(static_cast<uint64_t>(counter[0]), static_cast<uint64_t>(counter[1]),
                                          static_cast<uint64_t>(counter[2 + b]), module_purpose(module),
                                          static_cast<uint64_t>(block));
        for (int64_t i = 0; i < 4 && block * 4 + i < each; ++i) {
          const int64_t at = b * each + block * 4 + i;
          const T value = uniform01(words.word[i]) < p ? T(0) : x.as<T>()[at] * keep;
          y.as<T>()[at] = accumulate ? y.as<T>()[at] + value : value;
        }
      }
    });
  });
}

void cpu::add_weight(Stream& stream, Tensor sum, Tensor weight, Tensor delta) {
  with_float(sum.dtype, [&](auto type) {
    using T = decltype(type);
    for_ranges(stream, sum.elements(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum.as<T>()[i] = weight_at<T>(weight, i) + delta.as<T>()[i];
    });
  });
}

void cpu::scale_rows(Stream& stream, Tensor y, Tensor x, Tensor magnitude, Tensor norm) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t width = x.shape.last();
    for_ranges(stream, x.shape.rows(), width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T factor = magnitude.as<T>()[row] / norm.as<T>()[row];
        for (int64_t i = 0; i < width; ++i) y.as<T>()[row * width + i] = x.as<T>()[row * width + i] * factor;
      }
    });
  });
}

void cpu::blend(Stream& stream, Tensor y, Tensor base, Tensor x, double strength) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t width = y.shape.last();
    for_ranges(stream, y.shape.rows(), width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *b = row_of<T>(base, row), *in = row_of<T>(x, row);
        T* out = row_of<T>(y, row);
        for (int64_t i = 0; i < width; ++i) out[i] = b[i] + T(strength) * (in[i] - b[i]);
      }
    });
  });
}

void cpu::row_norm(Stream& stream, Tensor norm, Tensor w, Tensor delta) {
  with_float(norm.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = w.shape.rows(), width = w.shape.last();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T square = lane_sum<T>(width, [&](int64_t i) {
          const T value = weight_at<T>(w, row * width + i) + (delta.given() ? delta.as<T>()[row * width + i] : T(0));
          return value * value;
        });
        norm.as<T>()[row] = std::sqrt(square);
      }
    });
  });
}

void cpu::dora_norm(Stream& stream, Tensor norm, Tensor w, Tensor g, Tensor k, Tensor b, double scale) {
  with_float(norm.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = w.shape.rows(), width = w.shape.last(), rank = b.shape.last();
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* low = b.as<T>() + row * rank;
        double square = lane_sum<double>(width, [&](int64_t i) {
          const double value = weight_at<T>(w, row * width + i);
          return value * value;
        });
        for (int64_t j = 0; j < rank; ++j) {
          double mixed = 0;
          for (int64_t i = 0; i < rank; ++i) mixed += static_cast<double>(low[i]) * k.as<T>()[i * rank + j];
          square += scale * low[j] * (2.0 * g.as<T>()[j * rows + row] + scale * mixed);
        }
        // Rounding may leave less than nothing of a row that the change cancels.
        norm.as<T>()[row] = static_cast<T>(std::sqrt(std::max(square, 0.0)));
      }
    });
  });
}

void cpu::scale_columns(Stream& stream, Tensor y, Tensor x, Tensor magnitude, Tensor norm) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t width = x.shape.last();
    for_ranges(stream, x.shape.rows(), width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* in = row_of<T>(x, row);
        T* out = row_of<T>(y, row);
        for (int64_t i = 0; i < width; ++i) out[i] = in[i] * (magnitude.as<T>()[i] / norm.as<T>()[i]);
      }
    });
  });
}

void cpu::magnitude_backward(Stream& stream, Tensor dmagnitude, Tensor dy, Tensor u, Tensor norm, Tensor) {
  with_float(u.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t width = u.shape.last(), rows = u.shape.rows();
    constexpr int64_t kColumns = 64;  // a part owns its columns, so the sum over rows has one order
    stream.pool->run((width + kColumns - 1) / kColumns, [&](int64_t part) {
      const int64_t from = part * kColumns, to = std::min(width, from + kColumns);
      double sums[kColumns] = {};
      for (int64_t row = 0; row < rows; ++row) {
        const T *upstream = row_of<T>(dy, row), *in = row_of<T>(u, row);
        for (int64_t i = from; i < to; ++i) sums[i - from] += static_cast<double>(upstream[i]) * static_cast<double>(in[i]);
      }
      for (int64_t i = from; i < to; ++i)
        dmagnitude.as<T>()[i] += T(sums[i - from] / static_cast<double>(norm.as<T>()[i]));
    });
  });
}

void cpu::dora_change(Stream& stream, Tensor y, Tensor base, Tensor dropped, Tensor low, Tensor magnitude, Tensor norm,
                      double strength) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t width = y.shape.last();
    for_ranges(stream, y.shape.rows(), width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *b = row_of<T>(base, row), *d = row_of<T>(dropped, row), *l = row_of<T>(low, row);
        T* out = row_of<T>(y, row);
        for (int64_t i = 0; i < width; ++i) {
          const T c = magnitude.as<T>()[i] / norm.as<T>()[i];
          out[i] = b[i] + T(strength) * ((c - T(1)) * d[i] + c * l[i]);
        }
      }
    });
  });
}

void cpu::drop_columns(Stream& stream, Tensor y, Tensor x, Tensor counters, double p, bool scale, int module,
                       bool accumulate) {
  with_float(y.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t width = x.shape.last();
    const int64_t* counter = counters.as<int64_t>();
    // The mask belongs to the module's rows, not to a sample: the first sample's key names the micro-batch.
    auto kept = [&](int64_t column) {
      const Philox words = random_words(static_cast<uint64_t>(counter[0]), static_cast<uint64_t>(counter[1]),
                                        static_cast<uint64_t>(counter[2]), module_purpose(module),
                                        static_cast<uint64_t>(column / 4));
      return uniform01(words.word[column % 4]) >= p;
    };
    constexpr int64_t kColumns = 256;
    int64_t total = 0;
    if (scale)
      for (int64_t i = 0; i < width; ++i) total += kept(i) ? 1 : 0;
    // All rows dropped: 0 / 0 in LyCORIS; here nothing is added.
    const T factor = scale && total > 0 ? T(width) / T(total) : T(1);
    stream.pool->run((width + kColumns - 1) / kColumns, [&](int64_t part) {
      const int64_t from = part * kColumns, to = std::min(width, from + kColumns);
      T mask[kColumns];
      for (int64_t i = from; i < to; ++i) mask[i - from] = kept(i) ? factor : T(0);
      for (int64_t row = 0; row < x.shape.rows(); ++row) {
        const T* in = row_of<T>(x, row);
        T* out = row_of<T>(y, row);
        for (int64_t i = from; i < to; ++i) {
          const T value = in[i] * mask[i - from];
          out[i] = accumulate ? out[i] + value : value;
        }
      }
    });
  });
}

void cpu::kron(Stream& stream, Tensor delta, Tensor w1, Tensor w2, double scale) {
  with_float(delta.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
    for_ranges(stream, a * c, b * d, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *left = w1.as<T>() + (row / c) * b, *right = w2.as<T>() + (row % c) * d;
        T* out = delta.as<T>() + row * b * d;
        for (int64_t i = 0; i < b; ++i)
          for (int64_t j = 0; j < d; ++j) out[i * d + j] = T(scale) * left[i] * right[j];
      }
    });
  });
}

void cpu::kron_backward(Stream& stream, Tensor dw1, Tensor dw2, Tensor r, Tensor w1, Tensor w2, double scale) {
  with_float(r.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t a = w1.shape[0], b = w1.shape[1], c = w2.shape[0], d = w2.shape[1];
    const T* in = r.as<T>();
    for_ranges(stream, a * b, c * d, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t i = item / b, j = item % b;
        T sum = 0;
        for (int64_t k = 0; k < c; ++k)
          sum += lane_sum<T>(d, [&](int64_t l) { return in[(i * c + k) * b * d + j * d + l] * w2.as<T>()[k * d + l]; });
        dw1.as<T>()[item] += T(scale) * sum;
      }
    });
    for_ranges(stream, c, a * b * d, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k)
        for (int64_t l = 0; l < d; ++l) {
          T sum = 0;
          for (int64_t i = 0; i < a; ++i)
            for (int64_t j = 0; j < b; ++j) sum += in[(i * c + k) * b * d + j * d + l] * w1.as<T>()[i * b + j];
          dw2.as<T>()[k * d + l] += T(scale) * sum;
        }
    });
  });
}

void cpu::weight_decompose_forward(Stream& stream, Tensor wd, Tensor norm, Tensor w, Tensor delta, Tensor magnitude) {
  with_float(wd.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = w.shape.rows(), width = w.shape.last();
    const T epsilon = T(std::numeric_limits<float>::epsilon());
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        T* out = wd.as<T>() + row * width;
        for (int64_t i = 0; i < width; ++i) out[i] = weight_at<T>(w, row * width + i) + delta.as<T>()[row * width + i];
        const T n = std::sqrt(lane_sum<T>(width, [&](int64_t i) { return out[i] * out[i]; }));
        norm.as<T>()[row] = n;
        const T factor = magnitude.as<T>()[row] / (n + epsilon);
        for (int64_t i = 0; i < width; ++i) out[i] *= factor;
      }
    });
  });
}

void cpu::weight_decompose_backward(Stream& stream, Tensor ddelta, Tensor dmagnitude, Tensor r, Tensor w, Tensor delta,
                                    Tensor norm, Tensor magnitude) {
  with_float(r.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t rows = w.shape.rows(), width = w.shape.last();
    const T epsilon = T(std::numeric_limits<float>::epsilon());
    for_ranges(stream, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* g = r.as<T>() + row * width;
        auto sum_at = [&](int64_t i) { return weight_at<T>(w, row * width + i) + delta.as<T>()[row * width + i]; };
        const T dot = lane_sum<T>(width, [&](int64_t i) { return g[i] * sum_at(i); });
        const T n = norm.as<T>()[row], m = magnitude.as<T>()[row], over = T(1) / (n + epsilon);
        dmagnitude.as<T>()[row] += dot * over;
        // d/dv of v m / (|v| + eps): the direction of v is damped because its length grows the divisor.
        const T pull = n > 0 ? m * dot * over * over / n : T(0);
        for (int64_t i = 0; i < width; ++i) ddelta.as<T>()[row * width + i] = m * over * g[i] - pull * sum_at(i);
      }
    });
  });
}

}  // namespace ace
