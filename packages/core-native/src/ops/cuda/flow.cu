#include "ops/cuda/eights.cuh"
#include "ops/cuda/reduce.cuh"
#include "ops/kernels.h"
#include "ops/philox.h"

// Flow matching: x0, noise, timesteps and the predicted velocity are float, x_t and d loss / d velocity activations.
namespace ace {

namespace {

// Four normals a thread, from one counter.
__global__ void draw_noise_kernel(float* noise, const int64_t* counters, const int32_t* draw, int64_t each, bool vector) {
  const int64_t b = blockIdx.y, block = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (draw[b] == 0 || block * 4 >= each) return;
  const Philox words = random_words(static_cast<uint64_t>(counters[0]), static_cast<uint64_t>(counters[1]), static_cast<uint64_t>(counters[2 + b]),
                                    static_cast<uint32_t>(Purpose::noise), static_cast<uint64_t>(block));
  double normal[4];
  normal_pair(words.word[0], words.word[1], normal[0], normal[1]);
  normal_pair(words.word[2], words.word[3], normal[2], normal[3]);
  const float out[4] = {static_cast<float>(normal[0]), static_cast<float>(normal[1]), static_cast<float>(normal[2]), static_cast<float>(normal[3])};
  float* to = noise + b * each + block * 4;
  if (vector) return cuda::store_pack(to, out);
  for (int i = 0; i < 4 && block * 4 + i < each; ++i) to[i] = out[i];
}

template <class T>
__global__ void mix_noise_kernel(T* x_t, const float* x0, const float* noise, const float* t, const int32_t* frame_count, int64_t each,
                                 int64_t width, bool vector) {
  const int64_t b = blockIdx.y, i = cuda::first_of_eight(), at = b * each + i, count = each - i, real = frame_count[b] * width - i;
  if (count <= 0) return;
  float clean[cuda::kEight], random[cuda::kEight];
  cuda::load_eight(clean, x0 + at, count, vector);
  cuda::load_eight(random, noise + at, count, vector);
  const float time = t[b];
#pragma unroll
  for (int j = 0; j < cuda::kEight; ++j) clean[j] = j < real ? time * random[j] + (1.0f - time) * clean[j] : 0.0f;
  cuda::store_eight(x_t + at, clean, count, vector);
}

// Part blockIdx.x of sample blockIdx.y. `each`: numbers of a sample in v and dv; `stored`: in x0 and noise.
template <class T>
__global__ void flow_loss_kernel(double* partial, T* dv, const float* v, const float* x0, const float* noise, const int32_t* loss_frames,
                                 const double* weight, int64_t each, int64_t stored, int64_t width, bool vector) {
  cuda::SharedMemory shared;
  const auto sums = shared.take<double>(cuda::kThreads / cuda::kWarpSize);
  const int64_t b = blockIdx.y, asked = loss_frames[b] * width, counted = asked < stored ? asked : stored;
  const double factor = 2 * weight[b];
  double sum = 0;
  for (int64_t i = cuda::first_of_eight(); i < each; i += static_cast<int64_t>(gridDim.x) * blockDim.x * cuda::kEight) {
    float predicted[cuda::kEight] = {}, clean[cuda::kEight], random[cuda::kEight];
    if (i < counted) {
      cuda::load_eight(predicted, v + b * each + i, counted - i, vector);
      cuda::load_eight(clean, x0 + b * stored + i, counted - i, vector);
      cuda::load_eight(random, noise + b * stored + i, counted - i, vector);
#pragma unroll
      for (int j = 0; j < cuda::kEight; ++j) {
        const double error = static_cast<double>(predicted[j] - (random[j] - clean[j]));
        sum += error * error;
        predicted[j] = static_cast<float>(factor * error);
      }
    }
    if (dv != nullptr) cuda::store_eight(dv + b * each + i, predicted, each - i, vector);
  }
  const double total = cuda::block_sum(sum, sums);
  if (threadIdx.x == 0) partial[b * gridDim.x + blockIdx.x] = total;
}

// One warp a sample.
__global__ void sum_loss_kernel(double* loss, const double* partial, int64_t parts) {
  double sum = 0;
  for (int64_t part = threadIdx.x; part < parts; part += cuda::kWarpSize) sum += partial[blockIdx.x * parts + part];
  sum = cuda::warp_sum(sum);
  if (threadIdx.x == 0) loss[blockIdx.x] = sum;
}

}  // namespace

void cuda::draw_noise(Stream& stream, Tensor noise, Tensor counters, Tensor draw) {
  if (noise.elements() == 0) return;
  const int64_t batch = noise.shape[0], each = noise.elements() / batch;
  launch("draw_noise", noise.shape, stream, draw_noise_kernel, dim3(blocks(each, kThreads * 4), static_cast<unsigned>(batch)), kThreads, 0,
         noise.as<float>(), counters.as<int64_t>(), draw.as<int32_t>(), each, aligned_flat(noise) && each % 4 == 0);
}

void cuda::mix_noise(Stream& stream, Tensor x_t, Tensor x0, Tensor noise, Tensor t, Tensor frame_count) {
  if (x_t.elements() == 0) return;
  const int64_t batch = x_t.shape[0], each = x_t.elements() / batch;
  with_activation(x_t.dtype, [&](auto type) {
    using T = decltype(type);
    launch("mix_noise", x_t.shape, stream, mix_noise_kernel<T>, sample_grid(batch, each), kThreads, 0, x_t.as<T>(), x0.as<float>(),
           noise.as<float>(), t.as<float>(), frame_count.as<int32_t>(), each, x_t.shape.last(),
           aligned_flat(x_t, x0, noise) && each % kEight == 0);
  });
}

void cuda::flow_loss(Stream& stream, Tensor loss, Tensor dv, Tensor v, Tensor x0, Tensor noise, Tensor loss_frames, Tensor weight,
                     Tensor scratch) {
  const int64_t batch = x0.shape[0];
  if (batch == 0) return;
  const int64_t each = v.elements() / batch, stored = x0.elements() / batch;
  with_activation(dv.given() ? dv.dtype : DType::f32, [&](auto type) {
    using T = decltype(type);
    launch("flow_loss", v.shape, stream, flow_loss_kernel<T>, dim3(kLossParts, static_cast<unsigned>(batch)), kThreads,
           shared_bytes<double>(kThreads / kWarpSize), scratch.as<double>(), dv.as<T>(), v.as<float>(), x0.as<float>(), noise.as<float>(),
           loss_frames.as<int32_t>(), weight.as<double>(), each, stored, x0.shape.last(),
           aligned_flat(dv, v, x0, noise) && each % kEight == 0 && stored % kEight == 0);
  });
  launch("flow_loss", v.shape, stream, sum_loss_kernel, static_cast<unsigned>(batch), kWarpSize, 0, loss.as<double>(), scratch.as<double>(),
         kLossParts);
}

}  // namespace ace
