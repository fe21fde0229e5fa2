#include "tensor/safetensors.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/json.h"

namespace ace {

namespace {

constexpr int64_t kMaxHeaderBytes = 100'000'000;  // what the format's authors allow

bool dtype_of(const std::string& name, DType& dtype) {
  static const std::map<std::string, DType> known = {{"F32", DType::f32}, {"F64", DType::f64}, {"BF16", DType::bf16},
                                                     {"F16", DType::f16}, {"I32", DType::i32}, {"I64", DType::i64},
                                                     {"U8", DType::u8},   {"BOOL", DType::u8}};
  auto found = known.find(name);
  if (found == known.end()) return false;
  dtype = found->second;
  return true;
}

// A non-negative whole number that a double holds exactly.
bool whole(const Json& json, int64_t& out) {
  if (!json.is(Json::Kind::number) || json.number() < 0 || json.number() > 9007199254740992.0 ||
      json.number() != std::floor(json.number()))
    return false;
  out = static_cast<int64_t>(json.number());
  return true;
}

}  // namespace

void Safetensors::fail(const std::string& what) const { throw Error(ErrorCode::file, path() + ": " + what); }

Safetensors::Safetensors(const std::string& path) : file_(path) {
  const int64_t size = file_.size();
  if (size < 8) fail("is no safetensors file: it has " + std::to_string(size) + " bytes");
  unsigned char length_bytes[8];
  file_.read(length_bytes, 8, 0, "the header length");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | length_bytes[i];
  if (length > static_cast<uint64_t>(kMaxHeaderBytes) || static_cast<int64_t>(length) > size - 8)
    fail("is no safetensors file: its header claims " + std::to_string(length) + " bytes, the file has " + std::to_string(size));
  std::string text(static_cast<size_t>(length), '\0');
  file_.read(text.data(), static_cast<int64_t>(length), 8, "the header");
  const Json header = Json::parse(text, path + " (header)");
  if (!header.is(Json::Kind::object)) fail("its header is not a JSON object");
  const int64_t data = 8 + static_cast<int64_t>(length);
  std::vector<std::pair<int64_t, int64_t>> spans;
  for (const auto& [name, value] : header.members()) {
    const std::string shown = "tensor \"" + name.substr(0, 200) + "\"";
    if (name == "__metadata__") {
      if (!value.is(Json::Kind::object)) fail("__metadata__ is not an object of strings");
      for (const auto& [key, text_value] : value.members()) {
        if (!text_value.is(Json::Kind::string)) fail("__metadata__ \"" + key.substr(0, 100) + "\" is not a string");
        metadata_[key] = text_value.string();
      }
      continue;
    }
    const Json *dtype = value.find("dtype"), *shape = value.find("shape"), *offsets = value.find("data_offsets");
    if (dtype == nullptr || !dtype->is(Json::Kind::string) || shape == nullptr || !shape->is(Json::Kind::array) ||
        offsets == nullptr || !offsets->is(Json::Kind::array) || offsets->items().size() != 2)
      fail(shown + " lacks dtype, shape or data_offsets");
    Entry entry{};
    if (!dtype_of(dtype->string(), entry.dtype)) fail(shown + " has dtype " + dtype->string().substr(0, 20) + ", which is not supported here");
    if (shape->items().size() > static_cast<size_t>(Shape::kMaxRank)) fail(shown + " has more than 5 axes");
    int64_t bytes = static_cast<int64_t>(size_of(entry.dtype));
    for (const Json& axis : shape->items()) {
      int64_t dim = 0;
      if (!whole(axis, dim)) fail(shown + ": its shape is not a list of whole numbers");
      if (dim != 0 && bytes > size / dim) fail(shown + ": its shape needs more bytes than the file has");
      bytes *= dim;
      entry.shape.push(dim);
    }
    int64_t from = 0, to = 0;
    if (!whole(offsets->items()[0], from) || !whole(offsets->items()[1], to) || from > to || to > size - data)
      fail(shown + ": its data_offsets lie outside the file");
    if (to - from != bytes)
      fail(shown + ": " + std::to_string(to - from) + " bytes do not fit " + std::string(ace::name(entry.dtype)) + " " + entry.shape.text());
    entry.offset = data + from;
    entry.bytes = bytes;
    if (bytes > 0) spans.emplace_back(from, to);
    entries_.emplace(name, entry);
  }
  std::sort(spans.begin(), spans.end());
  for (size_t i = 1; i < spans.size(); ++i)
    if (spans[i].first < spans[i - 1].second) fail("two tensors overlap at byte " + std::to_string(data + spans[i].first));
}

const Safetensors::Entry* Safetensors::find(const std::string& name) const {
  auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

void Safetensors::read(const std::string& name, const Entry& entry, void* out) const {
  file_.read(out, entry.bytes, entry.offset, "tensor \"" + name + "\"");
}

}  // namespace ace
