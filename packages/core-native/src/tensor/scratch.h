// Memory for the working values of one thread: reserved once, handed out and taken back like a stack.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ace {

class Scratch {
 public:
  // Pages are reserved here and cost nothing until they are touched.
  explicit Scratch(size_t capacity_bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  size_t capacity() const { return capacity_; }

  // What is taken through a frame, 64-byte aligned and uninitialised, lives until the frame ends.
  class Frame {
   public:
    explicit Frame(Scratch& scratch) : scratch_(scratch), mark_(scratch.used_) {}
    ~Frame() { scratch_.used_ = mark_; }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    // Throws std::bad_alloc past the capacity: callers size their tiles so that it cannot happen.
    template <class T> T* take(int64_t count) { return static_cast<T*>(scratch_.take(static_cast<size_t>(count) * sizeof(T))); }

   private:
    Scratch& scratch_;
    size_t mark_;
  };

 private:
  void* take(size_t bytes);

  std::byte* base_;
  size_t capacity_, used_ = 0;
};

}  // namespace ace
