#include "adapter/config.h"

#include <algorithm>

namespace ace {

std::pair<int64_t, int64_t> factorise(int64_t n, int64_t factor) {
  if (factor > 0 && n % factor == 0) return std::minmax(factor, n / factor);
  const int64_t limit = factor < 0 ? n : factor;
  int64_t m = 1, k = n;
  while (m < k) {
    int64_t next = m + 1;
    while (next < n && n % next != 0) ++next;
    if (next + n / next > m + k || next > limit) break;
    m = next;
    k = n / next;
  }
  return std::minmax(m, k);
}

namespace {
bool matches(const char* pattern, const char* text) {
  for (; *pattern != '\0'; ++pattern, ++text) {
    if (*pattern == '*') {
      for (const char* rest = text;; ++rest) {
        if (matches(pattern + 1, rest)) return true;
        if (*rest == '\0') return false;
      }
    }
    if (*text == '\0' || (*pattern != '?' && *pattern != *text)) return false;
  }
  return *text == '\0';
}
}  // namespace

bool names_module(const std::string& pattern, const std::string& path) {
  if (pattern.empty() || pattern.size() > 512) return false;
  for (size_t at = 0; at != std::string::npos && at < path.size();) {
    if (matches(pattern.c_str(), path.c_str() + at)) return true;
    const size_t dot = path.find('.', at);
    at = dot == std::string::npos ? dot : dot + 1;
  }
  return false;
}

}  // namespace ace
