#include <cmath>

#include "ops/cpu/loops.h"
#include "ops/kernels.h"
#include "ops/philox.h"

namespace ace {

namespace {

// e^x as the reference's vector library forms it: x = q ln 2 + s, a polynomial in s, every operation rounded to float32.
// The standard library's differs in the last bit of some frequencies, and 1000 times that bit shows in the angle.
float exp_by_polynomial(float x) {
  const float q = std::nearbyint(x * 1.44269504f);
  const float s = x - q * 0.693145752f - q * 1.42860677e-06f;
  float p = 0.000198527618f;
  for (const float c : {0.00139304355f, 0.00833336078f, 0.0416664854f, 0.166666672f, 0.5f}) p = p * s + c;
  return std::ldexp(1.0f + (s * s * p + s), static_cast<int>(q));
}

}  // namespace

void cpu::sinusoid(Stream&, Tensor features, Tensor t, Tensor r, bool round_bf16) {
  with_float(features.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = t.elements(), half = features.shape.last() / 2;
    for (int64_t b = 0; b < batch; ++b) {
      // u and its product with 1000 are formed in the compute type, the angle in float32: so does the model.
      T u = t.as<T>()[b] - (r.given() ? r.as<T>()[b] : T(0));
      if (round_bf16) u = T(to_float(to_bf16(static_cast<float>(u))));
      T scaled = u * T(1000);
      if (round_bf16) scaled = T(to_float(to_bf16(static_cast<float>(scaled))));
      for (int64_t i = 0; i < half; ++i) {
        const float exponent = -static_cast<float>(std::log(10000.0)) * static_cast<float>(i) / static_cast<float>(half);
        const float angle = static_cast<float>(scaled) * exp_by_polynomial(exponent);
        features.as<T>()[b * 2 * half + i] = T(std::cos(angle));
        features.as<T>()[b * 2 * half + half + i] = T(std::sin(angle));
      }
    }
  });
}

void cpu::patchify(Stream& stream, Tensor rows, Tensor context, Tensor x, Tensor frame_count) {
  with_float(rows.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = rows.shape[0], tokens = rows.shape[1], frames = x.shape[1];
    const int64_t cw = context.shape.last(), xw = x.shape.last(), patch = rows.shape.last() / (cw + xw);
    for_ranges(stream, batch * tokens, rows.shape.last(), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t b = row / tokens, first = (row % tokens) * patch;
        T* out = rows.as<T>() + row * rows.shape.last();
        for (int64_t p = 0; p < patch; ++p, out += cw + xw) {
          const int64_t frame = first + p;
          if (frame >= frame_count.as<int32_t>()[b] || frame >= frames) {
            std::fill(out, out + cw + xw, T(0));
            continue;
          }
          const T* c = context.as<T>() + (b * frames + frame) * cw;
          const T* v = x.as<T>() + (b * frames + frame) * xw;
          std::copy(c, c + cw, out);
          std::copy(v, v + xw, out + cw);
        }
      }
    });
  });
}

void cpu::draw_noise(Stream& stream, Tensor noise, Tensor counters, Tensor draw) {
  with_float(noise.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = noise.shape[0], each = noise.elements() / batch;
    const int64_t* counter = counters.as<int64_t>();
    const int64_t blocks = (each + 3) / 4;  // one counter gives four normals
    for_ranges(stream, batch * blocks, 64, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t b = item / blocks, block = item % blocks;
        if (draw.as<int32_t>()[b] == 0) continue;
        const Philox words =
            random_words(static_cast<uint64_t>(counter[0]), static_cast<uint64_t>(counter[1]),
                         static_cast<uint64_t>(counter[2 + b]), static_cast<uint32_t>(Purpose::noise), static_cast<uint64_t>(block));
        double normal[4];
        normal_pair(words.word[0], words.word[1], normal[0], normal[1]);
        normal_pair(words.word[2], words.word[3], normal[2], normal[3]);
        for (int64_t i = 0; i < 4 && block * 4 + i < each; ++i)
          noise.as<T>()[b * each + block * 4 + i] = T(static_cast<float>(normal[i]));
      }
    });
  });
}

void cpu::mix_noise(Stream& stream, Tensor x_t, Tensor x0, Tensor noise, Tensor t, Tensor frame_count) {
  with_float(x_t.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t frames = x_t.shape[1], width = x_t.shape[2];
    for_ranges(stream, x_t.shape[0] * frames, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t b = row / frames;
        const bool real = row % frames < frame_count.as<int32_t>()[b];
        const T time = t.as<T>()[b];
        for (int64_t i = row * width; i < (row + 1) * width; ++i)
          x_t.as<T>()[i] = real ? time * noise.as<T>()[i] + (T(1) - time) * x0.as<T>()[i] : T(0);
      }
    });
  });
}

void cpu::flow_loss(Stream& stream, Tensor loss, Tensor dv, Tensor v, Tensor x0, Tensor noise, Tensor loss_frames,
                    Tensor weight, Tensor) {
  with_float(v.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t batch = x0.shape[0], frames = x0.shape[1], width = x0.shape[2], v_frames = v.shape[1];
    // One part a sample: its sum runs in double over frames in order.
    auto sample = [&](int64_t b) {
      const int64_t counted = loss_frames.as<int32_t>()[b];
      const double factor = 2 * weight.as<double>()[b];
      double sum = 0;
      for (int64_t frame = 0; frame < v_frames; ++frame) {
        const T* predicted = v.as<T>() + (b * v_frames + frame) * width;
        T* gradient = dv.given() ? dv.as<T>() + (b * v_frames + frame) * width : nullptr;
        if (frame >= counted || frame >= frames) {
          if (gradient != nullptr) std::fill(gradient, gradient + width, T(0));
          continue;
        }
        const T *clean = x0.as<T>() + (b * frames + frame) * width, *random = noise.as<T>() + (b * frames + frame) * width;
        sum += lane_sum<double>(width, [&](int64_t i) {
          const double error = static_cast<double>(predicted[i] - (random[i] - clean[i]));
          return error * error;
        });
        if (gradient != nullptr)
          for (int64_t i = 0; i < width; ++i) gradient[i] = T(factor * static_cast<double>(predicted[i] - (random[i] - clean[i])));
      }
      loss.as<double>()[b] = sum;
    };
    stream.pool->run(batch, sample);
  });
}

void cpu::check_loss(Stream&, Tensor state, Tensor loss) {
  for (int64_t b = 0; b < loss.elements(); ++b)
    if (!std::isfinite(loss.as<double>()[b])) state.as<OptimizerState>()->loss_finite = 0;
}

}  // namespace ace
