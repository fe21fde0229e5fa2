#include "simt/warpgroup.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "simt/counters.h"
#include "simt/fragments.h"
#include "tensor/dtype.h"

namespace simt {

namespace {

constexpr int kRows = 64, kDepth = 16;
constexpr unsigned kChunk = 16;  // bytes, eight numbers

float number(uint16_t bits) { return ace::to_float(ace::bf16{bits}); }

}  // namespace

Factor::Factor(uint64_t description, Order order, int rows) : description_(description), order_(order), rows_(rows) {
  const auto refuse = [&](const char* what) { block->fail(std::string("a factor in shared memory: ") + what); };
  const unsigned start = static_cast<unsigned>(description & 0x3fff) * 16;
  if (description >> 62 != 1) refuse("its swizzle is not that of 128 bytes");
  if ((description >> 49 & 7) != 0) refuse("a base offset is not emulated");
  if ((start & 0x3ff) >= 128) refuse("it does not begin in the first row of a pattern of 1024 bytes");
  if (order == Order::along_k && start % 128 > 128 - 32) refuse("its sixteen columns leave the row of 128 bytes");
  if (order == Order::along_rows && start % 128 != 0) refuse("it does not begin at the start of a row");
  if (order == Order::along_rows && rows % 64 != 0) refuse("its rows are no whole panels");
}

// The i-th chunk of eight numbers: of row i / 2 and half i % 2 of the sixteen, or, along rows, of k = i / (rows / 8) and the
// rows from i % (rows / 8) * 8 on.
unsigned Factor::chunk(int i) const {
  const unsigned start = static_cast<unsigned>(description_ & 0x3fff) * 16;
  const unsigned leading = static_cast<unsigned>(description_ >> 16 & 0x3fff) * 16, stride = static_cast<unsigned>(description_ >> 32 & 0x3fff) * 16;
  unsigned at = start;
  if (order_ == Order::along_k) {
    const unsigned row = static_cast<unsigned>(i) / 2, half = static_cast<unsigned>(i) % 2;
    at += row / 8 * stride + row % 8 * 128 + half * kChunk;
  } else {
    const unsigned across = static_cast<unsigned>(rows_) / 8, k = static_cast<unsigned>(i) / across, c = static_cast<unsigned>(i) % across;
    at += k / 8 * stride + k % 8 * 128 + c / 8 * leading + c % 8 * kChunk;
  }
  return at ^ (at >> 7 & 7) << 4;  // the swizzle is of the address itself
}

void Factor::lend() const {
  for (int i = 0; i < chunks(); ++i) block->shared.lend(chunk(i), kChunk);
}
void Factor::give_back() const {
  for (int i = 0; i < chunks(); ++i) block->shared.give_back(chunk(i), kChunk);
}

void Factor::read(float* out) const {
  const int across = order_ == Order::along_k ? 2 : rows_ / 8;
  for (int i = 0; i < chunks(); ++i) {
    uint16_t eight[8];
    std::memcpy(eight, block->shared.lent(chunk(i)), sizeof eight);
    for (int j = 0; j < 8; ++j) {
      const int along = i % across * 8 + j, line = i / across;  // neighbours, and the rows of memory they lie in
      const int row = order_ == Order::along_k ? line : along, k = order_ == Order::along_k ? along : line;
      out[row * kDepth + k] = number(eight[j]);
    }
  }
}

namespace {

std::shared_ptr<WarpgroupProduct> make_product(const WarpgroupSlot* const* slots) {
  const WarpgroupSlot& first = *slots[0];
  for (unsigned i = 1; i < kWarpgroup; ++i)
    if (slots[i]->a != first.a || slots[i]->b != first.b || slots[i]->columns != first.columns || slots[i]->add != first.add)
      block->fail("a product of a warpgroup: thread " + std::to_string(i) + " of it asks for another than thread 0");
  auto product = std::make_shared<WarpgroupProduct>();
  product->columns = first.columns;
  product->a_in_registers = first.registers != nullptr;
  product->b = Factor(first.b, first.b_order, first.columns);
  product->b.lend();
  if (!product->a_in_registers) {
    product->a = Factor(first.a, Factor::Order::along_k, kRows);
    product->a.lend();
  } else {
    product->left.resize(size_t{kRows} * kDepth);
    for (unsigned thread = 0; thread < kWarpgroup; ++thread)
      for (int reg = 0; reg < 4; ++reg)
        for (int half = 0; half < 2; ++half) {
          const fragments::Element at = fragments::a(static_cast<int>(thread % kWarp), reg, half);
          const size_t row = thread / kWarp * 16 + static_cast<size_t>(at.row);
          product->left[row * kDepth + static_cast<size_t>(at.column)] = number(static_cast<uint16_t>(slots[thread]->registers[reg] >> 16 * half));
        }
  }
  if (counting != nullptr) counting->wgmma(first.columns, !product->a_in_registers);
  return product;
}

void compute(WarpgroupProduct& of) {
  std::vector<float> left = of.left, right(static_cast<size_t>(of.columns) * kDepth), turned(right.size());
  if (!of.a_in_registers) {
    left.resize(size_t{kRows} * kDepth);
    of.a.read(left.data());
  }
  of.b.read(right.data());
  const auto columns = static_cast<size_t>(of.columns);
  for (size_t j = 0; j < columns; ++j)
    for (size_t k = 0; k < kDepth; ++k) turned[k * columns + j] = right[j * kDepth + k];
  of.result.assign(kRows * columns, 0.0f);
  for (size_t i = 0; i < kRows; ++i)
    for (size_t k = 0; k < kDepth; ++k) {
      const float x = left[i * kDepth + k];
      float* const out = &of.result[i * columns];
      for (size_t j = 0; j < columns; ++j) out[j] += x * turned[k * columns + j];
    }
  of.computed = true;
}

void land(ThreadProduct& mine) {
  WarpgroupProduct& of = *mine.product;
  if (!of.computed) compute(of);
  const unsigned thread = self->number % kWarpgroup;
  for (int n = 0; n < of.columns / 8; ++n)
    for (int reg = 0; reg < 4; ++reg) {
      const fragments::Element at = fragments::c(static_cast<int>(thread % kWarp), reg);
      const int row = static_cast<int>(thread / kWarp) * 16 + at.row, column = n * 8 + at.column, i = n * 4 + reg;
      const float product = of.result[static_cast<size_t>(row * of.columns + column)];
      const float before = mine.before.empty() ? mine.d[i] : mine.before[static_cast<size_t>(i)];
      mine.d[i] = mine.add ? before + product : product;
    }
  if (++of.landed < static_cast<int>(kWarpgroup)) return;
  of.b.give_back();
  if (!of.a_in_registers) of.a.give_back();
}

}  // namespace

void ask_for_product(const WarpgroupSlot& slot, Where where) {
  Thread& me = *self;
  if (!me.registers_fenced) block->fail("a product of a warpgroup without wgmma_fence() since the start or the last wait");
  auto product = block->meet_warpgroup(&slot, make_product, where);
  ThreadProduct mine{std::move(product), me.product_groups, slot.d, {}, slot.add};
  const auto ends_here = [&](const ThreadProduct& other) { return other.d == slot.d; };
  const auto numbers = static_cast<size_t>(slot.columns) / 2;
  if (std::none_of(me.products.begin(), me.products.end(), ends_here)) mine.before.assign(slot.d, slot.d + numbers);
  std::fill(slot.d, slot.d + numbers, NAN);
  me.products.push_back(std::move(mine));
}

void fence_registers() { self->registers_fenced = true; }
void commit_products() { ++self->product_groups; }

void wait_for_products(unsigned under_way) {
  Thread& me = *self;
  std::erase_if(me.products, [&](ThreadProduct& mine) {
    if (mine.group + under_way >= me.product_groups) return false;
    land(mine);
    return true;
  });
  me.registers_fenced = false;
}

}  // namespace simt
