#include "gateway/base/secret.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <concepts>
#include <cstring>
#include <sstream>
#include <type_traits>

namespace gateway::test {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);

template <class T>
concept streamable = requires(std::ostream& out, T const& value) { out << value; };
template <class T>
concept comparable = requires(T const& a, T const& b) { a == b; };
template <class T>
concept comparable_with_text = requires(T const& a, std::string_view b) { a == b; };
static_assert(streamable<int> && comparable<int>, "the questions are well asked");
static_assert(!streamable<Secret> && !comparable<Secret> && !comparable_with_text<Secret>);
static_assert(!std::convertible_to<Secret, std::string> && !std::convertible_to<Secret, std::string_view> &&
              !std::convertible_to<Secret, char const*> && !std::convertible_to<Secret, bool>);
static_assert(!std::is_constructible_v<std::string, Secret> && !std::is_constructible_v<std::string_view, Secret>);
static_assert(!std::is_constructible_v<Secret, std::string> && !std::is_constructible_v<Secret, char const*>,
              "only take() makes one");

std::string const canary = "CANARY-key-0123456789-abcdefghij";

Secret make(std::string text = canary) { return Secret::take(std::move(text)); }

TEST(Secret, HoldsItsBytes) {
  auto const secret = make();
  EXPECT_EQ(secret.expose(), canary);
  EXPECT_EQ(secret.size(), canary.size());
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret().size(), 0u);
  EXPECT_TRUE(make("").empty());
}

TEST(Secret, WipesWhatItWasTakenFrom) {
  char source[] = "CANARY-key";
  auto const secret = Secret::take(std::span<char>(source, sizeof source - 1));
  EXPECT_EQ(secret.expose(), "CANARY-key");
  for (std::size_t i = 0; i + 1 < sizeof source; ++i) EXPECT_EQ(source[i], 0) << i;

  std::string longer = canary + canary;
  char const* bytes = longer.data();
  auto const from_string = Secret::take(std::move(longer));
  EXPECT_TRUE(longer.empty());
  ASSERT_EQ(longer.data(), bytes) << "the string keeps its memory, so it can be looked at";
  for (std::size_t i = 0; i < 2 * canary.size(); ++i) EXPECT_EQ(bytes[i], 0) << i;
}

TEST(Secret, MovingLeavesNothingBehind) {
  auto first = make();
  auto second = std::move(first);
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second.expose(), canary);
  first = make("other");
  second = std::move(first);
  EXPECT_EQ(second.expose(), "other");
  EXPECT_TRUE(first.empty());
  auto& same = second;
  second = std::move(same);
  EXPECT_EQ(second.expose(), "other") << "moving onto itself keeps the bytes";
}

// The page itself: gone after destruction, so nobody can look at it any more.
bool is_mapped(char const* address) {
  auto const page = reinterpret_cast<std::uintptr_t>(address) & ~std::uintptr_t{4095};
  unsigned char resident = 0;
  return ::mincore(reinterpret_cast<void*>(page), 4096, &resident) == 0;
}

TEST(Secret, HasPagesOfItsOwnThatGoAway) {
  char const* address = nullptr;
  {
    auto const secret = make();
    address = secret.expose().data();
    EXPECT_TRUE(is_mapped(address));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % 4096, 0u) << "no neighbours in the page";
    auto const large = make(std::string(9000, 'x'));
    EXPECT_EQ(large.size(), 9000u);
  }
  EXPECT_FALSE(is_mapped(address));
}

TEST(Secret, IsLeftOutOfCoreDumps) {
  auto const secret = make();
  auto* const maps = std::fopen("/proc/self/smaps", "r");
  ASSERT_NE(maps, nullptr);
  char line[512];
  bool inside = false, found = false;
  auto const wanted = reinterpret_cast<unsigned long>(secret.expose().data());
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0, end = 0;
    if (std::sscanf(line, "%lx-%lx ", &begin, &end) == 2) inside = begin <= wanted && wanted < end;
    if (inside && std::strncmp(line, "VmFlags:", 8) == 0) {
      found = true;
      EXPECT_NE(std::strstr(line, " dd"), nullptr) << line;
    }
  }
  std::fclose(maps);
  EXPECT_TRUE(found);
}

TEST(Secret, EqualsOnlyItself) {
  auto const secret = make();
  EXPECT_TRUE(secret.equals(canary));
  EXPECT_FALSE(secret.equals(""));
  EXPECT_FALSE(secret.equals(canary.substr(1)));
  EXPECT_FALSE(secret.equals(canary + "x"));
  for (std::size_t i = 0; i < canary.size(); ++i) {
    auto other = canary;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(secret.equals(other)) << i;
  }
}

TEST(Secret, WipeOverwritesSpansAndWholeStrings) {
  char bytes[8] = {'s', 'e', 'c', 'r', 'e', 't', '!', '?'};
  wipe(std::span<char>(bytes));
  for (char c : bytes) EXPECT_EQ(c, 0);
  wipe(std::span<char>());

  std::string text = canary + canary;
  text.resize(5);  // the rest of the buffer still holds the secret
  char const* memory = text.data();
  auto const size = text.capacity();
  wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), memory);
  for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(memory[i], 0) << i;
}

TEST(Secret, FingerprintTellsKeysApartAndRevealsNothing) {
  auto const print = fingerprint(make());
  EXPECT_EQ(print.size(), 8u);
  EXPECT_EQ(print.find_first_not_of("0123456789abcdef"), print.npos);
  EXPECT_EQ(fingerprint(make()), print) << "the same for the same key";
  EXPECT_NE(fingerprint(make(canary + "x")), print);
  EXPECT_EQ(canary.find(print), canary.npos);
}

TEST(Secret, CoreDumpsCanBeForbidden) {
  auto const child = ::fork();
  if (child == 0) {
    rlimit limit{};
    bool const done = forbid_core_dumps() && ::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
                      limit.rlim_max == 0 && ::prctl(PR_GET_DUMPABLE) == 0;
    ::_exit(done ? 0 : 1);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace gateway::test
