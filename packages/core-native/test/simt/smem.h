// The emulator's twin of ops/cuda/smem.cuh: the same words, and every access checked (shared.h).
//
// `smem[i]` is a stand-in for the element: it becomes a T where a T is wanted, so write `float x = smem[i]`, not `auto`.
#pragma once
#include <cstring>
#include <string>
#include <type_traits>

#include "simt/block.h"
#include "simt/counters.h"

namespace ace::cuda {

template <class T>
class SmemElement {
 public:
  explicit SmemElement(unsigned at) : at_(at) {}
  SmemElement(const SmemElement&) = default;
  operator T() const {
    T value;
    simt::touch_shared(at_, sizeof(T));
    std::memcpy(&value, simt::block->shared.read(at_, sizeof(T)), sizeof(T));
    return value;
  }
  const SmemElement& operator=(T value) const {
    simt::touch_shared(at_, sizeof(T));
    std::memcpy(simt::block->shared.write(at_, sizeof(T)), &value, sizeof(T));
    return *this;
  }
  const SmemElement& operator=(const SmemElement& other) const { return *this = static_cast<T>(other); }
  const SmemElement& operator+=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) + value); }
  const SmemElement& operator-=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) - value); }
  const SmemElement& operator*=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) * value); }
  const SmemElement& operator|=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) | value); }

 private:
  unsigned at_;
};

template <class T>
class Smem {
  static_assert(sizeof(T) % simt::kGranule == 0, "the emulator watches shared memory in granules of two bytes");
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Smem() = default;
  Smem(unsigned at, int count) : at_(at), count_(count) {}
  SmemElement<T> operator[](int64_t i) const { return SmemElement<T>(place(i, 1, sizeof(T))); }
  template <class V>
  V load(int64_t i) const {
    V value;
    simt::touch_shared(address(i), sizeof(V));
    std::memcpy(static_cast<void*>(&value), simt::block->shared.read(place(i, elements<V>(), sizeof(V)), sizeof(V)), sizeof(V));
    return value;
  }
  template <class V>
  void store(int64_t i, V value) const {
    simt::touch_shared(address(i), sizeof(V));
    std::memcpy(simt::block->shared.write(place(i, elements<V>(), sizeof(V)), sizeof(V)), &value, sizeof(V));
  }
  uint32_t address(int64_t i) const { return at_ + static_cast<uint32_t>(i * static_cast<int64_t>(sizeof(T))); }

 private:
  template <class V>
  static constexpr int64_t elements() {
    static_assert(sizeof(V) % sizeof(T) == 0, "a vector of whole elements");
    return static_cast<int64_t>(sizeof(V) / sizeof(T));
  }
  unsigned place(int64_t i, int64_t elements, unsigned alignment) const {
    if (i < 0 || i + elements > count_)
      simt::block->fail("element " + std::to_string(i) + (elements > 1 ? " to " + std::to_string(i + elements - 1) : "") +
                        " of a piece of shared memory of " + std::to_string(count_) + " elements");
    const unsigned at = address(i);
    if (at % alignment != 0)
      simt::block->fail("an access of " + std::to_string(alignment) + " bytes to byte " + std::to_string(at) + " of shared memory is not aligned");
    return at;
  }

  unsigned at_ = 0;
  int64_t count_ = 0;
};

class SharedMemory {
 public:
  template <class T>
  Smem<T> take(int count) {
    const auto bytes = static_cast<unsigned>(shared_bytes<T>(static_cast<size_t>(count)));
    const unsigned at = at_;
    at_ += bytes;
    if (count < 0 || at_ > simt::block->shared.bytes())
      simt::block->fail("takes " + std::to_string(at_) + " bytes of shared memory; the launch gave " + std::to_string(simt::block->shared.bytes()));
    return {at, count};
  }

 private:
  unsigned at_ = 0;
};

}  // namespace ace::cuda
