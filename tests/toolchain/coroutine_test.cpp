#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

// Temporaries in expressions with co_await. g++ 12 destroys some of them twice; this compiler must destroy each
// exactly once, in every form that code is likely to use.
namespace {

namespace asio = boost::asio;
template <class T>
using Task = asio::awaitable<T>;

// Knows every object that is alive, so that a second destruction is seen and a missing one too.
class Tracked {
 public:
  Tracked() { enter(); }
  Tracked(Tracked const&) { enter(); }
  Tracked(Tracked&&) noexcept { enter(); }
  Tracked& operator=(Tracked const&) = default;
  Tracked& operator=(Tracked&&) noexcept = default;
  ~Tracked() {
    if (alive.erase(this) == 0) ++destroyed_twice;
  }
  static inline std::set<Tracked const*> alive;
  static inline int destroyed_twice = 0;

 private:
  void enter() { alive.insert(this); }
};

struct Aggregate {
  Tracked first;
  std::string text;
  Tracked second;
};
struct Constructed {
  Tracked tracked;
  std::string text;
  Constructed(Tracked t, std::string s) : tracked(std::move(t)), text(std::move(s)) {}
};

// Long enough to live on the heap, so that a sanitizer sees a double free.
std::string large(char c) { return std::string(64, c); }
Aggregate make_aggregate() { return {Tracked(), large('m'), Tracked()}; }

Task<void> pause() { co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); }
Task<int> by_value(Aggregate a) {
  co_await pause();
  co_return static_cast<int>(a.text.size());
}
Task<int> by_reference(Aggregate const& a) {
  co_await pause();
  co_return static_cast<int>(a.text.size());
}
Task<int> constructed(Constructed c) {
  co_await pause();
  co_return static_cast<int>(c.text.size());
}
Task<int> optional_text(std::optional<std::string> text) {
  co_await pause();
  co_return static_cast<int>(text->size());
}
Task<int> text_reference(std::string const& text) {
  co_await pause();
  co_return static_cast<int>(text.size());
}
Task<std::string> echo(std::string text) {
  co_await pause();
  co_return text;
}
Task<int> call(std::function<int()> f) {
  co_await pause();
  co_return f();
}
template <class F>
Task<int> call_any(F f) {
  co_await pause();
  co_return f();
}
Task<bool> yes() { co_return true; }
Task<Aggregate> returned() { co_return Aggregate{Tracked(), large('r'), Tracked()}; }
Task<std::pair<int, std::unique_ptr<Tracked>>> pair() {
  co_return std::pair<int, std::unique_ptr<Tracked>>{1, std::make_unique<Tracked>()};
}

// Runs one coroutine to its end and looks at what it left behind.
void run(Task<void> (*pattern)()) {
  Tracked::alive.clear();
  Tracked::destroyed_twice = 0;
  bool finished = false;
  {
    asio::io_context io(1);
    asio::co_spawn(io, pattern(), [&](std::exception_ptr error) {
      EXPECT_FALSE(error);
      finished = true;
    });
    io.run();
  }
  EXPECT_TRUE(finished);
  EXPECT_EQ(Tracked::destroyed_twice, 0);
  EXPECT_TRUE(Tracked::alive.empty()) << Tracked::alive.size() << " never destroyed";
}

#define PATTERN(name, ...)                    \
  TEST(CoroutineTemporaries, name) {          \
    run([]() -> Task<void> { __VA_ARGS__; }); \
  }

PATTERN(BracedAggregateByValue, EXPECT_EQ(co_await by_value(Aggregate{Tracked(), large('a'), Tracked()}), 64))
PATTERN(BareBracesByValue, EXPECT_EQ(co_await by_value({Tracked(), large('a'), Tracked()}), 64))
PATTERN(DesignatedInitialisers,
        EXPECT_EQ(co_await by_value(Aggregate{.first = Tracked(), .text = large('a'), .second = Tracked()}), 64))
