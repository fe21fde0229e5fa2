// A small test runner: tests register themselves, checks count and report, check.cpp holds main.
//
//   TEST("a fresh LoRA changes nothing") {
//     if (!has_gpu()) SKIP("no CUDA device");
//     for (int rank : {1, 8}) {
//       CONTEXT("rank " << rank);                   // shown with each failure until the end of the block
//       CHECK(loss(rank) < 1);
//       CHECK_EQ(rows(rank), 3);
//       CHECK_NEAR(loss(rank), 0.25, 1e-6);         // |a - b| <= bound; a NaN is never near
//       CHECK_THROWS(open("nowhere"), "nowhere");   // an exception whose what() contains the text
//     }
//   }
//
// A failed check is reported with its place and the test goes on; an exception or SKIP ends it. A test that checked
// nothing has failed.
#pragma once
#include <cmath>
#include <exception>
#include <sstream>
#include <string>

namespace ace::test {

using Body = void (*)();

struct Registration {
  Registration(const char* name, const char* file, Body body);
};

struct Skipped {
  std::string reason;
};

// Counts one check of the running test; if it failed, reports it. Safe from several threads.
void count(bool passed, const char* file, int line, const std::string& what);
// Cheaper where there are millions: no text unless it fails.
void count_passed();

class Context {
 public:
  explicit Context(std::string text);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

template <class T> std::string show(const T& value) {
  if constexpr (requires(std::ostringstream& out) { out << value; }) {
    std::ostringstream out;
    out.precision(9);
    if constexpr (sizeof(T) == 8) out.precision(17);
    out << value;
    return out.str();
  } else {
    return "(a value that cannot be printed)";
  }
}

template <class F> void check_throws(F&& call, const std::string& text, const char* file, int line, const char* expression) {
  std::string problem;
  try {
    call();
    problem = "did not throw";
  } catch (const std::exception& error) {
    if (std::string(error.what()).find(text) == std::string::npos) problem = "threw \"" + std::string(error.what()) + "\" instead of \"" + text + "\"";
  }
  count(problem.empty(), file, line, std::string(expression) + " " + problem);
}

}  // namespace ace::test

#define ACE_TEST_JOIN2(a, b) a##b
#define ACE_TEST_JOIN(a, b) ACE_TEST_JOIN2(a, b)
#define ACE_TEST_AS(name, id)                                                                         \
  static void ACE_TEST_JOIN(ace_test_body_, id)();                                                    \
  static const ::ace::test::Registration ACE_TEST_JOIN(ace_test_, id)(name, __FILE__, &ACE_TEST_JOIN(ace_test_body_, id)); \
  static void ACE_TEST_JOIN(ace_test_body_, id)()
#define TEST(name) ACE_TEST_AS(name, __COUNTER__)

#define SKIP(reason) throw ::ace::test::Skipped{reason}

#define CONTEXT(text)                                                                      \
  const ::ace::test::Context ACE_TEST_JOIN(ace_context_, __LINE__)([&] {                   \
    std::ostringstream ace_context_text;                                                   \
    ace_context_text << text;                                                              \
    return ace_context_text.str();                                                         \
  }())

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (condition) ::ace::test::count_passed();                               \
    else ::ace::test::count(false, __FILE__, __LINE__, #condition);           \
  } while (false)

#define CHECK_EQ(a, b)                                                                                                   \
  do {                                                                                                                   \
    const auto ace_a = (a);                                                                                              \
    const auto ace_b = (b);                                                                                              \
    if (ace_a == ace_b) ::ace::test::count_passed();                                                                     \
    else ::ace::test::count(false, __FILE__, __LINE__, #a " == " #b ": " + ::ace::test::show(ace_a) + " and " + ::ace::test::show(ace_b)); \
  } while (false)

#define CHECK_NEAR(a, b, bound)                                                                                    \
  do {                                                                                                             \
    const double ace_a = static_cast<double>(a), ace_b = static_cast<double>(b), ace_bound = static_cast<double>(bound); \
    if (ace_a == ace_b || std::abs(ace_a - ace_b) <= ace_bound) ::ace::test::count_passed();                       \
    else ::ace::test::count(false, __FILE__, __LINE__, #a " near " #b ": " + ::ace::test::show(ace_a) + " and " +  \
                                                           ::ace::test::show(ace_b) + ", apart " +                 \
                                                           ::ace::test::show(std::abs(ace_a - ace_b)) + " > " + ::ace::test::show(ace_bound)); \
  } while (false)

#define CHECK_THROWS(expression, text) \
  ::ace::test::check_throws([&] { (void)(expression); }, text, __FILE__, __LINE__, #expression)
