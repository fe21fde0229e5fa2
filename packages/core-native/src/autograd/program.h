#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/device.h"
#include "tensor/tensor.h"

namespace ace {

// Where a buffer lives. `arena`: planned by lifetime. `fixed`: memory that outlives the program (weights, adapters).
enum class Home : uint8_t { arena, fixed };

struct Buffer {
  std::string name;
  int64_t bytes = 0;
  Home home = Home::arena;
  void* data = nullptr;     // fixed only
  int32_t first = INT32_MAX;  // first and last call that touches it
  int32_t last = -1;
  bool input = false;       // filled before the run: lives from the start
  bool output = false;      // read after the run: lives to the end
  int64_t offset = -1;      // arena only, after plan()
};

struct CallTime {
  std::string name;  // kernel and shapes
  double milliseconds;
};

// What one call must do at least. `bytes`: every tensor crosses memory once, one that is added to twice.
struct CallCost {
  std::string name;  // kernel, shapes, transposes, window, += where it adds
  int64_t flops = 0;
  int64_t bytes = 0;
};

// Reads a call's arguments beside their declared names. A spec among them tells the reader what it means: Spec::tell().
class CostReader {
 public:
  CostReader(const char* kernel, const char* parameters) : parameters_(parameters) { cost_.name = kernel; }
  template <class A>
  void take(const A& argument) {
    const std::string name = next_name();
    if constexpr (std::is_same_v<A, Tensor>) tensor(argument);
    else if constexpr (std::is_class_v<A>) argument.tell(*this);
    else if constexpr (std::is_same_v<A, bool>)
      if (name.rfind("accumulate", 0) == 0) adds(sums_++, argument);
  }
  // Tensor number `index` of the call is read before it is written.
  void adds(size_t index, bool accumulate);
  void word(const std::string& text) { cost_.name += " " + text; }
  const CallCost& cost() const { return cost_; }

 private:
  std::string next_name();
  void tensor(const Tensor& tensor);

  CallCost cost_;
  const char* parameters_;
  std::vector<int64_t> bytes_;
  size_t sums_ = 0;
};

// The flat list of kernel calls that one training step (or one evaluation) of one shape is.
// Built once by tracing, planned once, run many times: running allocates nothing and decides nothing.
class Program {
 public:
  explicit Program(DeviceKind device = DeviceKind::cpu) : device_(device) {}
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  DeviceKind device() const { return device_; }

  Tensor tensor(Shape shape, DType dtype, std::string name = {});
  Tensor input(Shape shape, DType dtype, std::string name);
  // Marks a tensor as read after the run, so that its memory is not reused.
  void keep(const Tensor& tensor);
  // Memory that outlives the program. The same pointer twice is the same buffer.
  Tensor fixed(const Tensor& memory, std::string name = {});

  // Appends one call. K is a kernel of ops/kernels.h; args are its parameters after the stream.
  template <class K, class... Args>
  void call(Args&&... args) {
    constexpr auto cpu = K::cpu;
    constexpr auto cuda = K::cuda;
    auto fn = device_ == DeviceKind::cpu ? cpu : cuda;
    if (fn == nullptr) throw_no_twin(K::name);
    if constexpr (!K::strided) (refuse_strided(K::name, args), ...);
    push(K::name, K::parameters, fn, std::forward<Args>(args)...);
  }

  // Gives every arena buffer its offset (best fit over lifetimes, largest first). Returns the arena's bytes.
  int64_t plan();
  int64_t arena_bytes() const { return arena_bytes_; }
  // Fills every tensor of every call with its address. The arena must hold arena_bytes(), aligned to 64.
  void bind(void* arena);
  void run(Stream& stream) const;
  // The same, timing every call on its own: where a step's time goes.
  std::vector<CallTime> profile(Device& device) const;
  // The address of a tensor of this program after bind().
  Tensor bound(const Tensor& tensor) const;

  // Call number `index` alone, and what each call costs at least: for measurements.
  void run_call(size_t index, Stream& stream) const { calls_[index]->run(stream); }
  std::vector<CallCost> costs() const;

  // Floating-point operations of the matrix products in the next call, counted by the kernels' callers.
  void add_flops(int64_t flops) { next_flops_ += flops; }
  int64_t flops() const;
  size_t calls() const { return calls_.size(); }
  const std::vector<Buffer>& buffers() const { return buffers_; }
  // One call a line: name, shapes, arena offsets.
  std::string describe() const;

 private:
  struct Call {
    const char* name = "";
    const char* parameters = "";  // as kernels.inc declares them
    int64_t flops = 0;
    virtual ~Call() = default;
    virtual void run(Stream&) const = 0;
    virtual void each_tensor(void (*visit)(void*, Tensor&), void* context) = 0;
    virtual CallCost cost() const = 0;
    std::string with_shapes();
  };
  template <class... P>
  struct BoundCall final : Call {
    void (*fn)(Stream&, P...);
    std::tuple<std::decay_t<P>...> args;
    void run(Stream& stream) const override {
      std::apply([&](const auto&... a) { fn(stream, a...); }, args);
    }
    CallCost cost() const override {
      CostReader reader(name, parameters);
      std::apply([&](const auto&... a) { (reader.take(a), ...); }, args);
      CallCost out = reader.cost();
      out.flops = flops;
      return out;
    }
    void each_tensor(void (*visit)(void*, Tensor&), void* context) override {
      std::apply(
          [&](auto&... a) {
            (
                [&] {
                  if constexpr (std::is_same_v<std::decay_t<decltype(a)>, Tensor>) visit(context, a);
                }(),
                ...);
          },
          args);
    }
  };
  template <class... P, class... Args>
  void push(const char* name, const char* parameters, void (*fn)(Stream&, P...), Args&&... args) {
    static_assert(sizeof...(P) == sizeof...(Args), "a kernel call has another number of arguments than the kernel");
    auto call = std::make_unique<BoundCall<P...>>();
    call->name = name;
    call->parameters = parameters;
    call->flops = std::exchange(next_flops_, 0);
    call->fn = fn;
    call->args = std::tuple<std::decay_t<P>...>(std::forward<Args>(args)...);
    append(std::move(call));
  }
  void append(std::unique_ptr<Call> call);
  // Waits for the call; an error then names it.
  static void settle(Call& call, Device& device);
  [[noreturn]] static void throw_no_twin(const char* name);
  template <class A>
  static void refuse_strided(const char* name, const A& arg) {
    if constexpr (std::is_same_v<A, Tensor>)
      if (arg.given() && !arg.contiguous()) throw_shape(std::string(name) + ": takes no view by columns, got " + arg.shape.text());
  }

  DeviceKind device_;
  std::vector<Buffer> buffers_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::unordered_map<void*, int32_t> fixed_;  // address -> buffer
  char* arena_ = nullptr;
  int64_t arena_bytes_ = 0;
  int64_t next_flops_ = 0;
};

}  // namespace ace
