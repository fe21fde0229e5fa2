#include "model/weights.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "ops/philox.h"
#include "tensor/json.h"

namespace ace {

Tensor Weights::adopt(Storage storage) {
  bytes_ += storage.bytes();
  kept_.push_back(std::move(storage));
  return kept_.back().tensor();
}

Tensor Weights::place(Storage host, DType dtype) {
  const bool on_host = device_.kind() == DeviceKind::cpu;
  if (on_host && host.tensor().dtype == dtype) return adopt(std::move(host));
  Storage as = host.tensor().dtype == dtype ? std::move(host) : ace::converted(host.tensor(), dtype);
  if (on_host) return adopt(std::move(as));
  Storage out(device_, as.tensor().shape, dtype, "weights", false);
  upload(device_, out.tensor(), as.tensor());
  return adopt(std::move(out));
}

Tensor Weights::matrix(const std::string& name, Shape shape) {
  const DType dtype = matrix_dtype_.value_or(check(name, shape));
  if (device_.planning()) return adopt(Storage(device_, shape, dtype, name, false));
  return place(fetch(name, shape), dtype);
}

Weights::Stack Weights::stacked(const std::vector<std::pair<std::string, Shape>>& named) {
  Stack out;
  Shape whole = named.at(0).second;
  whole.at(0) = 0;
  const DType dtype = matrix_dtype_.value_or(check(named[0].first, named[0].second));
  bool alike = true;
  for (const auto& [name, shape] : named) {
    alike = alike && matrix_dtype_.value_or(check(name, shape)) == dtype;
    whole.at(0) += shape[0];
  }
  if (!alike) {
    for (const auto& [name, shape] : named) out.parts.push_back(matrix(name, shape));
    return out;
  }
  out.all = adopt(Storage(device_, whole, dtype, named[0].first, false));
  int64_t row = 0;
  for (const auto& [name, shape] : named) {
    out.parts.push_back(out.all.slice(row, shape[0]));
    row += shape[0];
    if (device_.planning()) continue;
    const Storage host = fetch(name, shape);
    if (host.tensor().dtype == dtype) upload(device_, out.parts.back(), host.tensor());
    else upload(device_, out.parts.back(), ace::converted(host.tensor(), dtype).tensor());
  }
  return out;
}

Tensor Weights::converted(const std::string& name, Shape shape, DType dtype) {
  (void)check(name, shape);
  if (device_.planning()) return adopt(Storage(device_, shape, dtype, name, false));
  return place(fetch(name, shape), dtype);
}

Tensor Weights::permuted(const std::string& name, Shape shape, const std::array<int, 3>& axes, Shape as) {
  const DType dtype = matrix_dtype_.value_or(check(name, shape));
  if (device_.planning()) return adopt(Storage(device_, as, dtype, name, false));
  Storage raw = fetch(name, shape);
  Storage out(as, raw.tensor().dtype, name, false);
  const int64_t size = static_cast<int64_t>(size_of(raw.tensor().dtype));
  const int64_t stride[3] = {shape[1] * shape[2], shape[2], 1};
  const char* from = raw.tensor().as<char>();
  char* to = out.tensor().as<char>();
  for (int64_t i = 0; i < shape[axes[0]]; ++i)
    for (int64_t j = 0; j < shape[axes[1]]; ++j)
      for (int64_t k = 0; k < shape[axes[2]]; ++k, to += size)
        std::memcpy(to, from + (i * stride[axes[0]] + j * stride[axes[1]] + k * stride[axes[2]]) * size, static_cast<size_t>(size));
  return place(std::move(out), dtype);
}

Tensor Weights::repeated(const std::string& name, int64_t length, int64_t times, DType dtype) {
  (void)check(name, {length});
  if (device_.planning()) return adopt(Storage(device_, {times * length}, dtype, name, false));
  const Storage once = fetch(name, {length});
  Storage out({times * length}, dtype, name, false);
  for (int64_t i = 0; i < times * length; ++i) set_element(out.tensor(), i, element(once.tensor(), i % length));
  return place(std::move(out), dtype);
}

std::unique_ptr<Weights> with_activations(std::unique_ptr<Weights> weights, DType dtype) {
  weights->activations_are(dtype);
  return weights;
}

CheckpointWeights::CheckpointWeights(Device& device, const std::string& folder, std::string prefix, const std::string& stem)
    : Weights(device), folder_(folder), prefix_(std::move(prefix)) {
  auto add = [this](const std::string& path) {
    files_.push_back(std::make_unique<Safetensors>(path));
    for (const auto& entry : files_.back()->entries()) {
      if (!where_.emplace(entry.first, files_.back().get()).second)
        throw Error(ErrorCode::checkpoint, path + ": tensor \"" + entry.first + "\" stands in two shards");
    }
  };
  const std::string index_path = folder + "/" + stem + ".safetensors.index.json";
  const std::string single = folder + "/" + stem + ".safetensors";
  std::ifstream index(system_path(index_path), std::ios::binary);
  // The single file wins where both are there, as in ts/checkpoint.ts.
  if (!index || std::ifstream(system_path(single))) {
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

DType CheckpointWeights::check(const std::string& name, const Shape& shape) {
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
  return entry.dtype;
}

Storage CheckpointWeights::fetch(const std::string& name, const Shape& shape) {
  const std::string full = prefix_ + name;
  Safetensors& file = *where_.at(full);
  const Safetensors::Entry& entry = *file.find(full);
  Storage out(shape, entry.dtype, full, false);
  file.read(full, entry, out.data());
  return out;
}

Storage RandomWeights::fetch(const std::string& name, const Shape& shape) {
  const bool norm = shape.rank() == 1 && name.find("norm") != std::string::npos;
  const DType dtype = check(name, shape);
  Storage out(shape, dtype, name);
  uint64_t key = 1469598103934665603ull;  // FNV-1a of the name: every tensor draws its own numbers
  for (char c : name) key = (key ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  const double bound = norm ? 0.1 : 1.0 / std::sqrt(static_cast<double>(shape.last()));
  for (int64_t i = 0; i < shape.elements(); i += 4) {
    const Philox words = random_words(seed_, 0, key, static_cast<uint32_t>(Purpose::adapter_init), static_cast<uint64_t>(i));
    for (int64_t j = i; j < std::min(i + 4, shape.elements()); ++j) {
      const double value = (norm ? 1.0 : 0.0) + (2 * uniform01(words.word[j - i]) - 1) * bound;
      set_element(out.tensor(), j, value);
    }
  }
  return out;
}

}  // namespace ace
