#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ace {

// A parsed JSON value. Strict (RFC 8259), depth-limited, duplicate keys refused: it reads untrusted headers.
class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  // Errors: ERR_FILE with `where`, line and column.
  static Json parse(std::string_view text, const std::string& where);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  // Members of an object; null where there is none.
  const Json* find(std::string_view key) const;
  const std::vector<std::pair<std::string, Json>>& members() const { return members_; }
  const std::vector<Json>& items() const { return items_; }
  bool boolean() const { return boolean_; }
  double number() const { return number_; }
  const std::string& string() const { return string_; }

 private:
  friend class JsonParser;
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  double number_ = 0;
  std::string string_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace ace
