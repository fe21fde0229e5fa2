// Files of the user. Paths are UTF-8 on every system; Windows' narrow calls would read them in the local code page.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace ace {

std::filesystem::path path_of(const std::string& utf8);
std::string utf8_of(const std::filesystem::path& path);

// path_of as the system's own calls take it; on Windows wide, absolute, and in the extended form where it is long.
std::filesystem::path system_path(const std::string& utf8);

// An environment variable as UTF-8; "" where it is not set.
std::string environment(const char* name);

// An absolute Windows path of more than 240 characters in the only form that Windows opens everywhere: `\\?\` before the
// drive, `\\?\UNC\` in place of the two backslashes of a share. Shorter ones, and those in that form, stay as they are.
std::wstring extended_length(std::wstring absolute);

// A file open for reading at any place, by several threads at once. Others may rename, replace or delete it meanwhile.
class InputFile {
 public:
  // Errors: ERR_FILE where it cannot be opened or is no regular file.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }  // when it was opened
  // All of `bytes`. Errors: ERR_FILE, saying `what`, where the file has become shorter or the disk fails.
  void read(void* out, int64_t bytes, int64_t offset, const std::string& what) const;

 private:
  [[noreturn]] void fail(const std::string& what) const;
  int64_t read_some(void* out, int64_t bytes, int64_t offset, std::string& reason) const;

  std::string path_;
  intptr_t file_;  // a descriptor, or a HANDLE
  int64_t size_ = 0;
};

}  // namespace ace
