#include "simt/counters.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "simt/block.h"

namespace simt {

Counting::Counting() {
  if (counting != nullptr) throw std::logic_error("launches are being counted already");
  counting = this;
}
Counting::~Counting() { counting = nullptr; }

void Counting::begin_launch(const std::string& name, uint64_t blocks, unsigned threads, unsigned shared_bytes) {
  launches_.emplace_back(name, LaunchCounts{.blocks = blocks, .threads = threads, .shared_bytes = shared_bytes});
}

void Counting::end_launch() {
  LaunchCounts& of = launches_.back().second;
  of.read.call_sectors = of_call_[0].size();
  of.written.call_sectors = of_call_[1].size();
  for (auto& sectors : of_call_) sectors.clear();
}

void Counting::end_block() {
  for (const auto& [key, instruction] : open_) close(instruction);
  open_.clear();
  turns_.clear();
  LaunchCounts& of = launches_.back().second;
  of.read.block_sectors += of_block_[0].size();
  of.written.block_sectors += of_block_[1].size();
  for (int i = 0; i < 2; ++i) {
    of_call_[i].merge(of_block_[i]);
    of_block_[i].clear();
  }
}

void Counting::note(Kind kind, uint64_t address, unsigned bytes, uintptr_t place) {
  const uint64_t turn = turns_[{place, self->number}]++;
  Instruction& in = open_[{place, turn << 5 | self->number / kWarp}];
  in.kind = kind;
  in.bytes = bytes;
  in.lanes.emplace_back(lane(), address);
}

void Counting::global(uint64_t address, unsigned bytes, bool write, uintptr_t place) { note(write ? Kind::write : Kind::read, address, bytes, place); }
void Counting::shared(unsigned at, unsigned bytes, uintptr_t place) { note(Kind::shared, at, bytes, place); }

namespace {

// Passes that the words of one group of lanes need: two words of one bank cannot go together, one word serves many lanes.
uint64_t passes_of(const std::set<uint64_t>& words) {
  uint64_t in_bank[32] = {}, most = 0;
  for (const uint64_t word : words) most = std::max(most, ++in_bank[word % 32]);
  return most;
}

}  // namespace

void Counting::close(const Instruction& in) {
  LaunchCounts& of = launches_.back().second;
  if (in.kind == Kind::shared) {
    // 32 lanes of up to four bytes go together, 16 of eight, 8 of sixteen.
    const unsigned together = kWarp * 4 / std::max(in.bytes, 4u);
    ++of.shared.instructions;
    for (unsigned from = 0; from < kWarp; from += together) {
      std::set<uint64_t> words;
      for (const auto& [lane, at] : in.lanes)
        if (lane / together == from / together)
          for (uint64_t word = at / 4; word <= (at + in.bytes - 1) / 4; ++word) words.insert(word);
      of.shared.passes += passes_of(words);
      of.shared.least += (words.size() + 31) / 32;
    }
    return;
  }
  const int which = in.kind == Kind::write;
  GlobalCounts& counts = which ? of.written : of.read;
  std::set<uint64_t> sectors, bytes;
  for (const auto& [lane, address] : in.lanes)
    for (uint64_t at = address; at < address + in.bytes; ++at) bytes.insert(at), sectors.insert(at / kSector);
  ++counts.instructions;
  counts.useful += bytes.size();
  counts.sectors += sectors.size();
  of_block_[which].insert(sectors.begin(), sectors.end());
}

void Counting::ldmatrix(const unsigned (&rows)[32], unsigned matrices) {
  SharedCounts& of = launches_.back().second.shared;
  ++of.instructions;
  for (unsigned m = 0; m < matrices; ++m) {
    std::set<uint64_t> words;
    for (unsigned i = 0; i < 8; ++i)
      for (unsigned word = 0; word < 4; ++word) words.insert(rows[m * 8 + i] / 4 + word);
    of.passes += passes_of(words);
    of.least += (words.size() + 31) / 32;
  }
}

void Counting::wgmma(int columns, bool left_too) {
  LaunchCounts& of = launches_.back().second;
  const auto rows = static_cast<uint64_t>(columns) + (left_too ? 64 : 0);
  of.mma += 4 * static_cast<uint64_t>(columns) / 8;
  ++of.shared.instructions;
  of.shared.passes += rows * 32 / 128;
  of.shared.least += rows * 32 / 128;
}

[[gnu::noinline]] void count_global(const void* address, unsigned bytes, bool write) {
  counting->global(reinterpret_cast<uintptr_t>(address), bytes, write, reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
}
[[gnu::noinline]] void count_shared(unsigned at, unsigned bytes) {
  counting->shared(at, bytes, reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
}

}  // namespace simt
