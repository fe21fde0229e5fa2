#include "train/song_store.h"

#include <algorithm>

#include "model/host_view.h"

namespace ace {

namespace {

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

int64_t SongStore::add(const float* latents, int64_t frames, const float* context,
                       const std::vector<std::pair<const float*, int64_t>>& conditions) {
  struct Part {
    const float* from;
    Tensor tensor;
  };
  std::vector<Part> parts;
  int64_t bytes = 0;
  auto part = [&](const float* from, Shape shape, DType dtype) {
    Tensor tensor;
    tensor.shape = shape;
    tensor.dtype = dtype;
    bytes += aligned(tensor.bytes());
    parts.push_back({from, tensor});
  };
  part(latents, {frames, latent_}, wide(activations_));
  part(context, {frames, 2 * latent_}, wide(activations_));
  for (const auto& [data, tokens] : conditions) part(data, {tokens, width_}, activations_);

  auto song = std::make_unique<StoredSong>(device_);
  song->frames = frames;
  song->resident = resident_bytes_ < 0 || device_bytes_ + bytes <= resident_bytes_;
  char* host = song->resident ? nullptr : song->host.reserve(bytes, "songs");
  for (Part& each : parts) {
    const Storage rows = converted(host_view(each.from, each.tensor.shape), each.tensor.dtype);
    if (song->resident) {
      song->memory.emplace_back(device_, each.tensor.shape, each.tensor.dtype, "songs", false);
      each.tensor = song->memory.back().tensor();
      upload(device_, each.tensor, rows.tensor());
    } else {
      each.tensor.data = host;
      host += aligned(each.tensor.bytes());
      std::copy_n(rows.tensor().as<char>(), each.tensor.bytes(), each.tensor.as<char>());
    }
  }
  song->latents = parts[0].tensor;
  song->context = parts[1].tensor;
  for (size_t i = 2; i < parts.size(); ++i) song->conditions.push_back(parts[i].tensor);
  if (song->resident) device_bytes_ += bytes;
  else if (lane_ == nullptr) lane_ = device_.open_copy_lane();
  songs_.push_back(std::move(song));
  return size() - 1;
}

Tensor SongStore::on_device(const StoredSong& song, const Tensor& rows, int place, int64_t b, int part) {
  if (song.resident) return rows;
  std::vector<Storage>& memory = places_[place];
  const size_t index = static_cast<size_t>(3 * b + part);
  if (memory.size() <= index) memory.resize(index + 1);
  if (memory[index].bytes() < rows.bytes()) {
    device_.synchronize();  // somebody may still read the smaller one
    memory[index] = Storage();
    memory[index] = Storage(device_, {rows.bytes()}, DType::u8, "streamed songs", false);
  }
  Tensor out = rows;
  out.data = memory[index].data();
  lane_->copy(place, out.data, rows.data, rows.bytes());
  return out;
}

}  // namespace ace
