// Safetensors files of others: what a good one says, and one line for each way in which one is not.
#include "tensor/safetensors.h"

#include <fstream>

#include "check.h"
#include "temporary_folder.h"
#include "tensor/error.h"

using namespace ace;
using namespace ace::test;

namespace {

const TemporaryFolder& folder() {
  static const TemporaryFolder one;
  return one;
}

std::string path() { return utf8_of(folder().path() / "weights.safetensors"); }

void write(const std::string& bytes) { std::ofstream(system_path(path()), std::ios::binary) << bytes; }

// `claimed`: the header's length as the file tells it, -1: as it is.
Safetensors open(const std::string& header, int64_t data, int64_t claimed = -1) {
  uint64_t length = claimed < 0 ? header.size() : static_cast<uint64_t>(claimed);
  std::string bytes;
  for (int i = 0; i < 8; ++i, length >>= 8) bytes += static_cast<char>(length & 0xFF);
  bytes += header;
  for (int64_t i = 0; i < data; ++i) bytes += static_cast<char>(i);
  write(bytes);
  return Safetensors(path());
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) { return "{\"a\":" + entry(dtype, shape, offsets) + "}"; }
std::string two(const std::string& first, const std::string& second) {
  return "{\"b\":" + entry("U8", "[4]", first) + ",\"a\":" + entry("U8", "[4]", second) + "}";
}

}  // namespace

TEST("a file's tensors are found with dtype, shape and bytes, and its metadata") {
  const Safetensors file = open("{\"__metadata__\":{\"format\":\"pt\",\"\":\"x\"},\"w\":" + entry("BF16", "[2,3]", "[4,16]") + ",\"bytes\":" + entry("BOOL", "[4]", "[0,4]") +
                                ",\"scalar\":" + entry("F32", "[]", "[16,20]") + ",\"none\":" + entry("F64", "[0,7]", "[20,20]") + "}   ", 20);
  CHECK(file.metadata() == (std::map<std::string, std::string>{{"format", "pt"}, {"", "x"}}));
  CHECK_EQ(file.entries().size(), size_t{4});
  const Safetensors::Entry* w = file.find("w");
  CHECK(w->dtype == DType::bf16 && w->shape == (Shape{2, 3}) && w->bytes == 12);
  CHECK(file.find("bytes")->dtype == DType::u8);
  CHECK(file.find("scalar")->shape == Shape{} && file.find("scalar")->bytes == 4);
  CHECK(file.find("none")->shape == (Shape{0, 7}) && file.find("none")->bytes == 0);
  CHECK(file.find("x") == nullptr);
  unsigned char bytes[12];
  file.read("w", *w, bytes);
  for (int i = 0; i < 12; ++i) CHECK_EQ(static_cast<int>(bytes[i]), 4 + i);
}

TEST("tensors may lie side by side in any order") {
  CHECK_EQ(open(two("[4,8]", "[0,4]"), 8).entries().size(), size_t{2});
  CHECK_THROWS(open(two("[3,7]", "[0,4]"), 8), "two tensors overlap at byte ");
  CHECK_THROWS(open(two("[0,4]", "[3,7]"), 8), "two tensors overlap at byte ");
  CHECK_THROWS(open(two("[0,4]", "[0,4]"), 8), "two tensors overlap at byte ");
}

TEST("a header that is none, or longer than its file, is refused") {
  write("1234567");
  CHECK_THROWS(Safetensors(path()), path() + ": is no safetensors file: it has 7 bytes");
  const std::string header = one("U8", "[4]", "[0,4]");
  const auto length = static_cast<int64_t>(header.size());
  CHECK_EQ(open(header, 4).entries().size(), size_t{1});
  for (const int64_t claimed : {length + 5, length + 12, int64_t{1} << 31, INT64_MAX})
    CHECK_THROWS(open(header, 4, claimed), "is no safetensors file: its header claims " + std::to_string(claimed) + " bytes, the file has " + std::to_string(length + 12));
  CHECK_THROWS(open(header, 4, length - 1), path() + " (header): bad JSON at line 1");
  CHECK_THROWS(open("[]", 0), "its header is not a JSON object");
  CHECK_THROWS(open("{\"__metadata__\":[]}", 0), "__metadata__ is not an object of strings");
  CHECK_THROWS(open("{\"__metadata__\":{\"n\":1}}", 0), "__metadata__ \"n\" is not a string");
}

TEST("a tensor that cannot be where it says is refused by name") {
  for (const char* lacking : {"{}", "[]", R"({"dtype":1,"shape":[4],"data_offsets":[0,4]})", R"({"dtype":"U8","shape":4,"data_offsets":[0,4]})",
                              R"({"dtype":"U8","shape":[4],"data_offsets":4})", R"({"dtype":"U8","shape":[4],"data_offsets":[0]})",
                              R"({"dtype":"U8","shape":[4],"data_offsets":[0,4,8]})", R"({"shape":[4],"data_offsets":[0,4]})"})
    CHECK_THROWS(open(std::string("{\"a\":") + lacking + "}", 8), path() + ": tensor \"a\" lacks dtype, shape or data_offsets");
  CHECK_THROWS(open(one("F8", "[4]", "[0,4]"), 4), "tensor \"a\" has dtype F8, which is not supported here");
  CHECK_EQ(open(one("U8", "[1,1,1,1,4]", "[0,4]"), 4).find("a")->shape.rank(), 5);
  CHECK_THROWS(open(one("U8", "[1,1,1,1,1,4]", "[0,4]"), 4), "tensor \"a\" has more than 5 axes");
  for (const char* shape : {"[-4]", "[0.5]", "[1e300]", "[\"4\"]", "[null]"}) CHECK_THROWS(open(one("U8", shape, "[0,4]"), 4), "tensor \"a\": its shape is not a list of whole numbers");
  for (const char* shape : {"[1000]", "[9007199254740992,9007199254740992]", "[4294967296,4294967296,4294967296]"})
    CHECK_THROWS(open(one("U8", shape, "[0,4]"), 4), "tensor \"a\": its shape needs more bytes than the file has");
  for (const char* offsets : {"[0,5]", "[1,5]", "[4,0]", "[-4,0]", "[0.5,4.5]", "[0,1e18]"})
    CHECK_THROWS(open(one("U8", "[4]", offsets), 4), "tensor \"a\": its data_offsets lie outside the file");
  CHECK_THROWS(open(one("U8", "[4]", "[0,5]"), 8), "tensor \"a\": 5 bytes do not fit u8 [4]");
  CHECK_THROWS(open(one("F32", "[2]", "[0,4]"), 8), "tensor \"a\": 4 bytes do not fit f32 [2]");
}

TEST("a file that became shorter since it was opened is told when a tensor is read") {
  const Safetensors file = open(one("U8", "[4]", "[0,4]"), 4);
  std::filesystem::resize_file(system_path(path()), 60);
  unsigned char bytes[4];
  CHECK_THROWS((file.read("a", *file.find("a"), bytes), 0), path() + ": tensor \"a\" is cut off: the file ends ");
}
