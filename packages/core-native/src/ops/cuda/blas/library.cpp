#include "ops/cuda/blas/library.h"

#include <algorithm>
#include <filesystem>

#include "tensor/error.h"
#include "tensor/file.h"

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ace::cuda::lt {

namespace {

namespace fs = std::filesystem;

constexpr const char* kVariable = "ACEWRIGHT_CUBLASLT_PATH";
constexpr size_t kOldest = 120000;
#ifdef _WIN32
constexpr const char* kNames[] = {"cublasLt64_13.dll", "cublasLt64_12.dll"};
constexpr const char* kToolkitFolders[] = {"bin", "bin/x64"};
constexpr const char* kWheelFolders[] = {"bin", "bin/x86_64"};
constexpr const char* kCondaFolder = "Library/bin";
constexpr char kPathSeparator = ';';
#else
constexpr const char* kNames[] = {"libcublasLt.so.13", "libcublasLt.so.12"};
constexpr const char* kToolkitFolders[] = {"lib64", "lib"};
constexpr const char* kWheelFolders[] = {"lib"};
constexpr const char* kCondaFolder = "lib";
constexpr char kPathSeparator = ':';
#endif
constexpr size_t kMostPrefixes = 64;  // a PATH may be long; the search stays short

// Folders in `folder` whose name starts with `start`, the newest version first.
std::vector<fs::path> subfolders(const fs::path& folder, const std::string& start) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;  // a folder that may not be read holds nothing for us
    if (utf8_of(at->path().filename()).starts_with(start) && at->is_directory(ignored)) out.push_back(at->path());
  }
  std::sort(out.rbegin(), out.rend());
  return out;
}

class Finder {
 public:
  Search search;

  void look_into(const fs::path& folder) {
    const std::string text = utf8_of(folder);
    if (std::find(search.folders.begin(), search.folders.end(), text) != search.folders.end()) return;
    search.folders.push_back(text);
    std::error_code ignored;
    for (const char* name : kNames)
      if (fs::exists(folder / name, ignored)) search.files.push_back(utf8_of(folder / name));
  }

  void toolkit(const fs::path& root) {
    if (root.empty()) return;
    for (const char* folder : kToolkitFolders) look_into(root / folder);
    for (const fs::path& target : subfolders(root / "targets", "")) look_into(target / "lib");
  }

  void site_packages(const fs::path& packages) {
    for (const fs::path& package : subfolders(packages / "nvidia", ""))
      for (const char* folder : kWheelFolders) look_into(package / folder);
  }

  void python(const fs::path& prefix) {
    for (const fs::path& version : subfolders(prefix / "lib", "python3"))
      for (const char* packages : {"site-packages", "dist-packages"}) site_packages(version / packages);
    site_packages(prefix / "Lib" / "site-packages");  // Windows
  }
};

// The folders of PATH.
std::vector<fs::path> search_path() {
  std::vector<fs::path> out;
  const std::string path = environment("PATH");
  for (size_t from = 0; from < path.size();) {
    const size_t end = std::min(path.find(kPathSeparator, from), path.size());
    out.push_back(path_of(path.substr(from, end - from)));
    from = end + 1;
  }
  return out;
}

// The roots of every Python that the environment shows.
std::vector<fs::path> python_prefixes() {
  std::vector<fs::path> out;
  const auto add = [&](const fs::path& prefix) {
    if (!prefix.empty() && out.size() < kMostPrefixes && std::find(out.begin(), out.end(), prefix) == out.end()) out.push_back(prefix);
  };
  add(path_of(environment("VIRTUAL_ENV")));
  add(path_of(environment("CONDA_PREFIX")));
  if (const fs::path home = path_of(environment("HOME")); !home.empty()) add(home / ".local");
  for (const fs::path& folder : search_path()) {
    if (folder.filename() == "bin") add(folder.parent_path());
#ifdef _WIN32
    add(folder);  // python.exe lies in its prefix
#endif
  }
  add("/usr/local");
  add("/usr");
  return out;
}

