#include "case.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ace::golden {

namespace {

std::vector<std::pair<std::string, CaseKind::Run>>& kinds() {
  static std::vector<std::pair<std::string, CaseKind::Run>> all;
  return all;
}

// The checkpoint's own reader, noting what is asked of it.
class NotingWeights final : public CheckpointWeights {
 public:
  NotingWeights(Device& device, const std::string& folder, std::string prefix, std::set<std::string>& fetched)
      : CheckpointWeights(device, folder, prefix), prefix_(std::move(prefix)), fetched_(fetched) {}

 protected:
  Storage fetch(const std::string& name, const Shape& shape) override {
    fetched_.insert(prefix_ + name);
    return CheckpointWeights::fetch(name, shape);
  }

 private:
  std::string prefix_;
  std::set<std::string>& fetched_;
};

Storage storage_of(const Safetensors& file, const std::string& name) {
  const Safetensors::Entry* entry = file.find(name);
  if (entry == nullptr) throw ace::Error(ErrorCode::file, file.path() + ": tensor \"" + name + "\" is missing");
  Storage out(entry->shape, entry->dtype, name);
  file.read(name, *entry, out.data());
  return out;
}

}  // namespace

Model::Model(const std::string& folder, Device& device, DType dtype)
    : folder_(folder), config_(ModelConfig::load(folder)), device_(device), dtype_(dtype) {}

std::unique_ptr<Weights> Model::weights(const std::string& prefix) {
  return std::make_unique<NotingWeights>(device_, folder_, prefix, fetched_);
}

const Decoder& Model::decoder() {
  if (decoder_ == nullptr) decoder_ = std::make_unique<Decoder>(config_, weights("decoder."), dtype_);
  return *decoder_;
}

Tensor Model::null_condition() {
  if (root_ == nullptr) {
    root_ = weights("");
    const int64_t width = config_.encoder_hidden_size;
    null_condition_ = root_->converted("null_condition_emb", {1, 1, width}, dtype_).reshaped({width});
  }
  return null_condition_;
}

const Values& Model::silence() {
  if (silence_.numbers.empty()) {
    const Safetensors file(folder_ + "/silence_latent.safetensors");
    const Values stored = read(storage_of(file, "silence_latent").tensor());  // [1, channels, frames]
    const int64_t channels = stored.shape[1], frames = stored.shape[2];
    silence_.shape = {frames, channels};
    for (int64_t f = 0; f < frames; ++f)
      for (int64_t c = 0; c < channels; ++c) silence_.numbers.push_back(stored.numbers[static_cast<size_t>(c * frames + f)]);
    fetched_.insert("silence_latent");
  }
  return silence_;
}

Case::Case(std::string name, const std::string& path, Model* model, Device& device)
    : name_(std::move(name)), folder_(path.substr(0, path.rfind('/'))), file_(path), model_(model), device_(device) {}

Model& Case::model() {
  if (model_ == nullptr) throw ace::Error(ErrorCode::file, file_.path() + ": there is no model folder beside it");
  return *model_;
}

const std::string& Case::metadata(const std::string& key) const {
  auto found = file_.metadata().find(key);
  if (found == file_.metadata().end()) throw ace::Error(ErrorCode::file, file_.path() + ": __metadata__ has no \"" + key + "\"");
  return found->second;
}

Json Case::metadata_json(const std::string& key) const { return Json::parse(metadata(key), file_.path() + ": " + key); }

std::vector<std::string> Case::names(const std::string& prefix) const {
  std::vector<std::string> out;
  for (const auto& item : file_.entries())
    if (item.first.compare(0, prefix.size(), prefix) == 0) out.push_back(item.first);
  return out;
}

Shape Case::shape(const std::string& name) const {
  const Safetensors::Entry* entry = file_.find(name);
  if (entry == nullptr) throw ace::Error(ErrorCode::file, file_.path() + ": tensor \"" + name + "\" is missing");
  return entry->shape;
}

Values Case::fetch(const std::string& name) const { return read(storage_of(file_, name).tensor()); }

const Values& Case::input(const std::string& name) {
  auto known = consumed_.find(name);
  if (known == consumed_.end()) known = consumed_.emplace(name, fetch(name)).first;
  return known->second;
}

Values Case::beside(const std::string& file, const std::string& name) const {
  return read(storage_of(Safetensors(folder_ + "/" + file), name).tensor());
}

void Case::judge(const std::string& label, double error, double mark) {
  errors_[label] = {error, mark};
  if (error < mark) return;
  char text[64];
  std::snprintf(text, sizeof text, ": error %.3g, mark %.3g", error, mark);
  problem(label + text);
}

void Case::compare(const std::string& name, const Values& ours, double mark) {
  compared_.insert(name);
  try {
    const Values theirs = fetch(name);
    const bool loss = name.rfind("loss", 0) == 0;
    if (!rough_ || mark == kNoMark || loss) return judge(name, worst_error(ours, theirs), rough_ && loss ? kRoughLossMark : mark);
    SquareSums sums;
    sums.add(ours, theirs);
    judge(name, sums.relative(), kRoughMark);
  } catch (const ace::Error& error) {
    problem(name + ": " + error.what());
  }
}

void Case::compare_exact(const std::string& name, const Values& ours) {
  compared_.insert(name);
  const Values theirs = fetch(name);
  int64_t differing = ours.shape == theirs.shape ? 0 : theirs.shape.elements();
  if (differing == 0)
    for (size_t i = 0; i < theirs.numbers.size(); ++i) differing += ours.numbers[i] == theirs.numbers[i] ? 0 : 1;
  judge(name, static_cast<double>(differing), 1);
}

void Case::compare_all(const std::string& label, const std::map<std::string, Values>& ours, double mark, double tensor_mark) {
  SquareSums sums;
  for (const auto& [name, values] : ours) {
    compare(name, values, rough_ ? kNoMark : tensor_mark);
    try {
      sums.add(values, fetch(name));
    } catch (const ace::Error&) {
      sums.difference = INFINITY;  // compare has told why
    }
  }
  judge(label, sums.relative(), rough_ ? kRoughMark : mark);
}

void Case::finish() {
  for (const auto& item : file_.entries())
    if (consumed_.count(item.first) == 0 && compared_.count(item.first) == 0) problem(item.first + ": neither consumed nor compared");
}

CaseKind::CaseKind(const char* prefix, Run run) { kinds().emplace_back(prefix, run); }

CaseKind::Run CaseKind::find(const std::string& stem) {
  const std::pair<std::string, Run>* best = nullptr;
  for (const auto& kind : kinds())
    if (stem.compare(0, kind.first.size(), kind.first) == 0 && (best == nullptr || kind.first.size() > best->first.size())) best = &kind;
  return best == nullptr ? nullptr : best->second;
}

Runner::Runner(Program& program, Device& device) : program_(program), device_(device) {
  arena_ = Storage(device, {std::max<int64_t>(1, program.plan())}, DType::u8, "golden case");
  program.bind(arena_.data());
}

void Runner::set_all(const Tensor& input, double number) {
  set(input, {input.shape, std::vector<double>(static_cast<size_t>(input.elements()), number)});
}

void Runner::run() {
  for (const auto& [buffer, input] : inputs_) write(device_, program_.bound(input.first), input.second);
  program_.run(device_.stream());
}

}  // namespace ace::golden
