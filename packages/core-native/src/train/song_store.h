#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "tensor/staging.h"
#include "tensor/storage.h"

namespace ace {

// One song, row-major: on the device, or in pinned main memory where it is streamed.
struct StoredSong {
  explicit StoredSong(Device& device) : host(device) {}
  int64_t frames = 0;
  bool resident = true;
  Tensor latents, context;         // [frames, 64], [frames, 128] wide
  std::vector<Tensor> conditions;  // [tokens, E] each, as the activations
  std::vector<Storage> memory;     // a resident song's
  Staging host;                    // a streamed song's
};

// A session's songs: as many on the device as may lie there, the others copied when a micro-batch wants them, beside the
// kernels of the micro-batch before.
class SongStore {
 public:
  // `activations`: dtype of conditions; latents and context are wide(activations). `resident_bytes`: what may lie on the
  // device, -1: everything. `latent` and `width`: channels of latents and of conditions.
  SongStore(Device& device, DType activations, int64_t latent, int64_t width, int64_t resident_bytes)
      : device_(device), activations_(activations), latent_(latent), width_(width), resident_bytes_(resident_bytes) {}

  // Returns the song's number. latents [frames, latent], context [frames, 2 latent], conditions [tokens, width] each.
  int64_t add(const float* latents, int64_t frames, const float* context,
              const std::vector<std::pair<const float*, int64_t>>& conditions);
  int64_t size() const { return static_cast<int64_t>(songs_.size()); }
  const StoredSong& at(int64_t number) const { return *songs_[static_cast<size_t>(number)]; }
  // Bytes of the resident songs.
  int64_t device_bytes() const { return device_bytes_; }

  // Rows of a song where the device can read them: where they are, or part `part` (0 to 2) of song `b` of a place, which they
  // are copied to. `place`: counts micro-batches, modulo CopyLane::kPlaces.
  Tensor on_device(const StoredSong& song, const Tensor& rows, int place, int64_t b, int part);
  // Between the last on_device() of a micro-batch and its kernels, and after these.
  void arrive(int place) {
    if (lane_ != nullptr) lane_->arrive(place);
  }
  void leave(int place) {
    if (lane_ != nullptr) lane_->leave(place);
  }

 private:
  Device& device_;
  DType activations_;
  int64_t latent_, width_, resident_bytes_, device_bytes_ = 0;
  std::vector<std::unique_ptr<StoredSong>> songs_;
  std::unique_ptr<CopyLane> lane_;                    // where one is streamed
  std::vector<Storage> places_[CopyLane::kPlaces];    // three tensors a song, grown to the largest met
};

}  // namespace ace
