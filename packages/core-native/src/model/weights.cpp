#include "model/weights.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "ops/philox.h"
#include "tensor/json.h"

namespace ace {

namespace {

double element(const Tensor& t, int64_t i) {
  switch (t.dtype) {
    case DType::f32: return t.as<float>()[i];
    case DType::f64: return t.as<double>()[i];
    case DType::bf16: return to_float(t.as<bf16>()[i]);
    case DType::f16: return to_float(t.as<f16>()[i]);
    default: throw Error(ErrorCode::checkpoint, std::string("a weight has dtype ") + name(t.dtype) + "; expected F32, BF16, F16 or F64");
  }
}

}  // namespace

Tensor Weights::adopt(Storage storage) {
  bytes_ += storage.bytes();
  kept_.push_back(std::move(storage));
  return kept_.back().tensor();
}

Tensor Weights::matrix(const std::string& name, Shape shape) { return adopt(fetch(name, shape)); }

Tensor Weights::converted(const std::string& name, Shape shape, DType dtype) {
  Storage raw = fetch(name, shape);
  if (planning()) return adopt(Storage::placeholder(shape, dtype));
  if (raw.tensor().dtype == dtype) return adopt(std::move(raw));
  Storage out(shape, dtype, name);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    if (dtype == DType::f64) out.tensor().as<double>()[i] = element(raw.tensor(), i);
    else out.tensor().as<float>()[i] = static_cast<float>(element(raw.tensor(), i));
  }
  return adopt(std::move(out));
}

Tensor Weights::permuted(const std::string& name, Shape shape, const std::array<int, 3>& axes, Shape as) {
  Storage raw = fetch(name, shape);
  if (planning()) return adopt(Storage::placeholder(as, raw.tensor().dtype));
  Storage out(as, raw.tensor().dtype, name, false);
  const int64_t size = static_cast<int64_t>(size_of(raw.tensor().dtype));
  const int64_t stride[3] = {shape[1] * shape[2], shape[2], 1};
  const char* from = raw.tensor().as<char>();
  char* to = out.tensor().as<char>();
  for (int64_t i = 0; i < shape[axes[0]]; ++i)
    for (int64_t j = 0; j < shape[axes[1]]; ++j)
      for (int64_t k = 0; k < shape[axes[2]]; ++k, to += size)
        std::memcpy(to, from + (i * stride[axes[0]] + j * stride[axes[1]] + k * stride[axes[2]]) * size, static_cast<size_t>(size));
  return adopt(std::move(out));
}

CheckpointWeights::CheckpointWeights(const std::string& folder, std::string prefix, bool planning, const std::string& stem)
    : folder_(folder), prefix_(std::move(prefix)), planning_(planning) {
  auto add = [this](const std::string& path) {
    files_.push_back(std::make_unique<Safetensors>(path));
    for (const auto& entry : files_.back()->entries()) {
      if (!where_.emplace(entry.first, files_.back().get()).second)
        throw Error(ErrorCode::checkpoint, path + ": tensor \"" + entry.first + "\" stands in two shards");
    }
  };
  const std::string index_path = folder + "/" + stem + ".safetensors.index.json";
  const std::string single = folder + "/" + stem + ".safetensors";
  std::ifstream index(index_path, std::ios::binary);
  // The single file wins where both are there, as in ts/checkpoint.ts.
  if (!index || std::ifstream(single)) {
    add(single);
    return;
  }
  std::ostringstream text;
  text << index.rdbuf();
  const Json json = Json::parse(text.str(), index_path);
  const Json* map = json.find("weight_map");
  if (map == nullptr || !map->is(Json::Kind::object)) throw Error(ErrorCode::file, index_path + ": \"weight_map\" is missing");
  std::map<std::string, bool> shards;
  for (const auto& [name, shard] : map->members()) {
    if (!shard.is(Json::Kind::string)) throw Error(ErrorCode::file, index_path + ": the shard of \"" + name + "\" is not a file name");
    const std::string& file = shard.string();
    if (file.empty() || file.find('/') != std::string::npos || file.find('\\') != std::string::npos || file == "..")
      throw Error(ErrorCode::file, index_path + ": the shard name \"" + file.substr(0, 100) + "\" leaves the folder");
    if (shards.emplace(file, true).second) add(folder + "/" + file);
    if (where_.count(name) == 0) throw Error(ErrorCode::checkpoint, index_path + ": tensor \"" + name + "\" is not in " + file);
  }
}

Storage CheckpointWeights::fetch(const std::string& name, const Shape& shape) {
  const std::string full = prefix_ + name;
  auto found = where_.find(full);
  if (found == where_.end()) throw Error(ErrorCode::checkpoint, folder_ + ": tensor \"" + full + "\" is missing; expected " + shape.text());
  const Safetensors::Entry& entry = *found->second->find(full);
  if (!(entry.shape == shape))
    throw Error(ErrorCode::checkpoint, found->second->path() + ": tensor \"" + full + "\" is " + entry.shape.text() +
                                           ", config.json asks for " + shape.text());
  if (entry.dtype != DType::f32 && entry.dtype != DType::bf16 && entry.dtype != DType::f16 && entry.dtype != DType::f64)
    throw Error(ErrorCode::checkpoint, found->second->path() + ": tensor \"" + full + "\" has dtype " + ace::name(entry.dtype) +
                                           "; expected BF16, F16, F32 or F64");
  if (planning_) return Storage::placeholder(shape, entry.dtype);
  Storage out(shape, entry.dtype, full, false);
  found->second->read(full, entry, out.data());
  return out;
}

Storage RandomWeights::fetch(const std::string& name, const Shape& shape) {
  const bool norm = shape.rank() == 1 && name.find("norm") != std::string::npos;
  const DType dtype = shape.rank() >= 2 ? dtype_ : DType::f32;
  Storage out(shape, dtype, name);
  uint64_t key = 1469598103934665603ull;  // FNV-1a of the name: every tensor draws its own numbers
  for (char c : name) key = (key ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  const double bound = norm ? 0.1 : 1.0 / std::sqrt(static_cast<double>(shape.last()));
  for (int64_t i = 0; i < shape.elements(); i += 4) {
    const Philox words = random_words(seed_, 0, key, static_cast<uint32_t>(Purpose::adapter_init), static_cast<uint64_t>(i));
    for (int64_t j = i; j < std::min(i + 4, shape.elements()); ++j) {
      const double value = (norm ? 1.0 : 0.0) + (2 * uniform01(words.word[j - i]) - 1) * bound;
      if (dtype == DType::bf16) out.tensor().as<bf16>()[j] = to_bf16(static_cast<float>(value));
      else if (dtype == DType::f64) out.tensor().as<double>()[j] = value;
      else out.tensor().as<float>()[j] = static_cast<float>(value);
    }
  }
  return out;
}

}  // namespace ace
