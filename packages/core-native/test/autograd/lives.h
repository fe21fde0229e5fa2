// When the buffers of a planned program live, and how small its arena could be at best.
#pragma once
#include <algorithm>

#include "autograd/program.h"

namespace ace::test {

struct Life {
  int32_t first, last;
};

inline Life life_of(const Program& program, const Buffer& buffer) {
  const int32_t end = static_cast<int32_t>(program.calls());
  return {buffer.input ? -1 : std::min(buffer.first, end), buffer.output ? end : buffer.last};
}

inline bool in_arena(const Buffer& b) { return b.home == Home::arena && b.offset >= 0; }

// Pairs of buffers that live at the same time and share memory.
inline int64_t overlaps(const Program& program) {
  const std::vector<Buffer>& buffers = program.buffers();
  int64_t found = 0;
  for (size_t i = 0; i < buffers.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Buffer &a = buffers[i], &b = buffers[j];
      if (!in_arena(a) || !in_arena(b)) continue;
      const Life la = life_of(program, a), lb = life_of(program, b);
      const bool together = la.first <= lb.last && lb.first <= la.last;
      if (together && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes) ++found;
    }
  return found;
}

// The most bytes that live at one time: no plan can be smaller.
inline int64_t lower_bound(const Program& program) {
  std::vector<int64_t> change(program.calls() + 3, 0);  // at call -1, 0, ..
  for (const Buffer& b : program.buffers()) {
    if (!in_arena(b)) continue;
    const Life l = life_of(program, b);
    change[static_cast<size_t>(l.first + 1)] += b.bytes;
    change[static_cast<size_t>(l.last + 2)] -= b.bytes;
  }
  int64_t now = 0, most = 0;
  for (const int64_t c : change) most = std::max(most, now += c);
  return most;
}

}  // namespace ace::test
