// core_golden DIR [--device cpu|cuda] [--dtype f32|bf16] [--json] [--filter TEXT]...
//
// Runs every case under a folder laid out like the golden fixtures: NAME/model/ is a checkpoint, the .safetensors files
// beside it are its cases; a .safetensors file directly in DIR is a case without a model. Folders of networks that
// another program runs are named in "others". Exit code 0 if every case passed, 1 if one failed, 2 for a wrong argument.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "case.h"
#if ACE_WITH_CUDA
#include "ops/cuda/device.h"
#endif

namespace {

namespace fs = std::filesystem;
using namespace ace;
using golden::Case;
using golden::CaseKind;

struct Arguments {
  std::string folder, device = "cpu";
  std::vector<std::string> filters;  // a case is run if its name holds one of them; all cases if there is none
  DType dtype = DType::f32;
  bool json = false;
};

bool parse(int argc, char** argv, Arguments& out) {
  std::string dtype;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") out.json = true;
    else if (argument == "--filter" && i + 1 < argc) out.filters.push_back(argv[++i]);
    else if (argument == "--device" && i + 1 < argc) out.device = argv[++i];
    else if (argument == "--dtype" && i + 1 < argc) dtype = argv[++i];
    else if (argument.rfind("--", 0) == 0 || !out.folder.empty()) {
      std::fprintf(stderr, "core_golden: unexpected argument \"%s\"\n", argv[i]);
      return false;
    } else out.folder = argument;
  }
  if (out.device != "cpu" && out.device != "cuda") {
    std::fprintf(stderr, "core_golden: --device %s: expected cpu or cuda\n", out.device.c_str());
    return false;
  }
  if (dtype.empty()) dtype = out.device == "cuda" ? "bf16" : "f32";
  if (dtype != "f32" && !(dtype == "bf16" && out.device == "cuda")) {
    std::fprintf(stderr, "core_golden: --dtype %s: expected f32, or bf16 on cuda\n", dtype.c_str());
    return false;
  }
  out.dtype = dtype == "bf16" ? DType::bf16 : DType::f32;
  if (!out.folder.empty()) return true;
  std::fprintf(stderr, "usage: core_golden DIR [--device cpu|cuda] [--dtype f32|bf16] [--json] [--filter TEXT]...\n");
  return false;
}

struct Outcome {
  std::string name;
  std::vector<std::string> problems;
  std::map<std::string, Case::Error> errors;
  size_t consumed = 0, compared = 0;
};

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) out += ' ';
    else out += c;
  }
  return out + "\"";
}

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// The error that comes nearest to its mark, or passes it furthest.
struct Worst {
  std::string name, tensor;
  Case::Error error{0, 1};
  double share() const { return std::isfinite(error.value) ? error.value / error.mark : 1e300; }
  void see(const Outcome& outcome) {
    for (const auto& [tensor_name, seen] : outcome.errors) {
      Worst other{outcome.name, tensor_name, seen};
      if (name.empty() || other.share() > share()) *this = other;
    }
  }
};

void print_json(const std::vector<Outcome>& outcomes, const std::vector<std::string>& others) {
  std::string out = "{\"cases\": [";
  Worst worst;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& o = outcomes[i];
    worst.see(o);
    out += (i == 0 ? "\n" : ",\n") + std::string("{\"name\": ") + json_text(o.name) + ", \"passed\": " + (o.problems.empty() ? "true" : "false");
    out += ", \"errors\": {";
    bool first = true;
    for (const auto& [tensor, error] : o.errors) {
      out += (first ? "" : ", ") + json_text(tensor) + ": " + number(error.value);
      first = false;
    }
    out += "}, \"consumed\": " + std::to_string(o.consumed) + ", \"compared\": " + std::to_string(o.compared);
    if (!o.problems.empty()) {
      out += ", \"problems\": [";
      for (size_t p = 0; p < o.problems.size(); ++p) out += (p == 0 ? "" : ", ") + json_text(o.problems[p]);
      out += "]";
    }
    out += "}";
  }
  out += "],\n\"worst\": {\"case\": " + json_text(worst.name) + ", \"tensor\": " + json_text(worst.tensor) + ", \"error\": " +
         number(worst.error.value) + ", \"mark\": " + number(worst.error.mark) + "},\n\"others\": [";
  for (size_t i = 0; i < others.size(); ++i) out += (i == 0 ? "" : ", ") + json_text(others[i]);
  std::printf("%s]}\n", out.c_str());
}

void print_table(const std::vector<Outcome>& outcomes, const std::vector<std::string>& others) {
  for (const Outcome& o : outcomes) {
    Worst worst;
    worst.see(o);
    std::printf("%-6s %-36s %4zu in %5zu compared   worst %.2g of %.2g (%s)\n", o.problems.empty() ? "ok" : "FAILED",
                o.name.c_str(), o.consumed, o.compared, worst.error.value, worst.error.mark, worst.tensor.c_str());
    for (size_t p = 0; p < o.problems.size() && p < 8; ++p) std::printf("         %s\n", o.problems[p].c_str());
    if (o.problems.size() > 8) std::printf("         ... and %zu more\n", o.problems.size() - 8);
  }
  for (const std::string& other : others) std::printf("other  %s\n", other.c_str());
}

