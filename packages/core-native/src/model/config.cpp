#include "model/config.h"

#include <cmath>
#include <fstream>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/json.h"

namespace ace {

namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(system_path(path), std::ios::binary);
  if (!file) throw Error(ErrorCode::file, path + ": not found; expected a folder with config.json and model.safetensors");
  std::string text;
  char block[4096];
  while (file.read(block, sizeof block), file.gcount() > 0) {
    text.append(block, static_cast<size_t>(file.gcount()));
    if (text.size() > (1u << 20)) throw Error(ErrorCode::file, path + ": larger than 1 MiB, which no config.json is");
  }
  return text;
}

class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  int64_t whole(const char* key, int64_t low, int64_t high) const {
    const Json* value = json_.find(key);
    if (value == nullptr) refuse(key, "is missing");
    return check(key, *value, low, high);
  }
  int64_t whole_or(const char* key, int64_t low, int64_t high, int64_t otherwise) const {
    const Json* value = json_.find(key);
    return value == nullptr || value->is(Json::Kind::null) ? otherwise : check(key, *value, low, high);
  }
  double number_or(const char* key, double otherwise) const {
    const Json* value = json_.find(key);
    if (value == nullptr || value->is(Json::Kind::null)) return otherwise;
    if (!value->is(Json::Kind::number)) refuse(key, "is not a number");
    return value->number();
  }
  bool flag_or(const char* key, bool otherwise) const {
    const Json* value = json_.find(key);
    if (value == nullptr || value->is(Json::Kind::null)) return otherwise;
    if (!value->is(Json::Kind::boolean)) refuse(key, "is not true or false");
    return value->boolean();
  }
  std::string text_or(const char* key, const char* otherwise) const {
    const Json* value = json_.find(key);
    return value != nullptr && value->is(Json::Kind::string) ? value->string() : otherwise;
  }
  const Json* find(const char* key) const { return json_.find(key); }
  [[noreturn]] void refuse(const char* key, const std::string& what) const {
    throw Error(ErrorCode::checkpoint, where_ + ": \"" + key + "\" " + what);
  }

 private:
  int64_t check(const char* key, const Json& value, int64_t low, int64_t high) const {
    if (!value.is(Json::Kind::number) || value.number() != std::floor(value.number()) ||
        value.number() < static_cast<double>(low) || value.number() > static_cast<double>(high))
      refuse(key, "is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return static_cast<int64_t>(value.number());
  }
  const Json& json_;
  std::string where_;
};

}  // namespace

