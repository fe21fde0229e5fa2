// Where cuBLASLt is looked for, and what is said when it is not there.
#include "check.h"
#if ACE_WITH_CUDA && !defined(_WIN32)
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "ops/cuda/blas/library.h"
#include "tensor/error.h"

using namespace ace;
using namespace ace::test;
namespace fs = std::filesystem;

namespace {

// An environment variable as it was again at the end; null unsets it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    if (value == nullptr) unsetenv(name);
    else setenv(name, value, 1);
  }
  Variable(const char* name, const fs::path& value) : Variable(name, value.c_str()) {}
  ~Variable() {
    if (before_) setenv(name_, before_->c_str(), 1);
    else unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

constexpr const char* kVariable = "ACEWRIGHT_CUBLASLT_PATH";

struct Folder {
  fs::path path = fs::temp_directory_path() / ("acewright cublaslt test " + std::to_string(std::hash<const void*>{}(this)));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  fs::path write(const fs::path& file) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << "not a library";
    return path / file;
  }
};

}  // namespace

TEST("a cuBLASLt that is not where the variable says is refused with that place and what to write there") {
  {
    const Variable path(kVariable, "/nowhere/libcublasLt.so.13");
    CHECK_THROWS(cuda::lt::open_library(), "was not found where ACEWRIGHT_CUBLASLT_PATH says. /nowhere/libcublasLt.so.13: ");
    CHECK_THROWS(cuda::lt::open_library(), "Name the file libcublasLt.so.13 (or libcublasLt.so.12) or its folder there.");
  }
  const Folder folder;
  {
    const Variable path(kVariable, folder.path);
    CHECK_THROWS(cuda::lt::open_library(), folder.path.string() + " holds no libcublasLt.so.13 and no libcublasLt.so.12. ");
  }
  const fs::path text = folder.write("libcublasLt.so.13");
  const Variable path(kVariable, folder.path);
  CHECK_EQ(cuda::lt::find_libraries().files.front(), text.string());
  CHECK_THROWS(cuda::lt::open_library(), text.string() + ": ");
}

TEST("a library that is not cuBLASLt is refused by the first call that it lacks") {
  const Variable path(kVariable, "libm.so.6");
  CHECK_THROWS(cuda::lt::open_library(), "libm.so.6: it has no cublasLtGetVersion. ");
}

TEST("cuBLASLt is looked for on the loader's path, in the toolkit and in Python's packages, in this order") {
  const Folder folder;
  const Variable unset(kVariable, nullptr), home("HOME", folder.path / "home"), conda("CONDA_PREFIX", nullptr), other("CUDA_PATH", nullptr);
  const Variable toolkit("CUDA_HOME", folder.path / "toolkit"), python("VIRTUAL_ENV", folder.path / "venv");
  const fs::path in_toolkit = folder.write("toolkit/targets/sbsa-linux/lib/libcublasLt.so.12");
  const fs::path packages = "venv/lib/python3.12/site-packages/nvidia";
  const fs::path in_wheel_12 = folder.write(packages / "cublas/lib/libcublasLt.so.12"), in_wheel_13 = folder.write(packages / "cu13/lib/libcublasLt.so.13");
  const fs::path at_home = folder.write("home/.local/lib/python3.9/site-packages/nvidia/cublas/lib/libcublasLt.so.12");
  const auto files = cuda::lt::find_libraries().files;
  std::vector<std::string> ours;
  for (const std::string& file : files)
    if (file.find("/") == std::string::npos || file.find(folder.path.string()) == 0) ours.push_back(file);
  const std::vector<std::string> expected{"libcublasLt.so.13", "libcublasLt.so.12", in_toolkit.string(), in_wheel_12.string(), in_wheel_13.string(), at_home.string()};
  CHECK(ours == expected);
}

TEST("without any cuBLASLt all places and both ways to get one are named") {
  const Folder folder;
  const Variable unset(kVariable, nullptr), python("VIRTUAL_ENV", folder.path);
  const fs::path broken = folder.write("lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12");
  std::string message;
  try {
    SKIP("this machine has cuBLASLt: " + cuda::lt::open_library().path);
  } catch (const Error& error) {
    message = error.what();
    CHECK(error.code() == ErrorCode::device);
  }
  for (const std::string& part : {broken.string() + ": ", std::string("Searched the loader's path, "), std::string("/usr/local/cuda/lib64"), broken.parent_path().string(),
                                  std::string("the Python package nvidia-cublas"), std::string("or set ACEWRIGHT_CUBLASLT_PATH")})
    CHECK(message.find(part) != std::string::npos);
}

#if ACE_SIMT
TEST("a cuBLASLt that is too old is refused with its version") {
  CHECK_EQ(cuda::lt::version_text(cuda::lt::open_library().version), std::string("13.0.2"));
  const Variable old("ACE_STAND_IN_VERSION", "110501");
  CHECK_THROWS(cuda::lt::open_library(), "it is version 11.5.1, the oldest that serves is 12.0.0. ");
}
#endif
#endif