std::unique_ptr<Device> open(const std::string& name) {
  const int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 4u));
  if (name == "cpu") return std::make_unique<CpuDevice>(threads);
#if ACE_WITH_CUDA
  return cuda::open_device(0, threads);
#else
  throw Error(ErrorCode::device, "--device cuda: built without nvcc");
#endif
}

class Suite {
 public:
  Suite(const Arguments& arguments, Device& device) : arguments_(arguments), device_(device) {}

  void run_all() {
    std::vector<fs::path> folders, files;
    for (const auto& item : fs::directory_iterator(arguments_.folder))
      if (item.is_directory()) folders.push_back(item.path());
      else if (item.path().extension() == ".safetensors") files.push_back(item.path());
    std::sort(folders.begin(), folders.end());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) run_file(file, file.stem().string(), nullptr);
    for (const fs::path& folder : folders) {
      if (fs::exists(folder / "model" / "config.json")) run_model(folder);
      else if (fs::exists(folder / "config.json")) others.push_back(folder.filename().string());
    }
  }

  std::vector<Outcome> outcomes;
  std::vector<std::string> others;

 private:
  bool wanted(const std::string& name) const {
    const auto& filters = arguments_.filters;
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const std::string& text) { return name.find(text) != std::string::npos; });
  }

  void run_model(const fs::path& folder) {
    const std::string name = folder.filename().string();
    std::vector<fs::path> files;
    bool all = true;
    for (const auto& item : fs::directory_iterator(folder))
      if (item.path().extension() == ".safetensors") {
        if (wanted(name + "/" + item.path().stem().string())) files.push_back(item.path());
        else all = false;
      }
    if (files.empty()) return;
    std::sort(files.begin(), files.end());
    std::unique_ptr<golden::Model> model;
    try {
      model = std::make_unique<golden::Model>((folder / "model").string(), device_, arguments_.dtype);
    } catch (const std::exception& error) {
      outcomes.push_back({name + "/model", {error.what()}, {}, 0, 0});
      return;
    }
    for (const fs::path& file : files) run_file(file, name + "/" + file.stem().string(), model.get());
    // What the cases took of the checkpoint can be judged only when all of them ran.
    if (all) account(folder / "model", name + "/model", *model);
  }

  void run_file(const fs::path& path, const std::string& name, golden::Model* model) {
    if (!wanted(name)) return;
    Outcome outcome;
    outcome.name = name;
    try {
      Case c(name, path.string(), model, device_);
      const CaseKind::Run run = CaseKind::find(path.stem().string());
      if (run == nullptr) {
        c.problem("no kind of case is known for this file");
      } else {
        try {
          run(c);
        } catch (const std::exception& error) {
          c.problem(error.what());
        }
        c.finish();
      }
      outcome = {name, c.problems(), c.errors(), c.consumed(), c.compared()};
    } catch (const std::exception& error) {
      outcome.problems.push_back(error.what());
    }
    outcomes.push_back(std::move(outcome));
  }

  // Every tensor of the checkpoint must have been asked for by some network.
  void account(const fs::path& folder, const std::string& name, golden::Model& model) {
    Outcome outcome;
    outcome.name = name;
    for (const auto& item : fs::directory_iterator(folder)) {
      if (item.path().extension() != ".safetensors") continue;
      const Safetensors file(item.path().string());
      for (const auto& entry : file.entries())
        if (model.fetched().count(entry.first) != 0) ++outcome.consumed;
        else outcome.problems.push_back(entry.first + ": no network asked for it");
    }
    outcomes.push_back(std::move(outcome));
  }

  const Arguments& arguments_;
  Device& device_;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return 2;
  if (!fs::is_directory(arguments.folder)) {
    std::fprintf(stderr, "core_golden: %s is not a folder\n", arguments.folder.c_str());
    return 2;
  }
  std::unique_ptr<Device> device;
  try {
    device = open(arguments.device);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "core_golden: %s\n", error.what());
    return 2;
  }
  Suite suite(arguments, *device);
  suite.run_all();
  if (arguments.json) print_json(suite.outcomes, suite.others);
  else print_table(suite.outcomes, suite.others);
  if (suite.outcomes.empty()) std::fprintf(stderr, "core_golden: no case under %s\n", arguments.folder.c_str());
  const bool passed = !suite.outcomes.empty() && std::all_of(suite.outcomes.begin(), suite.outcomes.end(), [](const Outcome& o) { return o.problems.empty(); });
  return passed ? 0 : 1;
}