ModelConfig ModelConfig::load(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json json = Json::parse(read_text(path), path);
  if (!json.is(Json::Kind::object)) throw Error(ErrorCode::file, path + ": expected a JSON object");
  const Reader r(json, path);
  constexpr int64_t kWide = 1 << 16;
  ModelConfig c;
  c.hidden_size = r.whole("hidden_size", 2, kWide);
  c.intermediate_size = r.whole("intermediate_size", 1, 1 << 18);
  c.num_hidden_layers = r.whole("num_hidden_layers", 1, 512);
  c.num_attention_heads = r.whole("num_attention_heads", 1, 1024);
  c.num_key_value_heads = r.whole("num_key_value_heads", 1, c.num_attention_heads);
  c.head_dim = r.whole("head_dim", 2, 1024);
  if (c.num_attention_heads % c.num_key_value_heads != 0) r.refuse("num_key_value_heads", "does not divide num_attention_heads");
  if (c.head_dim % 2 != 0) r.refuse("head_dim", "is odd");
  c.is_xl = json.find("encoder_hidden_size") != nullptr && !json.find("encoder_hidden_size")->is(Json::Kind::null);
  c.encoder_hidden_size = r.whole_or("encoder_hidden_size", 2, kWide, c.hidden_size);
  c.encoder_intermediate_size = r.whole_or("encoder_intermediate_size", 1, 1 << 18, c.intermediate_size);
  c.encoder_num_attention_heads = r.whole_or("encoder_num_attention_heads", 1, 1024, c.num_attention_heads);
  c.encoder_num_key_value_heads = r.whole_or("encoder_num_key_value_heads", 1, 1024, c.num_key_value_heads);
  if (c.encoder_num_attention_heads % c.encoder_num_key_value_heads != 0)
    r.refuse("encoder_num_key_value_heads", "does not divide encoder_num_attention_heads");
  c.sliding_window = r.flag_or("use_sliding_window", true) ? r.whole_or("sliding_window", 0, 1 << 20, 128) : -1;
  c.in_channels = r.whole_or("in_channels", 1, 4096, 192);
  c.patch_size = r.whole_or("patch_size", 1, 16, 2);
  c.audio_acoustic_hidden_dim = r.whole_or("audio_acoustic_hidden_dim", 1, 1024, 64);
  if (c.in_channels != 3 * c.audio_acoustic_hidden_dim) r.refuse("in_channels", "is not three times audio_acoustic_hidden_dim");
  c.text_hidden_dim = r.whole_or("text_hidden_dim", 1, kWide, 1024);
  c.timbre_hidden_dim = r.whole_or("timbre_hidden_dim", 1, kWide, 64);
  c.timbre_fix_frame = r.whole_or("timbre_fix_frame", 1, 1 << 20, 750);
  c.num_lyric_encoder_hidden_layers = r.whole_or("num_lyric_encoder_hidden_layers", 0, 512, 8);
  c.num_timbre_encoder_hidden_layers = r.whole_or("num_timbre_encoder_hidden_layers", 0, 512, 4);
  c.num_attention_pooler_hidden_layers = r.whole_or("num_attention_pooler_hidden_layers", 0, 512, 2);
  c.pool_window_size = r.whole_or("pool_window_size", 1, 1024, 5);
  c.rms_norm_eps = r.number_or("rms_norm_eps", 1e-6);
  c.rope_theta = r.number_or("rope_theta", 1e6);
  c.timestep_mu = r.number_or("timestep_mu", -0.4);
  c.timestep_sigma = r.number_or("timestep_sigma", 1);
  c.is_turbo = r.flag_or("is_turbo", false);
  c.model_version = r.text_or("model_version", c.is_turbo ? "turbo" : "base");
  if (r.flag_or("attention_bias", false)) r.refuse("attention_bias", "is true, which no published checkpoint has");

  int64_t deepest = c.num_hidden_layers;
  for (int64_t n : {c.num_lyric_encoder_hidden_layers, c.num_timbre_encoder_hidden_layers, c.num_attention_pooler_hidden_layers})
    deepest = std::max(deepest, n);
  const Json* types = r.find("layer_types");
  for (int64_t i = 0; i < deepest; ++i) {
    bool sliding = i % 2 == 0;  // the pattern of every published checkpoint
    if (types != nullptr && types->is(Json::Kind::array) && i < static_cast<int64_t>(types->items().size())) {
      const Json& type = types->items()[static_cast<size_t>(i)];
      if (!type.is(Json::Kind::string) || (type.string() != "sliding_attention" && type.string() != "full_attention"))
        r.refuse("layer_types", "holds something else than sliding_attention and full_attention");
      sliding = type.string() == "sliding_attention";
    }
    c.sliding.push_back(sliding && c.sliding_window >= 0);
  }
  if (r.whole_or("fsq_input_num_quantizers", 1, 1024, 1) != 1)
    r.refuse("fsq_input_num_quantizers", "is not 1, the only number of stages any published checkpoint has");
  c.fsq_input_levels = {8, 8, 8, 5, 5, 5};
  if (const Json* levels = r.find("fsq_input_levels"); levels != nullptr && levels->is(Json::Kind::array)) {
    c.fsq_input_levels.clear();
    for (const Json& level : levels->items()) {
      if (!level.is(Json::Kind::number) || level.number() < 2 || level.number() > 256) r.refuse("fsq_input_levels", "holds a number outside 2 to 256");
      c.fsq_input_levels.push_back(static_cast<int64_t>(level.number()));
    }
    if (c.fsq_input_levels.empty() || c.fsq_input_levels.size() > 16) r.refuse("fsq_input_levels", "needs 1 to 16 levels");
  }
  return c;
}

}  // namespace ace
