// Products of a warpgroup (ops/cuda/hopper/wgmma.cuh), as NVIDIA's PTX manual describes wgmma.mma_async: 128 threads ask for one
// together, it reads its factors from shared memory some time before it is waited for, and its result is there from then on.
// Here it reads as late as it may, what it reads may not be written meanwhile, and a result that is used too early is NaN.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "simt/block.h"

namespace simt {

constexpr unsigned kWarpgroup = 128;

// A factor in shared memory, read from its 64-bit description. Element (i, k) is row i of d (or its column) and place k of the
// sixteen that are summed. Errors: KernelError for what the description may not say.
class Factor {
 public:
  enum class Order { along_k, along_rows };  // which numbers are neighbours in memory
  Factor() = default;
  Factor(uint64_t description, Order order, int rows);
  void lend() const;
  void give_back() const;
  // out[i * 16 + k]
  void read(float* out) const;

 private:
  unsigned chunk(int i) const;
  int chunks() const { return rows_ * 2; }

  uint64_t description_ = 0;
  Order order_ = Order::along_k;
  int rows_ = 0;
};

// One product, shared by the threads that asked for it. d [64, columns].
struct WarpgroupProduct {
  bool a_in_registers = false, computed = false;
  int columns = 0, landed = 0;
  Factor a, b;
  std::vector<float> left;      // [64, 16], where a is in registers
  std::vector<float> result;    // [64, columns], without what d held before
};

// What a thread still waits for.
struct ThreadProduct {
  std::shared_ptr<WarpgroupProduct> product;
  unsigned group = 0;
  float* d = nullptr;           // [columns / 8][4]
  std::vector<float> before;    // of d; empty where an earlier product of the thread is to end in it
  bool add = false;
};

// What a thread brings to a product.
struct WarpgroupSlot {
  uint64_t a, b;
  const uint32_t* registers;  // or null
  float* d;
  int columns;
  bool add;
  Factor::Order b_order;
};

void ask_for_product(const WarpgroupSlot& slot, Where where);
void fence_registers();
void commit_products();
void wait_for_products(unsigned under_way);

}  // namespace simt
