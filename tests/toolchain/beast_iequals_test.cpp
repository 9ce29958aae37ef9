#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/beast/core/string.hpp>
#include <cstring>
#include <string_view>

#include "gateway/base/ascii.hpp"

// Why beast::iequals is banned: it reads one byte past texts that differ in case. Each text ends where a page ends,
// and the next page must not be touched.
namespace {

// `text` in front of a page that cannot be read.
std::string_view at_the_end_of_a_page(std::string_view text) {
  auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  auto* memory =
      static_cast<char*>(::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED || ::mprotect(memory + page, page, PROT_NONE) != 0) ::_exit(2);
  std::memcpy(memory + page - text.size(), text.data(), text.size());
  return {memory + page - text.size(), text.size()};
}

// How a child ends that compares two such texts: 0 when they are equal, 1 when not, minus the signal that ended it.
template <class Compare>
int outcome(Compare compare) {
  auto const child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);  // no report of a sanitizer: the fault is what is asked for
    auto const a = at_the_end_of_a_page("Chunked"), b = at_the_end_of_a_page("chunked");
    ::_exit(compare(a, b) ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 99;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(BeastIequals, ReadsPastItsArguments) {
  EXPECT_EQ(outcome([](std::string_view a, std::string_view b) {
              return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
            }),
            -SIGSEGV);
}

TEST(BeastIequals, OursDoesNot) {
  EXPECT_EQ(outcome([](std::string_view a, std::string_view b) { return gateway::iequals(a, b); }), 0);
}

}  // namespace
