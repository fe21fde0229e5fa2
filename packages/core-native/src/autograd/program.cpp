#include "autograd/program.h"

#include <algorithm>
#include <chrono>

namespace ace {

namespace {
constexpr int64_t kAlignment = 64;  // a cache line, and the widest vector load
int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
}  // namespace

// The declared name of the next argument: the last word before the comma.
std::string CostReader::next_name() {
  std::string word;
  for (; *parameters_ != '\0' && *parameters_ != ','; ++parameters_) {
    if (*parameters_ != ' ') word += *parameters_;
    else word.clear();
  }
  if (*parameters_ == ',') ++parameters_;
  return word;
}

void CostReader::tensor(const Tensor& tensor) {
  word(tensor.given() ? tensor.shape.text() : "-");
  bytes_.push_back(tensor.given() ? tensor.bytes() : 0);
  cost_.bytes += bytes_.back();
}

void CostReader::adds(size_t index, bool accumulate) {
  if (!accumulate || index >= bytes_.size()) return;
  cost_.bytes += bytes_[index];
  word("+=");
}

Tensor Program::tensor(Shape shape, DType dtype, std::string name) {
  Tensor out;
  out.dtype = dtype;
  out.shape = shape;
  out.buffer = static_cast<int32_t>(buffers_.size());
  Buffer buffer;
  buffer.name = std::move(name);
  buffer.bytes = out.bytes();
  buffers_.push_back(std::move(buffer));
  return out;
}

Tensor Program::input(Shape shape, DType dtype, std::string name) {
  Tensor out = tensor(shape, dtype, std::move(name));
  buffers_[out.buffer].input = true;
  return out;
}

void Program::keep(const Tensor& tensor) {
  if (tensor.buffer >= 0) buffers_[tensor.buffer].output = true;
}

Tensor Program::fixed(const Tensor& memory, std::string name) {
  if (memory.data == nullptr) throw Error(ErrorCode::internal, "fixed: the tensor has no memory: " + name);
  Tensor out = memory;
  out.byte_offset = 0;
  auto [known, fresh] = fixed_.try_emplace(memory.data, static_cast<int32_t>(buffers_.size()));
  if (!fresh) {
    Buffer& buffer = buffers_[known->second];
    buffer.bytes = std::max(buffer.bytes, memory.bytes());
    out.buffer = known->second;
    return out;
  }
  Buffer buffer;
  buffer.name = std::move(name);
  buffer.bytes = memory.bytes();
  buffer.home = Home::fixed;
  buffer.data = memory.data;
  out.buffer = static_cast<int32_t>(buffers_.size());
  buffers_.push_back(std::move(buffer));
  return out;
}

void Program::append(std::unique_ptr<Call> call) {
  struct Context {
    Program* program;
    int32_t index;
  } context{this, static_cast<int32_t>(calls_.size())};
  call->each_tensor(
      [](void* raw, Tensor& tensor) {
        auto* c = static_cast<Context*>(raw);
        if (tensor.buffer < 0) {
          if (tensor.data != nullptr) tensor = c->program->fixed(tensor);
          else return;
        }
        Buffer& buffer = c->program->buffers_[tensor.buffer];
        buffer.first = std::min(buffer.first, c->index);
        buffer.last = std::max(buffer.last, c->index);
      },
      &context);
  calls_.push_back(std::move(call));
}

int64_t Program::plan() {
  const int32_t end = static_cast<int32_t>(calls_.size());
  struct Item {
    int32_t buffer, first, last;
    int64_t bytes;
  };
  std::vector<Item> items;
  for (size_t i = 0; i < buffers_.size(); ++i) {
    Buffer& b = buffers_[i];
    if (b.home != Home::arena || b.bytes == 0) continue;
    if (b.last < 0 && !b.input && !b.output) continue;  // never touched
    items.push_back({static_cast<int32_t>(i), b.input ? -1 : std::min(b.first, end), b.output ? end : b.last,
                     aligned(b.bytes)});
  }
  // Large buffers first: small ones then fill the gaps. Ties by first use keep the plan the same on every machine.
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.first < b.first;
  });
  std::vector<const Item*> placed;  // sorted by offset
  std::vector<const Item*> rivals;
  arena_bytes_ = 0;
  for (const Item& item : items) {
    rivals.clear();
    for (const Item* other : placed)
      if (other->first <= item.last && item.first <= other->last) rivals.push_back(other);
    int64_t cursor = 0, best = -1, best_gap = INT64_MAX;
    for (const Item* other : rivals) {
      const int64_t from = buffers_[other->buffer].offset;
      const int64_t gap = from - cursor;
      if (gap >= item.bytes && gap < best_gap) {
        best = cursor;
        best_gap = gap;
      }
      cursor = std::max(cursor, from + other->bytes);
    }
    const int64_t offset = best >= 0 ? best : cursor;
    buffers_[item.buffer].offset = offset;
    arena_bytes_ = std::max(arena_bytes_, offset + item.bytes);
    auto place = std::lower_bound(placed.begin(), placed.end(), offset, [this](const Item* other, int64_t value) {
      return buffers_[other->buffer].offset < value;
    });
    placed.insert(place, &item);
  }
  return arena_bytes_;
}