PATTERN(BracedAggregateByReference, EXPECT_EQ(co_await by_reference(Aggregate{Tracked(), large('a'), Tracked()}), 64))
PATTERN(NamedAggregateMoved, Aggregate a{Tracked(), large('a'), Tracked()};
        EXPECT_EQ(co_await by_value(std::move(a)), 64))
PATTERN(FunctionResult, EXPECT_EQ(co_await by_value(make_aggregate()), 64))
PATTERN(ClassWithConstructor, EXPECT_EQ(co_await constructed(Constructed(Tracked(), large('a'))), 64))
PATTERN(OptionalText, EXPECT_EQ(co_await optional_text(large('a')), 64))
PATTERN(TextByReference, EXPECT_EQ(co_await text_reference(large('a')), 64))
PATTERN(TextByValue, EXPECT_EQ((co_await echo(large('a'))).size(), 64u))
PATTERN(TaskNamedBeforeCoAwait, auto task = by_value(Aggregate{Tracked(), large('a'), Tracked()});
        EXPECT_EQ(co_await std::move(task), 64))
PATTERN(LambdaAsFunctionObject, Tracked t; EXPECT_EQ(co_await call([t] { return 1; }), 1))
PATTERN(LambdaAsTemplateArgument, Tracked t; EXPECT_EQ(co_await call_any([t] { return 1; }), 1))
PATTERN(NamedLambdaMoved, Tracked t; auto f = [t] { return 1; }; EXPECT_EQ(co_await call_any(std::move(f)), 1))
PATTERN(LambdaOwningAPointer, auto p = std::make_unique<Tracked>();
        EXPECT_EQ(co_await call_any([p = std::move(p)] { return p ? 1 : 0; }), 1))
PATTERN(BoundArguments, Tracked t; EXPECT_EQ(co_await call_any(std::bind([](Tracked const&) { return 1; }, t)), 1))
PATTERN(CapturingCoroutineSpawnedInPlace, Tracked t; co_await asio::co_spawn(
            co_await asio::this_coro::executor, [t]() -> Task<void> { co_await pause(); }, asio::use_awaitable))
PATTERN(ConditionalExpression, Tracked t; auto s = co_await yes() ? co_await echo(large('a')) : large('b');
        EXPECT_EQ(s, large('a')))
PATTERN(BothSidesOfAnd, Tracked t;
        bool const both = co_await call_any([t] { return 0; }) == 0 && co_await call_any([t] { return 1; }) == 1;
        EXPECT_TRUE(both))
PATTERN(CoAwaitInsideAnInitialiser, Aggregate a{Tracked(), co_await echo(large('a')), Tracked()};
        EXPECT_EQ(a.text.size(), 64u))
PATTERN(CoAwaitInAForLoop, Tracked t;
        for (auto s = co_await echo(large('a')); !s.empty(); s.clear()) EXPECT_EQ(s.size(), 64u))
PATTERN(ReturnedAggregate, auto const a = co_await returned(); EXPECT_EQ(a.text.size(), 64u))
PATTERN(IfWithInitialiser, if (auto a = co_await returned(); !a.text.empty()) EXPECT_EQ(a.text.size(), 64u))
PATTERN(TwoCoAwaitsInOneExpression, auto s = (co_await returned()).text + (co_await returned()).text;
        EXPECT_EQ(s.size(), 128u))
PATTERN(StructuredBinding, auto [number, pointer] = co_await pair(); EXPECT_EQ(number, 1); EXPECT_TRUE(pointer))
PATTERN(NothingAtAll, co_return)

TEST(CoroutineTemporaries, TheCountingNoticesASecondDestructionAndALeak) {
  Tracked::alive.clear();
  Tracked::destroyed_twice = 0;
  alignas(Tracked) unsigned char place[sizeof(Tracked)];
  auto* object = new (place) Tracked;
  EXPECT_EQ(Tracked::alive.size(), 1u);
  object->~Tracked();
  EXPECT_TRUE(Tracked::alive.empty());
  Tracked* again = object;
  again->~Tracked();
  EXPECT_EQ(Tracked::destroyed_twice, 1);
  Tracked::destroyed_twice = 0;
}

}  // namespace
