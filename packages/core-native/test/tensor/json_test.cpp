// JSON as other programs write it: every kind of value, and one line with the place for all that is none.
#include "tensor/json.h"

#include <string>

#include "check.h"
#include "tensor/error.h"

using namespace ace;

namespace {

std::string string_of(const std::string& text) { return Json::parse(text, "x").string(); }

// The place and the reason of a refusal.
std::string refused(const std::string& text) {
  try {
    (void)Json::parse(text, "x.json");
  } catch (const Error& error) {
    const std::string what = error.what(), begin = "x.json: bad JSON at line ";
    if (error.code() == ErrorCode::file && what.starts_with(begin)) return what.substr(begin.size());
    return "another error: " + what;
  }
  return "accepted";
}

std::string nested(int depth) { return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']'); }

}  // namespace

TEST("every kind of JSON value is read, with any space around it") {
  const Json json = Json::parse(" {\"a\" : [ 1 , -2.5e1,0, 1E2 ] ,\r\n\t\"b\":{},\"c\":[],\"d\":true,\"e\":false,\"f\":null,\"\":\"s\"}\n ", "x");
  CHECK(json.is(Json::Kind::object));
  CHECK_EQ(json.members().size(), size_t{7});
  const auto& items = json.find("a")->items();
  CHECK_EQ(items.size(), size_t{4});
  CHECK_EQ(items[0].number(), 1.0);
  CHECK_EQ(items[1].number(), -25.0);
  CHECK_EQ(items[2].number(), 0.0);
  CHECK_EQ(items[3].number(), 100.0);
  CHECK(json.find("b")->is(Json::Kind::object) && json.find("b")->members().empty());
  CHECK(json.find("c")->is(Json::Kind::array) && json.find("c")->items().empty());
  CHECK(json.find("d")->is(Json::Kind::boolean) && json.find("d")->boolean());
  CHECK(json.find("e")->is(Json::Kind::boolean) && !json.find("e")->boolean());
  CHECK(json.find("f")->is(Json::Kind::null));
  CHECK_EQ(json.find("")->string(), std::string("s"));
  CHECK(json.find("g") == nullptr);
}

TEST("escapes in a string become UTF-8 of one to four bytes") {
  CHECK_EQ(string_of(R"("\"\\\/\b\f\n\r\t")"), std::string("\"\\/\b\f\n\r\t"));
  CHECK_EQ(string_of(R"("\u0041\u007f\u0080\u00e9\u07ff\u0800\uffff")"), std::string("A\x7f\xc2\x80\xc3\xa9\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"));
  CHECK_EQ(string_of(R"("\ud800\udc00\uD83C\uDFB5\udbff\udfff")"), std::string("\xf0\x90\x80\x80\xf0\x9f\x8e\xb5\xf4\x8f\xbf\xbf"));
  CHECK_EQ(string_of("\"\xf0\x9f\x8e\xb5\""), std::string("\xf0\x9f\x8e\xb5"));
}

TEST("what is no JSON is refused with its line, its column and the reason") {
  CHECK_EQ(refused(""), std::string("1, column 1: the text ends where a value is expected"));
  CHECK_EQ(refused("{\n  \"a\": 1,\n  \"b\": tru\n}"), std::string("3, column 8: expected a value"));
  CHECK_EQ(refused("{} {}"), std::string("1, column 4: something follows the end of the JSON value"));
  CHECK_EQ(refused("{\"a\":1,\"a\":2}"), std::string("1, column 11: the key \"a\" stands twice"));
  CHECK_EQ(refused("{\"a\":1,\"\\u0061\":2}"), std::string("1, column 16: the key \"a\" stands twice"));
  CHECK_EQ(refused("{a:1}"), std::string("1, column 2: expected a key in quotes"));
  CHECK_EQ(refused("{\"a\" 1}"), std::string("1, column 6: expected ':' after the key"));
  CHECK_EQ(refused("{\"a\":1;}"), std::string("1, column 7: expected ',' or '}'"));
  CHECK_EQ(refused("[1 2]"), std::string("1, column 4: expected ',' or ']'"));
  for (const char* text : {"[1,]", "nul", "+1", ".5", "-", "-x", "NaN", "Infinity"}) CHECK(refused(text).ends_with(": expected a value"));
  for (const char* text : {"01", "-00.5"}) CHECK(refused(text).ends_with(": a number may not begin with 0"));
  for (const char* text : {"1.", "-0.", "1.e5", "[1.]"}) CHECK(refused(text).ends_with(": a digit must follow the point of a number"));
  for (const char* text : {"1e", "0x1", "1.5.2", "1e+"}) CHECK(refused(text).ends_with(": something follows the end of the JSON value"));
  CHECK(refused("1e999").ends_with(": a number out of range"));
}

TEST("a string that is none is refused") {
  for (const char* text : {"\"", "\"a", "\"\\"}) CHECK(refused(text).ends_with(": a string does not end"));
  for (const char* text : {"\"\n\"", "\"\t\"", "\"\x1f\""}) CHECK(refused(text).ends_with(": a control character in a string"));
  CHECK(refused("\"\\x\"").ends_with(": an unknown escape in a string"));
  CHECK(refused("\"\\u12").ends_with(": a \\u escape needs four digits"));
  for (const char* text : {"\"\\u12g4\"", "\"\\u-123\"", "\"\\u 123\""}) CHECK(refused(text).ends_with(": a \\u escape needs four hexadecimal digits"));
  for (const char* text : {R"("\ud800")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\ud800")", R"("\ud800\ue000")", R"("\udc00")", R"("\udfff\ud800")"})
    CHECK(refused(text).ends_with(": half of a surrogate pair"));
}

TEST("lists within lists are read 64 deep and refused beyond, however deep") {
  CHECK_EQ(refused(nested(65)), std::string("accepted"));  // the outermost is at depth 0
  CHECK(refused(nested(66)).ends_with(": nested too deeply"));
  CHECK(refused(std::string(1'000'000, '[')).ends_with(": nested too deeply"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(refused(objects).ends_with(": nested too deeply"));
}
