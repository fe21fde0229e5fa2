// What a kernel asks of the memories and of the tensor cores, counted as hardware would do it: by warp instruction.
//
//   simt::Counting counting;            // while it lives, every launch is counted
//   kernel ...
//   counting.launches().back().second   // of the last one
//
// Seen are the accesses that go through this project's words for them: load(), store(), load_pack() and store_pack() of
// numbers.cuh, cp_async16, Smem, ldmatrix, mma_bf16 and the products of a warpgroup; a bare `*p` is not. The accesses of a warp's lanes from one place
// of the code, each lane's n-th, are taken for one instruction: exact unless lanes of a warp pass it a different number of
// times. Caches are not modelled: counted is what an instruction asks for, what a block asks for once, and what a call does.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace simt {

constexpr unsigned kSector = 32;  // bytes that global memory moves at least

struct GlobalCounts {
  uint64_t instructions = 0;  // of a warp
  uint64_t useful = 0;        // bytes that some lane of the instruction wants
  uint64_t sectors = 0;       // of the instructions
  uint64_t block_sectors = 0; // different ones in a block, summed over blocks: with a cache that keeps all of a block's
  uint64_t call_sectors = 0;  // different ones in the call: what memory moves at least
};

struct SharedCounts {
  uint64_t instructions = 0;  // of a warp; an ldmatrix is one
  uint64_t passes = 0;        // through the 32 banks of four bytes
  uint64_t least = 0;         // passes if no two words of one pass lay in one bank
};

struct LaunchCounts {
  uint64_t blocks = 0;
  unsigned threads = 0, shared_bytes = 0;
  GlobalCounts read, written;
  SharedCounts shared;
  uint64_t mma = 0;  // m16n8k16: 4096 floating-point operations each
};

class Counting {
 public:
  using Launches = std::vector<std::pair<std::string, LaunchCounts>>;
  Counting();
  ~Counting();
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  const Launches& launches() const { return launches_; }

  // From the emulator. `place`: of the code.
  void begin_launch(const std::string& name, uint64_t blocks, unsigned threads, unsigned shared_bytes);
  void end_launch();
  void end_block();
  void global(uint64_t address, unsigned bytes, bool write, uintptr_t place);
  void shared(unsigned at, unsigned bytes, uintptr_t place);
  void ldmatrix(const unsigned (&rows)[32], unsigned matrices);
  void mma() { ++launches_.back().second.mma; }
  // A product of a warpgroup, [64, columns] over 16, reads its factors from shared memory once.
  void wgmma(int columns, bool left_too);

 private:
  enum class Kind : uint8_t { read, write, shared };
  struct Instruction {
    Kind kind = Kind::read;
    unsigned bytes = 0;
    std::vector<std::pair<unsigned, uint64_t>> lanes;  // and addresses
  };
  struct Key {
    uintptr_t place;
    uint64_t turn;  // warp and occurrence
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const { return std::hash<uint64_t>()(key.place * 0x9e3779b97f4a7c15u ^ key.turn); }
  };
  void note(Kind kind, uint64_t address, unsigned bytes, uintptr_t place);
  void close(const Instruction& instruction);

  Launches launches_;
  std::unordered_map<Key, uint64_t, Hash> turns_;  // by place and thread
  std::unordered_map<Key, Instruction, Hash> open_;
  std::unordered_set<uint64_t> of_block_[2], of_call_[2];  // sectors read and written
};

inline constinit Counting* counting = nullptr;

// What the emulator's words call; a function of its own, so that its caller is a place of the kernel's code.
void count_global(const void* address, unsigned bytes, bool write);
void count_shared(unsigned at, unsigned bytes);

inline void touch(const void* address, unsigned bytes, bool write) {
  if (counting != nullptr) [[unlikely]] count_global(address, bytes, write);
}
inline void touch_shared(unsigned at, unsigned bytes) {
  if (counting != nullptr) [[unlikely]] count_shared(at, bytes);
}

}  // namespace simt
