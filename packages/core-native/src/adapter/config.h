#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ace {

// probe: no adapter but the measure of what each weight's own gradient would be.
enum class AdapterKind : uint8_t { lora, dora, lokr, loha, probe };

struct AdapterConfig {
  AdapterKind kind = AdapterKind::lora;
  int64_t rank = 64;
  double alpha = 64;
  std::vector<std::string> target_modules;
  std::vector<std::pair<std::string, int64_t>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;
  double dropout = 0;  // lora, dora
  bool rs_lora = false;
  int64_t factor = -1;  // lokr
  bool decompose_both = false;
  bool full_matrix = false;
  bool weight_decompose = false;  // lokr, loha
  double rank_dropout = 0;
  bool rank_dropout_scale = false;
};

// LyCORIS' split of a dimension into (m, k), m <= k, m k = n. factor > 0 that divides n: that factor; else the divisor
// pair found by walking m up while m + n / m does not grow and m <= factor (factor < 0: no limit).
std::pair<int64_t, int64_t> factorise(int64_t n, int64_t factor);

// True where `pattern` names `path`: the path itself, a suffix of whole parts ("q_proj", "cross_attn.q_proj"), or
// either with `*` and `?` wildcards.
bool names_module(const std::string& pattern, const std::string& path);

// The most specific (longest) pattern that names the path.
template <class V>
const V* best_match(const std::vector<std::pair<std::string, V>>& patterns, const std::string& path) {
  const std::pair<std::string, V>* best = nullptr;
  for (const auto& entry : patterns)
    if (names_module(entry.first, path) && (best == nullptr || entry.first.size() > best->first.size())) best = &entry;
  return best == nullptr ? nullptr : &best->second;
}

}  // namespace ace
