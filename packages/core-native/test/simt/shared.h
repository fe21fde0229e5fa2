// The shared memory of the running block, and who touched what since when.
//
// Two accesses to the same bytes by two threads, at least one of them a write, must have a barrier between them:
// __syncthreads orders the block, __syncwarp the lanes of its mask. The book is kept per granule of two bytes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace simt {

constexpr unsigned kGranule = 2;

class SharedState {
 public:
  void begin_block(unsigned bytes);
  unsigned bytes() const { return bytes_; }
  // The bytes themselves, checked. Errors: KernelError for a race, an access out of bounds, a read of what nobody wrote.
  const unsigned char* read(unsigned at, unsigned bytes);
  unsigned char* write(unsigned at, unsigned bytes);
  // An asynchronous copy into [at, at + bytes): nobody may touch them until land().
  void depart(unsigned at, unsigned bytes);
  unsigned char* land(unsigned at, unsigned bytes);
  // What the running thread wrote becomes visible to products of a warpgroup, which reach shared memory by another way.
  void fence();
  // A product of a warpgroup reads [at, at + bytes) at some time until give_back(), when lent() is what it reads. Errors:
  // KernelError where that is not written, not fenced, or not behind a barrier of the block.
  void lend(unsigned at, unsigned bytes);
  const unsigned char* lent(unsigned at) const { return memory_.data() + at; }
  void give_back(unsigned at, unsigned bytes);
  // The running thread's warp: all before is ordered before all after, for the lanes of `mask`.
  void order_warp(unsigned mask);
  void order_block();

 private:
  struct Cell {
    uint32_t write_epoch = 0, write_clock = 0, read_epoch = 0, read_clock = 0, readers = 0;
    uint16_t writer = 0, read_warp = 0;
    bool in_flight = false;
    uint8_t lent = 0;         // to so many products
    uint32_t write_fences = 0;  // of the writer, when it wrote
  };
  static constexpr uint16_t kManyWarps = 0xffff;

  void check_range(const char* what, unsigned at, unsigned bytes) const;
  bool ordered(unsigned thread, uint32_t clock) const;
  void note_read(Cell& cell, unsigned at, unsigned thread) {
    if (cell.read_epoch == epoch_) {
      // An earlier reader of this epoch has looked: the granule is written and nothing is under way to it.
      if (cell.read_warp == kManyWarps) return;
      const unsigned warp = thread / 32;
      if (cell.read_warp == warp && cell.write_epoch != epoch_ && cell.read_clock == clocks_[warp]) {
        cell.readers |= 1u << thread % 32;
        return;
      }
    }
    note_new_read(cell, at);
  }
  void note_new_read(Cell& cell, unsigned at);
  void check_write(const Cell& cell, unsigned at) const;
  void refuse_in_flight(const Cell& cell, const char* what, unsigned at) const;
  std::string byte(unsigned at) const;

  std::vector<unsigned char> memory_;
  std::vector<Cell> cells_;
  unsigned bytes_ = 0;
  // Epochs count __syncthreads, clocks the __syncwarp of a warp; both go on from block to block, so that a new block
  // finds all cells old. first_epoch_: of this block.
  uint32_t epoch_ = 1, first_epoch_ = 1;
  std::vector<uint32_t> clocks_;            // by warp
  std::vector<uint32_t> fences_, fences_before_;  // by thread: so far, and before the last __syncthreads
  bool fenced_ = false;                     // since then
  std::vector<uint32_t> seen_;              // [thread][lane]: the clock of the lane's last sync that the thread knows of
};

}  // namespace simt
