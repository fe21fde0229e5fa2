#include "run_options.h"

#include <charconv>
#include <cstdio>

namespace ace {

namespace {

template <class T>
T number(const std::string& flag, const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Error(ErrorCode::config, "core_bench: " + flag + ": expected a number, got \"" + text + "\"");
  return value;
}

}  // namespace

bool RunOptions::take(const std::vector<std::string>& words, size_t& i) {
  const std::string& flag = words[i];
  if (flag == "--mlp") return mlp = true;
  if (flag == "--xl") return xl = true;
  if (flag == "--packed") return packed = true;
  if (flag == "--tune") return tune = true;
  const auto text = [&]() -> const std::string& {
    if (i + 1 >= words.size()) throw Error(ErrorCode::config, "core_bench: " + flag + " needs a value");
    return words[++i];
  };
  if (flag == "--device") device = text();
  else if (flag == "--dtype") dtype = text();
  else if (flag == "--adapter") adapter = text();
  else if (flag == "--recompute") recompute = text();
  else if (flag == "--weights") weights = text();
  else if (flag == "--label") label = text();
  else if (flag == "--folder") folder = text();
  else if (flag == "--targets") targets.push_back(text());
  else if (flag == "--layers") layers = number<int64_t>(flag, text());
  else if (flag == "--condition") condition = number<int64_t>(flag, text());
  else if (flag == "--rank") rank = number<int64_t>(flag, text());
  else if (flag == "--batch") batch = number<int64_t>(flag, text());
  else if (flag == "--seconds") seconds = number<double>(flag, text());
  else if (flag == "--shortest") shortest = number<double>(flag, text());
  else if (flag == "--threads") threads = number<int>(flag, text());
  else if (flag == "--warmup") warmup = number<int>(flag, text());
  else if (flag == "--runs") runs = number<int>(flag, text());
  else if (flag == "--peak-tflops") peak_tflops = number<double>(flag, text());
  else if (flag == "--peak-tbps") peak_tbps = number<double>(flag, text());
  else return false;
  return true;
}

RunOptions parse_run(const std::vector<std::string>& words, RunOptions defaults) {
  RunOptions out = std::move(defaults);
  for (size_t i = 0; i < words.size(); ++i)
    if (!out.take(words, i)) throw Error(ErrorCode::config, "core_bench: unknown flag " + words[i]);
  if (out.layers < 1 || !(out.shortest > 0 && out.shortest <= 1) || out.runs < 1 || out.warmup < 0 || out.batch < 1 || out.condition < 1 || out.frames() < 2)
    throw Error(ErrorCode::config, "core_bench: layers, runs, batch and condition must be at least 1, seconds at least 0.08, shortest above 0 and at most 1");
  return out;
}

ModelConfig RunOptions::model() const {
  ModelConfig c;
  c.hidden_size = xl ? 2560 : 2048;
  c.intermediate_size = xl ? 9728 : 6144;
  c.num_hidden_layers = layers;
  c.num_attention_heads = xl ? 32 : 16;
  c.num_key_value_heads = 8;
  c.head_dim = 128;
  c.encoder_hidden_size = 2048;
  c.encoder_intermediate_size = 6144;
  c.sliding_window = 128;
  for (int64_t i = 0; i < layers; ++i) c.sliding.push_back(i % 2 == 0);
  return c;
}

AdapterConfig RunOptions::adapter_config() const {
  AdapterConfig c;
  if (adapter == "lora") c.kind = AdapterKind::lora;
  else if (adapter == "dora") c.kind = AdapterKind::dora;
  else if (adapter == "lokr") c.kind = AdapterKind::lokr;
  else if (adapter == "loha") c.kind = AdapterKind::loha;
  else throw Error(ErrorCode::config, "core_bench: --adapter: expected lora, dora, lokr or loha, got " + adapter);
  c.rank = rank;
  c.alpha = static_cast<double>(rank);
  c.target_modules = targets;
  if (!targets.empty()) return c;
  c.target_modules = {"q_proj", "k_proj", "v_proj", "o_proj"};
  if (mlp) c.target_modules.insert(c.target_modules.end(), {"gate_proj", "up_proj", "down_proj"});
  return c;
}

SessionConfig RunOptions::session() const {
  SessionConfig c;
  c.bucket_tokens = 1;
  c.bucket_condition = 1;
  c.recompute = recompute_named(recompute);
  c.packed = packed;
  return c;
}

DType RunOptions::activations() const {
  if (dtype.empty()) return device == "cuda" ? DType::bf16 : DType::f32;
  if (dtype == "bf16") return DType::bf16;
  if (dtype == "f32") return DType::f32;
  throw Error(ErrorCode::config, "core_bench: --dtype: expected bf16 or f32, got " + dtype);
}

std::string RunOptions::json() const {
  char text[512];
  std::snprintf(text, sizeof text,
                "\"device\":%s,\"dtype\":\"%s\",\"model\":\"%s\",\"layers\":%lld,\"seconds\":%g,\"tokens\":%lld,\"condition\":%lld,"
                "\"batch\":%lld,\"adapter\":%s,\"rank\":%lld,\"mlp\":%s,\"recompute\":%s,\"shortest\":%g,\"packed\":%s,\"label\":%s",
                json_text(device).c_str(), name(activations()), xl ? "xl" : "2b", static_cast<long long>(layers), seconds,
                static_cast<long long>(tokens()), static_cast<long long>(condition), static_cast<long long>(batch),
                json_text(adapter).c_str(), static_cast<long long>(rank), mlp ? "true" : "false", json_text(recompute).c_str(), shortest,
                packed ? "true" : "false", json_text(label).c_str());
  return text;
}

bool RunOptions::same_decoder(const RunOptions& other) const {
  return device == other.device && activations() == other.activations() && weights == other.weights && layers == other.layers &&
         xl == other.xl && tune == other.tune && threads == other.threads && folder == other.folder;
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace ace
