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
// A star takes as little as it can, and one character more each time the rest does not fit; only the last star met needs to,
// so the time is at most that of both lengths multiplied.
bool matches(const char* pattern, const char* text) {
  const char *star = nullptr, *taken = nullptr;
  while (*text != '\0') {
    if (*pattern == '*') {
      star = pattern++;
      taken = text;
    } else if (*pattern == '?' || *pattern == *text) {
      ++pattern;
      ++text;
    } else if (star != nullptr) {
      pattern = star + 1;
      text = ++taken;
    } else {
      return false;
    }
  }
  while (*pattern == '*') ++pattern;
  return *pattern == '\0';
}
}  // namespace

bool names_module(const std::string& pattern, const std::string& path) {
  if (pattern.empty()) return false;
  for (size_t at = 0; at != std::string::npos && at < path.size();) {
    if (matches(pattern.c_str(), path.c_str() + at)) return true;
    const size_t dot = path.find('.', at);
    at = dot == std::string::npos ? dot : dot + 1;
  }
  return false;
}

}  // namespace ace
