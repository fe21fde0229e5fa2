#include "tensor/file.h"

#include <algorithm>
#include <cstdlib>

#include "tensor/error.h"

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <system_error>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace ace {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostPerCall = int64_t{1} << 30;
}  // namespace

fs::path path_of(const std::string& utf8) { return fs::path(std::u8string(utf8.begin(), utf8.end())); }

std::wstring extended_length(std::wstring absolute) {
  constexpr size_t kLongest = 240;  // of 260: a folder's limit is 248, and room for a name is part of it
  if (absolute.size() <= kLongest || absolute.starts_with(L"\\\\?\\") || absolute.starts_with(L"\\\\.\\")) return absolute;
  // The extended form is taken literally, so what the system would have mended must be right already.
  std::replace(absolute.begin(), absolute.end(), L'/', L'\\');
  if (absolute.starts_with(L"\\\\")) return L"\\\\?\\UNC\\" + absolute.substr(2);
  return L"\\\\?\\" + absolute;
}

std::string utf8_of(const fs::path& path) {
  const std::u8string text = path.u8string();
  return {reinterpret_cast<const char*>(text.data()), text.size()};
}

#if defined(_WIN32)

fs::path system_path(const std::string& utf8) {
  const fs::path path = path_of(utf8);
  std::error_code ignored;  // what has no absolute form cannot be opened either, and opening tells
  const fs::path absolute = fs::absolute(path, ignored).lexically_normal();
  return ignored ? path : fs::path(extended_length(absolute.wstring()));
}

std::string environment(const char* name) {
  const wchar_t* value = _wgetenv(path_of(name).c_str());
  return value == nullptr ? "" : utf8_of(fs::path(value));
}

namespace {
HANDLE handle_of(intptr_t file) { return reinterpret_cast<HANDLE>(file); }
std::string last_error() { return std::system_category().message(static_cast<int>(GetLastError())); }
}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  const HANDLE file = CreateFileW(system_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                  nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) fail("cannot be opened: " + last_error());
  LARGE_INTEGER size{};
  const bool is_file = GetFileType(file) == FILE_TYPE_DISK && GetFileSizeEx(file, &size);
  if (!is_file) {
    CloseHandle(file);
    fail("is not a file");
  }
  file_ = reinterpret_cast<intptr_t>(file);
  size_ = size.QuadPart;
}

InputFile::~InputFile() { CloseHandle(handle_of(file_)); }

int64_t InputFile::read_some(void* out, int64_t bytes, int64_t offset, std::string& reason) const {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  DWORD got = 0;
  if (::ReadFile(handle_of(file_), out, static_cast<DWORD>(std::min(bytes, kMostPerCall)), &got, &place)) return got;
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  reason = last_error();
  return -1;
}

#else

fs::path system_path(const std::string& utf8) { return path_of(utf8); }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

InputFile::InputFile(const std::string& path) : path_(path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat info {};
  const int failure = fstat(file, &info) == 0 ? 0 : errno;
  if (failure != 0 || !S_ISREG(info.st_mode)) {
    ::close(file);
    fail(failure != 0 ? std::string("cannot be read: ") + std::strerror(failure) : "is not a file");
  }
  file_ = file;
  size_ = info.st_size;
}

InputFile::~InputFile() { ::close(static_cast<int>(file_)); }

int64_t InputFile::read_some(void* out, int64_t bytes, int64_t offset, std::string& reason) const {
  for (;;) {
    const int64_t got = ::pread(static_cast<int>(file_), out, static_cast<size_t>(std::min(bytes, kMostPerCall)), static_cast<off_t>(offset));
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    reason = std::strerror(errno);
    return -1;
  }
}

#endif

void InputFile::fail(const std::string& what) const { throw Error(ErrorCode::file, path_ + ": " + what); }

void InputFile::read(void* out, int64_t bytes, int64_t offset, const std::string& what) const {
  char* to = static_cast<char*>(out);
  while (bytes > 0) {
    std::string reason;
    const int64_t got = read_some(to, bytes, offset, reason);
    if (got < 0) fail(what + " cannot be read: " + reason);
    if (got == 0) fail(what + " is cut off: the file ends " + std::to_string(bytes) + " bytes early; download or copy it again");
    to += got;
    offset += got;
    bytes -= got;
  }
}

}  // namespace ace
