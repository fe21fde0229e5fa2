#include "tensor/json.h"

#include <charconv>
#include <cstdint>
#include <unordered_set>

#include "tensor/error.h"

namespace ace {

class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Json document() {
    Json value = parse_value(0);
    skip_space();
    if (at_ != text_.size()) fail("something follows the end of the JSON value");
    return value;
  }

 private:
  static constexpr int kMaxDepth = 64;

  [[noreturn]] void fail(const std::string& what) const {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
      column = text_[i] == '\n' ? 1 : column + 1;
      if (text_[i] == '\n') ++line;
    }
    throw Error(ErrorCode::file, where_ + ": bad JSON at line " + std::to_string(line) + ", column " +
                                     std::to_string(column) + ": " + what);
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }

  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) fail("expected a value");
    at_ += word.size();
  }

  Json parse_value(int depth) {
    if (depth > kMaxDepth) fail("nested too deeply");
    skip_space();
    if (at_ >= text_.size()) fail("the text ends where a value is expected");
    Json out;
    switch (text_[at_]) {
      case '{': return parse_object(depth);
      case '[': return parse_array(depth);
      case '"':
        out.kind_ = Json::Kind::string;
        out.string_ = parse_string();
        return out;
      case 't':
        expect("true");
        out.kind_ = Json::Kind::boolean;
        out.boolean_ = true;
        return out;
      case 'f':
        expect("false");
        out.kind_ = Json::Kind::boolean;
        return out;
      case 'n': expect("null"); return out;
      default: return parse_number();
    }
  }

  Json parse_object(int depth) {
    Json out;
    out.kind_ = Json::Kind::object;
    std::unordered_set<std::string> seen;
    ++at_;
    skip_space();
    if (take('}')) return out;
    for (;;) {
      skip_space();
      if (at_ >= text_.size() || text_[at_] != '"') fail("expected a key in quotes");
      std::string key = parse_string();
      if (!seen.insert(key).second) fail("the key \"" + key.substr(0, 100) + "\" stands twice");
      skip_space();
      if (!take(':')) fail("expected ':' after the key");
      out.members_.emplace_back(std::move(key), parse_value(depth + 1));
      skip_space();
      if (take('}')) return out;
      if (!take(',')) fail("expected ',' or '}'");
    }
  }

  Json parse_array(int depth) {
    Json out;
    out.kind_ = Json::Kind::array;
    ++at_;
    skip_space();
    if (take(']')) return out;
    for (;;) {
      out.items_.push_back(parse_value(depth + 1));
      skip_space();
      if (take(']')) return out;
      if (!take(',')) fail("expected ',' or ']'");
    }
  }

  Json parse_number() {
    // from_chars takes more than JSON does: inf and leading zeros, which the first characters tell, and a point before nothing.
    const size_t start = at_;
    size_t digit = at_ + (text_[at_] == '-' ? 1 : 0);
    if (digit >= text_.size() || text_[digit] < '0' || text_[digit] > '9') fail("expected a value");
    if (text_[digit] == '0' && digit + 1 < text_.size() && text_[digit + 1] >= '0' && text_[digit + 1] <= '9')
      fail("a number may not begin with 0");
    Json out;
    out.kind_ = Json::Kind::number;
    const auto [end, error] = std::from_chars(text_.data() + start, text_.data() + text_.size(), out.number_);
    if (error != std::errc()) fail("a number out of range");
    at_ = static_cast<size_t>(end - text_.data());
    const size_t point = text_.substr(0, at_).find('.', start);
    if (point != std::string_view::npos && (point + 1 == at_ || text_[point + 1] < '0' || text_[point + 1] > '9'))
      fail("a digit must follow the point of a number");
    return out;
  }

  uint32_t hex4() {
    if (at_ + 4 > text_.size()) fail("a \\u escape needs four digits");
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, value, 16);
    if (error != std::errc() || end != text_.data() + at_ + 4) fail("a \\u escape needs four hexadecimal digits");
    at_ += 4;
    return value;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  std::string parse_string() {
    std::string out;
    ++at_;
    for (;;) {
      if (at_ >= text_.size()) fail("a string does not end");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= text_.size()) fail("a string does not end");
      switch (text_[at_++]) {
        case '"': out += '"'; break;
        case '\\': out += '\\'; break;
        case '/': out += '/'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': {
          uint32_t code = hex4();
          if (code >= 0xD800 && code < 0xDC00) {
            if (!take('\\') || !take('u')) fail("half of a surrogate pair");
            const uint32_t low = hex4();
            if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair");
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          } else if (code >= 0xDC00 && code < 0xE000) {
            fail("half of a surrogate pair");
          }
          append_utf8(out, code);
          break;
        }
        default: fail("an unknown escape in a string");
      }
    }
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

Json Json::parse(std::string_view text, const std::string& where) { return JsonParser(text, where).document(); }

const Json* Json::find(std::string_view key) const {
  for (const auto& member : members_)
    if (member.first == key) return &member.second;
  return nullptr;
}

}  // namespace ace
