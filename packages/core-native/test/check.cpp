// main of every C++ test program:
//   PROGRAM [--list] [--fragments] [--filter TEXT]...   TEXT is looked for in "file: name"; several mean any of them
// --fragments: the tests that hold a GPU's matrix instructions to the emulator's table of their layouts.
// Prints what failed and was skipped, and last one line {"passed": n, "failed": n, "skipped": n}.
// Exit code 0 if nothing failed, 1 if something did or no test matched, 2 for a wrong argument.
#include "check.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

namespace ace::test {

namespace {

struct Case {
  std::string name, file;
  Body body;
};

constexpr int kMaxReports = 10;  // of one test

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

std::mutex reports;
std::atomic<long> checks{0}, failures{0};
std::vector<std::string> contexts;  // of the thread that runs the test

std::string file_name(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash ? slash + 1 : path;
}

enum class Outcome { passed, failed, skipped };

Outcome run(const Case& test) {
  checks = failures = 0;
  contexts.clear();
  const auto fail = [&](const std::string& what) {
    ++failures;
    std::printf("  %s\n", what.c_str());
  };
  try {
    test.body();
    if (checks == 0) fail("checked nothing");
  } catch (const Skipped& skipped) {
    if (failures == 0) {
      std::printf("skipped  %s: %s (%s)\n", test.file.c_str(), test.name.c_str(), skipped.reason.c_str());
      return Outcome::skipped;
    }
  } catch (const std::exception& error) {
    fail(std::string("unexpected exception: ") + error.what());
  } catch (...) {
    fail("unexpected exception of an unknown type");
  }
  if (failures == 0) return Outcome::passed;
  if (failures > kMaxReports) std::printf("  ... and %ld more\n", failures - kMaxReports);
  std::printf("FAILED   %s: %s\n", test.file.c_str(), test.name.c_str());
  return Outcome::failed;
}

}  // namespace

Registration::Registration(const char* name, const char* file, Body body) { cases().push_back({name, file_name(file), body}); }

void count_passed() { checks.fetch_add(1, std::memory_order_relaxed); }

void count(bool passed, const char* file, int line, const std::string& what) {
  count_passed();
  if (passed || failures.fetch_add(1) >= kMaxReports) return;
  const std::lock_guard lock(reports);
  std::string where;
  for (const std::string& context : contexts) where += (where.empty() ? "  [" : ", ") + context;
  std::printf("  %s:%d: %s%s%s\n", file, line, what.c_str(), where.c_str(), where.empty() ? "" : "]");
}

Context::Context(std::string text) {
  const std::lock_guard lock(reports);
  contexts.push_back(std::move(text));
}

Context::~Context() {
  const std::lock_guard lock(reports);
  if (!contexts.empty()) contexts.pop_back();
}

}  // namespace ace::test

int main(int argc, char** argv) {
  using namespace ace::test;
  std::vector<std::string> filters;
  bool list = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--list") list = true;
    else if (argument == "--fragments") filters.emplace_back(": CUDA: fragments:");
    else if (argument == "--filter" && i + 1 < argc) filters.emplace_back(argv[++i]);
    else {
      std::fprintf(stderr, "%s: unknown argument \"%s\"; usage: %s [--list] [--fragments] [--filter TEXT]...\n", argv[0], argv[i], argv[0]);
      return 2;
    }
  }
  int counts[3] = {0, 0, 0}, matched = 0;
  for (const Case& test : cases()) {
    const std::string full = test.file + ": " + test.name;
    bool wanted = filters.empty();
    for (const std::string& filter : filters) wanted = wanted || full.find(filter) != std::string::npos;
    if (!wanted) continue;
    ++matched;
    if (list) {
      std::printf("%s\n", full.c_str());
      continue;
    }
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome = run(test);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (outcome == Outcome::passed && seconds > 2) std::printf("slow     %s (%.1f s)\n", full.c_str(), seconds);
    std::fflush(stdout);
    ++counts[static_cast<int>(outcome)];
  }
  if (list) return 0;
  if (matched == 0) std::printf("no test matches\n");
  std::printf("{\"passed\": %d, \"failed\": %d, \"skipped\": %d}\n", counts[0], counts[1], counts[2]);
  return counts[1] == 0 && matched > 0 ? 0 : 1;
}
