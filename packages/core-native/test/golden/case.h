// What a golden case is made of: its file, the marks, the account of every tensor, and the model beside it.
// A kind of case is one file NAME_case.cpp that registers a function for a prefix of file names:
//
//   const CaseKind kind("decoder_", [](Case& c) { c.compare("out.velocity", ...); });
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/decoder.h"
#include "tensor/json.h"
#include "tensor/safetensors.h"
#include "values.h"

namespace ace::golden {

// The float32 marks of the golden README, stricter where the project asks for it.
constexpr double kMark = 1e-5;         // activations, outputs, losses: max |a - b| / max |b|
constexpr double kGradientMark = 1e-4; // one gradient tensor, likewise
constexpr double kGradientsMark = 1e-5;  // all gradients of a file: relative L2
constexpr double kStepMark = 2e-4;       // all adapter tensors after so many updates: relative L2
// Of a single tensor that is judged with its file alone: one entry near a zero gradient may move by 2 lr.
constexpr double kNoMark = 1e300;
// The bf16 marks of the golden README, for what a decoder with bf16 activations computes: losses, and everything else by
// its relative L2 error, because a single number may be off by several roundings of its tensor's largest one.
constexpr double kRoughLossMark = 1e-2;
constexpr double kRoughMark = 5e-2;

// A checkpoint folder, loaded once for all cases beside it. Everything it hands out is noted as consumed.
class Model {
 public:
  Model(const std::string& folder, Device& device, DType dtype);

  const ModelConfig& config() const { return config_; }
  Device& device() const { return device_; }
  // What the decoder computes in; everything else runs in float32.
  DType dtype() const { return dtype_; }
  // The frozen decoder.
  const Decoder& decoder();
  Tensor null_condition();  // [E]
  // silence_latent.safetensors as [frames, channels].
  const Values& silence();
  // Weights under `prefix`, for a network of one's own.
  std::unique_ptr<Weights> weights(const std::string& prefix);

  const std::string& folder() const { return folder_; }
  std::set<std::string>& fetched() { return fetched_; }

 private:
  std::string folder_;
  ModelConfig config_;
  Device& device_;
  DType dtype_;
  std::set<std::string> fetched_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Weights> root_;
  Tensor null_condition_;
  Values silence_;
};

class Case {
 public:
  // `model` may be null: the file stands beside no checkpoint.
  Case(std::string name, const std::string& path, Model* model, Device& device);

  const std::string& name() const { return name_; }
  Device& device() { return device_; }
  // Errors: ERR_FILE where there is none.
  Model& model();

  // A value of the file's __metadata__; nested ones are JSON. Errors: ERR_FILE when the key is missing.
  const std::string& metadata(const std::string& key) const;
  Json metadata_json(const std::string& key) const;

  // Names in the file that begin with `prefix`.
  std::vector<std::string> names(const std::string& prefix = "") const;
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  // Errors: ERR_FILE where there is no such tensor.
  Shape shape(const std::string& name) const;
  // The tensor as an input: noted as consumed.
  const Values& input(const std::string& name);
  // Notes the tensor as compared: max |ours - theirs| / max |theirs| must be below the mark.
  void compare(const std::string& name, const Values& ours, double mark = kMark);
  // Every number must be equal.
  void compare_exact(const std::string& name, const Values& ours);
  // Tensors judged together: their relative L2 error must be below `mark`, each one's worst error below `tensor_mark`.
  void compare_all(const std::string& label, const std::map<std::string, Values>& ours, double mark, double tensor_mark);
  // What follows comes from the decoder: the bf16 marks hold if that is what it computes in.
  void from_decoder() { rough_ = model().dtype() == DType::bf16; }
  // Something else that went wrong.
  void problem(const std::string& what) { problems_.push_back(what); }
  // A file beside this one, in the same folder, whose account is its own case's.
  Values beside(const std::string& file, const std::string& name) const;

  // After the run: unaccounted tensors become problems.
  void finish();
  bool passed() const { return problems_.empty(); }

  struct Error {
    double value, mark;
  };
  const std::map<std::string, Error>& errors() const { return errors_; }
  const std::vector<std::string>& problems() const { return problems_; }
  size_t consumed() const { return consumed_.size(); }
  size_t compared() const { return compared_.size(); }

 private:
  Values fetch(const std::string& name) const;
  void judge(const std::string& label, double error, double mark);

  std::string name_, folder_;
  bool rough_ = false;
  Safetensors file_;
  Model* model_;
  Device& device_;
  std::map<std::string, Values> consumed_;
  std::set<std::string> compared_;
  std::map<std::string, Error> errors_;
  std::vector<std::string> problems_;
};

struct CaseKind {
  using Run = void (*)(Case&);
  // `prefix` of the file's name without extension; "loss" also takes "loss_other".
  CaseKind(const char* prefix, Run run);
  // The kind whose prefix is the longest that fits, or null.
  static Run find(const std::string& stem);
};

// A program with memory and inputs. An input's memory serves others after its last use, so all are written before each run.
class Runner {
 public:
  Runner(Program& program, Device& device);
  void set(const Tensor& input, const Values& values) { inputs_[{input.buffer, input.byte_offset}] = {input, values}; }
  // The same number everywhere.
  void set_all(const Tensor& input, double number);
  void run();
  Values get(const Tensor& tensor) const { return read(device_, program_.bound(tensor)); }

 private:
  Program& program_;
  Device& device_;
  Storage arena_;
  std::map<std::pair<int32_t, int64_t>, std::pair<Tensor, Values>> inputs_;  // by buffer and offset
};

}  // namespace ace::golden
