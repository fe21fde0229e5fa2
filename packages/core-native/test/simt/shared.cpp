#include "simt/shared.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "simt/block.h"

namespace simt {

void SharedState::begin_block(unsigned bytes) {
  bytes_ = bytes;
  if (memory_.size() < bytes) memory_.resize(bytes);
  const size_t cells = (bytes + kGranule - 1) / kGranule;
  if (cells_.size() < cells) cells_.resize(cells);
  clocks_.resize(kMaxThreads / kWarp, 1);
  fences_.resize(kMaxThreads, 0);
  fences_before_.resize(kMaxThreads, 0);
  seen_.resize(size_t{kMaxThreads} * kWarp, 0);
  first_epoch_ = ++epoch_;
}

std::string SharedState::byte(unsigned at) const { return "byte " + std::to_string(at) + " of shared memory"; }

void SharedState::check_range(const char* what, unsigned at, unsigned bytes) const {
  if (at % kGranule == 0 && at <= bytes_ && bytes <= bytes_ - at) return;
  block->fail(std::string(what) + " of " + std::to_string(bytes) + " bytes at " + byte(at) + ", which has " + std::to_string(bytes_) + " bytes");
}

// Whether what `thread` did at `clock` of its warp, in this epoch, is ordered before what the running thread does now.
bool SharedState::ordered(unsigned thread, uint32_t clock) const {
  if (thread == self->number) return true;
  if (thread / kWarp != self->number / kWarp) return false;
  return seen_[size_t{self->number} * kWarp + thread % kWarp] > clock;
}

void SharedState::refuse_in_flight(const Cell& cell, const char* what, unsigned at) const {
  if (cell.in_flight && cell.write_epoch >= first_epoch_)
    block->fail(std::string(what) + " of " + byte(at) + " while the cp.async of thread " + std::to_string(cell.writer) + " to it was not waited for");
}

void SharedState::note_new_read(Cell& cell, unsigned at) {
  refuse_in_flight(cell, "read", at);
  if (cell.write_epoch < first_epoch_) block->fail("read of " + byte(at) + ", which nobody has written");
  if (cell.write_epoch == epoch_ && !ordered(cell.writer, cell.write_clock))
    block->fail("race: read of " + byte(at) + ", written by thread " + std::to_string(cell.writer) + " with no barrier between");
  const auto warp = static_cast<uint16_t>(self->number / kWarp);
  const uint32_t clock = clocks_[warp], mine = 1u << self->number % kWarp;
  if (cell.read_epoch != epoch_) {
    cell.read_epoch = epoch_;
    cell.read_warp = warp;
    cell.readers = mine;
    cell.read_clock = clock;
  } else if (cell.read_warp != warp) {
    cell.read_warp = kManyWarps;
  } else if (cell.read_clock == clock) {
    cell.readers |= mine;
  } else {
    // Readers that are ordered before this one need not be remembered: whoever comes after this one comes after them.
    bool all_before = true;
    for (unsigned lane = 0; lane < kWarp && all_before; ++lane)
      all_before = (cell.readers >> lane & 1) == 0 || ordered(unsigned{warp} * kWarp + lane, cell.read_clock);
    cell.readers = (all_before ? 0 : cell.readers) | mine;
    cell.read_clock = clock;
  }
}

void SharedState::check_write(const Cell& cell, unsigned at) const {
  refuse_in_flight(cell, "write", at);
  if (cell.lent > 0 && cell.write_epoch >= first_epoch_) block->fail("write of " + byte(at) + " while a product of a warpgroup reads it");
  if (cell.write_epoch == epoch_ && !ordered(cell.writer, cell.write_clock))
    block->fail("race: write of " + byte(at) + ", written by thread " + std::to_string(cell.writer) + " with no barrier between");
  if (cell.read_epoch != epoch_) return;
  const unsigned warp = self->number / kWarp;
  if (cell.read_warp != warp)
    block->fail("race: write of " + byte(at) + ", read by a thread of another warp with no barrier between");
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if ((cell.readers >> lane & 1) != 0 && !ordered(warp * kWarp + lane, cell.read_clock))
      block->fail("race: write of " + byte(at) + ", read by thread " + std::to_string(warp * kWarp + lane) + " with no barrier between");
}

const unsigned char* SharedState::read(unsigned at, unsigned bytes) {
  check_range("read", at, bytes);
  for (unsigned i = at / kGranule; i < (at + bytes) / kGranule; ++i) note_read(cells_[i], i * kGranule, self->number);
  return memory_.data() + at;
}

unsigned char* SharedState::write(unsigned at, unsigned bytes) {
  check_range("write", at, bytes);
  const uint32_t clock = clocks_[self->number / kWarp];
  for (unsigned i = at / kGranule; i < (at + bytes) / kGranule; ++i) {
    Cell& cell = cells_[i];
    check_write(cell, i * kGranule);
    cell = {epoch_, clock, 0, 0, 0, static_cast<uint16_t>(self->number), 0, false, 0, fences_[self->number]};
  }
  return memory_.data() + at;
}

void SharedState::depart(unsigned at, unsigned bytes) {
  check_range("cp.async", at, bytes);
  write(at, bytes);
  for (unsigned i = at / kGranule; i < (at + bytes) / kGranule; ++i) cells_[i].in_flight = true;
}

unsigned char* SharedState::land(unsigned at, unsigned bytes) {
  for (unsigned i = at / kGranule; i < (at + bytes) / kGranule; ++i) cells_[i].in_flight = false;
  return write(at, bytes);
}

void SharedState::order_block() {
  ++epoch_;
  if (std::exchange(fenced_, false)) fences_before_ = fences_;
}

void SharedState::fence() {
  ++fences_[self->number];
  fenced_ = true;
}

void SharedState::lend(unsigned at, unsigned bytes) {
  check_range("read by a product of a warpgroup", at, bytes);
  for (unsigned i = at / kGranule; i < (at + bytes) / kGranule; ++i) {
    Cell& cell = cells_[i];
    const unsigned byte_at = i * kGranule;
    refuse_in_flight(cell, "read by a product of a warpgroup", byte_at);
    if (cell.write_epoch < first_epoch_) block->fail("read by a product of a warpgroup of " + byte(byte_at) + ", which nobody has written");
    if (cell.write_epoch == epoch_)
      block->fail("race: read by a product of a warpgroup of " + byte(byte_at) + ", written by thread " + std::to_string(cell.writer) + " with no barrier between");
    if (fences_before_[cell.writer] <= cell.write_fences)
      block->fail("read by a product of a warpgroup of " + byte(byte_at) + ", which thread " + std::to_string(cell.writer) + " wrote with no fence_async() between that and the barrier");
    ++cell.lent;
  }
}

void SharedState::give_back(unsigned at, unsigned bytes) {
  for (unsigned i = at / kGranule; i < (at + bytes) / kGranule; ++i) {
    Cell& cell = cells_[i];
    --cell.lent;
    cell.read_epoch = epoch_;  // a write needs a barrier after this wait
    cell.read_warp = kManyWarps;
  }
}

void SharedState::order_warp(unsigned mask) {
  const unsigned warp = self->number / kWarp;
  const uint32_t now = ++clocks_[warp];
  uint32_t together[kWarp] = {};
  uint32_t* const seen = &seen_[size_t{warp} * kWarp * kWarp];
  for (unsigned i = 0; i < kWarp; ++i) {
    if ((mask >> i & 1) == 0) continue;
    for (unsigned j = 0; j < kWarp; ++j) together[j] = std::max(together[j], seen[i * kWarp + j]);
  }
  for (unsigned i = 0; i < kWarp; ++i)
    if ((mask >> i & 1) != 0) together[i] = now;
  for (unsigned i = 0; i < kWarp; ++i)
    if ((mask >> i & 1) != 0) std::memcpy(seen + i * kWarp, together, sizeof together);
}

}  // namespace simt