Tensor Program::bound(const Tensor& tensor) const {
  Tensor out = tensor;
  if (tensor.buffer < 0) return out;
  const Buffer& buffer = buffers_[tensor.buffer];
  char* base = buffer.home == Home::fixed ? static_cast<char*>(buffer.data)
               : buffer.offset < 0        ? nullptr
                                          : arena_ + buffer.offset;
  out.data = base == nullptr ? nullptr : base + tensor.byte_offset;
  return out;
}

void Program::bind(void* arena) {
  arena_ = static_cast<char*>(arena);
  for (auto& call : calls_)
    call->each_tensor(
        [](void* self, Tensor& tensor) { tensor = static_cast<Program*>(self)->bound(tensor); }, this);
}

void Program::run(Stream& stream) const {
  for (const auto& call : calls_) {
    call->run(stream);
    if (stream.checked != nullptr) settle(*call, *stream.checked);
  }
}

void Program::settle(Call& call, Device& device) {
  try {
    device.synchronize();
  } catch (const Error& error) {
    throw Error(error.code(), call.with_shapes() + ": " + error.what());
  }
}

std::string Program::Call::with_shapes() {
  std::string out = name;
  each_tensor([](void* raw, Tensor& tensor) { *static_cast<std::string*>(raw) += tensor.given() ? " " + tensor.shape.text() : " -"; }, &out);
  return out;
}

std::vector<CallTime> Program::profile(Device& device) const {
  std::vector<CallTime> out;
  for (const auto& call : calls_) {
    const auto start = std::chrono::steady_clock::now();
    call->run(device.stream());
    device.synchronize();
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    out.push_back({call->with_shapes(), ms});
  }
  return out;
}

std::vector<CallCost> Program::costs() const {
  std::vector<CallCost> out;
  for (const auto& call : calls_) out.push_back(call->cost());
  return out;
}

int64_t Program::flops() const {
  int64_t sum = 0;
  for (const auto& call : calls_) sum += call->flops;
  return sum;
}

std::string Program::describe() const {
  std::string out = "arena " + std::to_string(arena_bytes_) + " bytes, " + std::to_string(calls_.size()) + " calls\n";
  for (const auto& call : calls_) {
    out += call->name;
    struct Context {
      const Program* program;
      std::string* out;
    } context{this, &out};
    call->each_tensor(
        [](void* raw, Tensor& tensor) {
          auto* c = static_cast<Context*>(raw);
          if (!tensor.given()) {
            *c->out += " -";
            return;
          }
          const Buffer& buffer = c->program->buffers_[tensor.buffer];
          *c->out += " " + (buffer.name.empty() ? "%" + std::to_string(tensor.buffer) : buffer.name);
          *c->out += tensor.shape.text();
          if (buffer.home == Home::arena) *c->out += "@" + std::to_string(buffer.offset + tensor.byte_offset);
        },
        &context);
    out += '\n';
  }
  return out;
}

void Program::throw_no_twin(const char* name) {
  throw Error(ErrorCode::device, std::string("operator ") + name + " has no CUDA twin yet; use --device cpu");
}

}  // namespace ace
