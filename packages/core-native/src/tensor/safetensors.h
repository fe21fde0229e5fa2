#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tensor/file.h"
#include "tensor/tensor.h"

namespace ace {

// A safetensors file: its header checked in full at open (sizes, offsets, overlaps), its data read on demand with pread.
class Safetensors {
 public:
  struct Entry {
    DType dtype;
    Shape shape;
    int64_t offset;  // from the start of the file
    int64_t bytes;
  };

  // Errors: ERR_FILE with the path, the tensor and what is wrong.
  explicit Safetensors(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const Entry* find(const std::string& name) const;
  // Fills `out` with entry.bytes bytes. Errors: ERR_FILE when the file has become shorter.
  void read(const std::string& name, const Entry& entry, void* out) const;

 private:
  [[noreturn]] void fail(const std::string& what) const;

  InputFile file_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace ace
