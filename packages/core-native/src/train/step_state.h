#pragma once
#include <cstdint>
#include <vector>

#include "train/flow_program.h"

namespace ace {

// What a program reads anew of every micro-batch (FlowProgram::state), written on the host to be uploaded as one block.
// begin(), the songs in their order, finish().
class StepState {
 public:
  struct Song {
    uint64_t key = 0;
    Tensor latents, context, condition;  // rows the device can read: [frames, 64], [frames, 128], [tokens, E]
    Tensor noise;                        // [frames, 64] of the program's noise, where the song's is drawn or was written
    bool noise_given = false, condition_dropped = false;
    double timestep = 0, share = 0;      // share: d step's loss / d (sum of squares)
    SongLength seen;                     // attended to and counted; beyond the rows it is padding
  };

  // host: flow.state.bytes(), zeros or what an earlier step of the same program left. rope: of the longest song; packed only.
  StepState(const FlowProgram& flow, const FlowShape& shape, int64_t patch, const RopeTables& rope, char* host);

  void begin(uint64_t seed, uint64_t step);
  void add(const Song& song);
  void finish();
  // The program's row that each song begins at, and where the last one ends.
  const std::vector<int64_t>& first_row() const { return first_row_; }

 private:
  void add_latents(const Song& song);
  void add_condition(const Song& song);
  void finish_packed();

  bool packed_;
  int64_t patch_, songs_, chunks_, condition_chunks_;
  int64_t row_frames_, row_tokens_;  // frames and condition tokens of a row: of a whole song, or of a chunk
  RopeTables rope_;
  int64_t row_ = 0, condition_row_ = 0;
  std::vector<int64_t> first_row_;

  // Views of the block on the host, null where the program has none.
  int64_t *counters_, *chunk_counters_;
  int64_t *x0_rows_, *context_rows_, *condition_rows_, *noise_rows_, *cos_rows_, *sin_rows_;
  double* loss_weight_;
  Tensor t_;
  int32_t *draw_noise_, *dropped_, *frame_count_, *loss_frames_;
  int32_t *token_count_, *condition_count_, *song_start_, *condition_start_;
};

}  // namespace ace
