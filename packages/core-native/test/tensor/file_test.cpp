// Files of the user: names in any script, long paths, places at once, and what is said of what cannot be read.
#include "tensor/file.h"

#include <fstream>
#include <thread>
#include <vector>

#include "check.h"
#include "temporary_folder.h"
#include "tensor/error.h"

using namespace ace;
using namespace ace::test;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string read(const InputFile& file, int64_t bytes, int64_t offset) {
  std::string out(static_cast<size_t>(bytes), '?');
  file.read(out.data(), bytes, offset, "the text");
  return out;
}

}  // namespace

TEST("a file with a name in any script is read") {
  const TemporaryFolder folder;
  for (const char* name : {"plain", "Größe", "日本語", "песня 🎵"}) {
    CONTEXT(name);
    const std::string path = utf8_of(folder.path()) + "/" + name;
    write(system_path(path), std::string("of ") + name);
    const InputFile file(path);
    CHECK_EQ(file.size(), static_cast<int64_t>(std::string("of ").size() + std::string(name).size()));
    CHECK_EQ(read(file, file.size(), 0), std::string("of ") + name);
    CHECK_EQ(utf8_of(path_of(path)), path);
  }
}

TEST("a file below more than 260 characters is read") {
  const TemporaryFolder folder;
  std::string path = utf8_of(folder.path());
  for (int i = 0; i < 6; ++i) path += "/" + std::string(60, static_cast<char>('a' + i));
  fs::create_directories(system_path(path));
  path += "/song.bin";
  write(system_path(path), "deep");
  CHECK_EQ(read(InputFile(path), 4, 0), std::string("deep"));
}

TEST("threads read places of one file at once") {
  const TemporaryFolder folder;
  const std::string path = utf8_of(folder.path() / "numbers");
  std::string bytes;
  for (int i = 0; i < 4096; ++i) bytes += static_cast<char>(i * 31 + i / 256);
  write(system_path(path), bytes);
  const InputFile file(path);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < 2000; ++i) {
        const int64_t at = (i * 97 + static_cast<int64_t>(t) * 1009) % 4000;
        if (read(file, 64, at) != bytes.substr(static_cast<size_t>(at), 64)) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : wrong) CHECK_EQ(count, 0);
}

TEST("a file may be replaced while it is open, and is still read as it was") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "latents";
  write(path, "old");
  const InputFile file(utf8_of(path));
  write(folder.path() / "new", "new");
  fs::rename(path, folder.path() / "aside");
  fs::rename(folder.path() / "new", path);
  CHECK_EQ(read(file, 3, 0), std::string("old"));
  CHECK_EQ(read(InputFile(utf8_of(path)), 3, 0), std::string("new"));
}

TEST("what cannot be read is told with its path") {
  const TemporaryFolder folder;
  const std::string path = utf8_of(folder.path() / "short");
  write(system_path(path), "12345");
  CHECK_THROWS(InputFile(path + ".none"), path + ".none: cannot be opened");
  CHECK_THROWS(InputFile(utf8_of(folder.path())), utf8_of(folder.path()) + ": ");
  const InputFile file(path);
  CHECK_THROWS(read(file, 4, 3), path + ": the text is cut off: the file ends 2 bytes early");
}

TEST("a long path takes Windows' extended form, a short one stays") {
  const std::wstring deep(250, L'x');
  CHECK(extended_length(L"C:\\songs\\a.wav") == L"C:\\songs\\a.wav");
  CHECK(extended_length(L"C:/songs/" + deep) == L"\\\\?\\C:\\songs\\" + deep);
  CHECK(extended_length(L"\\\\server\\share\\" + deep) == L"\\\\?\\UNC\\server\\share\\" + deep);
  CHECK(extended_length(L"//server/share/" + deep) == L"\\\\?\\UNC\\server\\share\\" + deep);
  for (const wchar_t* prefix : {L"\\\\?\\C:\\", L"\\\\?\\UNC\\server\\share\\", L"\\\\.\\"}) {
    CHECK(extended_length(prefix + deep) == prefix + deep);
  }
}