void* open(const std::string& file, std::string& reason) {
#ifdef _WIN32
  HMODULE module = LoadLibraryExW(system_path(file).c_str(), nullptr, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (module == nullptr) reason = "system error " + std::to_string(GetLastError());
  return reinterpret_cast<void*>(module);
#else
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) reason = dlerror();
  return library;
#endif
}

void close(void* library) {
#ifdef _WIN32
  FreeLibrary(reinterpret_cast<HMODULE>(library));
#else
  dlclose(library);
#endif
}

template <class F>
bool find_call(void* library, const char* name, F& call, std::string& reason) {
#ifdef _WIN32
  void* address = reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(library), name));
#else
  void* address = dlsym(library, name);
#endif
  if (address == nullptr) reason = std::string("it has no ") + name;
  call = reinterpret_cast<F>(address);
  return address != nullptr;
}

// Whether `file` is a cuBLASLt that we can use; if not, why.
bool try_library(const std::string& file, Library& out, std::string& reason) {
  void* library = open(file, reason);
  if (library == nullptr) return false;
  bool complete = true;
#define ACE_LT_FIND(result, name, parameters) complete = complete && find_call(library, #name, out.call.name, reason);
  ACE_LT_CALLS(ACE_LT_FIND)
#undef ACE_LT_FIND
  if (complete) {
    out.version = out.call.cublasLtGetVersion();
    out.path = file;
    if (out.version >= kOldest) return true;
    reason = "it is version " + version_text(out.version) + ", the oldest that serves is " + version_text(kOldest);
  }
  close(library);
  return false;
}

std::string missing(const Search& search, const std::string& tried) {
  std::string text = "cuBLASLt, which the matrix products on CUDA need, was not found";
  if (search.named) return text + " where " + kVariable + " says. " + tried + "Name the file " + kNames[0] + " (or " + kNames[1] + ") or its folder there.";
  text += ". " + tried + "Searched the loader's path";
  for (const std::string& folder : search.folders) text += ", " + folder;
  return text + ". Install the CUDA toolkit 12 or newer, or the Python package nvidia-cublas (nvidia-cublas-cu12 for CUDA 12), or set " + kVariable +
         " to the file " + kNames[0] + ".";
}

}  // namespace

std::string version_text(size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
}

Search find_libraries() {
  Finder finder;
  if (const std::string named = environment(kVariable); !named.empty()) {
    finder.search.named = true;
    std::error_code ignored;
    if (fs::is_directory(system_path(named), ignored)) finder.look_into(path_of(named));
    else finder.search.files.push_back(named);
    return finder.search;
  }
#ifdef _WIN32
  // Windows' own search of PATH begins in the working folder, where a song's archive may have left any file.
  for (const fs::path& folder : search_path())
    if (folder.is_absolute()) finder.look_into(folder);
#else
  for (const char* name : kNames) finder.search.files.push_back(name);
#endif
  for (const char* root : {"CUDA_HOME", "CUDA_PATH"}) finder.toolkit(path_of(environment(root)));
#ifdef _WIN32
  for (const fs::path& root : subfolders("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA", "v")) finder.toolkit(root);
#else
  finder.toolkit("/usr/local/cuda");
  for (const fs::path& root : subfolders("/usr/local", "cuda-")) finder.toolkit(root);
#endif
  if (const fs::path conda = path_of(environment("CONDA_PREFIX")); !conda.empty()) finder.look_into(conda / kCondaFolder);
  for (const fs::path& prefix : python_prefixes()) finder.python(prefix);
  return finder.search;
}

Library open_library() {
  const Search search = find_libraries();
  std::string tried;
  for (const std::string& file : search.files) {
    Library library;
    std::string reason;
    if (try_library(file, library, reason)) return library;
    // What the loader says of a bare name is only that it is not on its path, which the list of places says already.
    if (search.named || path_of(file).has_parent_path()) tried += file + ": " + reason + ". ";
  }
  if (search.named && search.files.empty()) tried = search.folders.front() + " holds no " + kNames[0] + " and no " + kNames[1] + ". ";
  throw Error(ErrorCode::device, missing(search, tried));
}

}  // namespace ace::cuda::lt
