#include "gateway/cache/key.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <string>

#include "key_reference.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::cache {
namespace {

using policy::OperationId;
using test::shown;

constexpr Scope scope_of(std::uint8_t first) { return {first, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}; }

// The key's bytes, or "" when the query has none.
std::string key_of(std::string_view query, std::uint8_t scope = 1, OperationId operation = OperationId::read_submission) {
  test::ExactCopy const exact(query);
  KeyBuffer key;
  bool const built = build_key(scope_of(scope), operation, exact.view(), key);
  EXPECT_EQ(built, !key.empty());
  return std::string(key.view());
}

std::string hex_escape(char c, bool upper) {
  static constexpr char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";
  auto const* digits = upper ? upper_digits : lower_digits;
  auto const byte = static_cast<unsigned char>(c);
  return {'%', digits[byte >> 4], digits[byte & 15]};
}

struct Case {
  char const *one, *other;
  bool meet;
};

constexpr bool meet = true, differ = false;
constexpr Case cases[] = {
    // The order of pairs, empty pairs.
    {"", "", meet},
    {"", "&", meet},
    {"", "&&&", meet},
    {"a=1", "a=1&", meet},
    {"a=1", "&a=1", meet},
    {"a=1&b=2", "a=1&&b=2", meet},
    {"a=1&b=2", "b=2&a=1", meet},
    {"a=1&b=2&c=3", "c=3&a=1&b=2", meet},
    {"a=1&b=2&c=3", "b=2&c=3&&a=1", meet},
    {"ab=1&a=2", "a=2&ab=1", meet},
    {"count=50&submission_id=sbx1", "submission_id=sbx1&count=50", meet},
    {"nextpage_id=x&nextpage_date=2024-05-06T07:08:09.010Z", "nextpage_date=2024-05-06T07%3A08%3a09.010Z&nextpage_id=x", meet},
    {"%61=1&b=2", "b=2&a=1", meet},
    {"", "a", differ},
    {"", "=", differ},
    {"a=1", "b=1", differ},
    {"a=1", "a=2", differ},
    {"a=1", "a=1&b=2", differ},
    {"a=1&b=2", "a=2&b=1", differ},
    {"a=1&b=2", "a=1b=2", differ},
    {"a=1&b=2", "a=1%26b=2", differ},
    {"a=1&b=2", "a=1&b=2&b=2", differ},
    {"submission_id=sbx1", "submission_id=sbx2", differ},
    {"submission_id=sbx1", "submissionId=sbx1", differ},
    {"email=a@example.test", "userid=a@example.test", differ},
    {"ab=c", "a=bc", differ},
    {"ab=", "a=b", differ},
    {"a=b&c", "a=b%26c", differ},
    {"a&b", "ab", differ},
    {"a&b", "a=b", differ},
    // Repeated names keep their order, also when only some readers take them for repeated.
    {"a=1&a=2", "a=1&&a=2", meet},
    {"a=1&b=3&a=2", "b=3&a=1&a=2", meet},
    {"a=1&%61=2", "a=1&a=2", meet},
    {"a=1&a=2", "a=2&a=1", differ},
    {"a=1&b=3&a=2", "a=2&b=3&a=1", differ},
    {"a=1&%61=2", "%61=2&a=1", differ},
    {"a=1&a=1", "a=1", differ},
    {"a&a=1", "a=1&a", differ},
    {"A=1&a=2", "a=2&A=1", differ},
    {"submission_id=1&submissionId=2", "submissionId=2&submission_id=1", differ},
    {"a+b=1&a%20b=2", "a%20b=2&a+b=1", differ},
    {"a+b=1&a%2Bb=2", "a%2Bb=2&a+b=1", differ},
    {"a[]=1&a=2", "a=2&a[]=1", differ},
    {"a.b=1&a_b=2", "a_b=2&a.b=1", differ},
    // Names without '=', empty names and values.
    {"a", "a", meet},
    {"a&b", "b&a", meet},
    {"=x", "=x", meet},
    {"a", "a=", differ},
    {"a=", "a==", differ},
    {"a", "%61=", differ},
    {"=", "==", differ},
    {"=x", "x", differ},
    {"=x", "x=", differ},
    // '=' in values and names.
    {"a=b=c", "a=b=c", meet},
    {"a=b%3dc", "a=b%3Dc", meet},
    {"a=b=c", "a=b%3Dc", differ},
    {"a=b", "a%3Db", differ},
    {"a%3Db=c", "a=b%3Dc", differ},
    {"a%3Db=c", "a=b=c", differ},
    // '+', blanks, ';', '&', '%'.
    {"a=b+c", "a=b+c", meet},
    {"a=b%2bc", "a=b%2Bc", meet},
    {"a=b%3bc", "a=b%3Bc", meet},
    {"a=%26", "%61=%26", meet},
    {"a=b+c", "a=b%2Bc", differ},
    {"a=b+c", "a=b%20c", differ},
    {"a=b%2Bc", "a=b%20c", differ},
    {"a+b=1", "a%20b=1", differ},
    {"a+b=1", "a%2Bb=1", differ},
    {"a=b;c", "a=b%3Bc", differ},
    {"a=1;b=2", "a=1&b=2", differ},
    {"a=1;b=2", "a=1%3Bb=2", differ},
    {"x;a=1&a=2", "a=2&x;a=1", differ},
    {"b=1;c&a=2", "a=2&b=1;c", differ},
    {"a=%26", "a=&", differ},
    {"a=%25", "a=%2525", differ},
    {"a=%2541", "a=A", differ},
    {"a=%2541", "a=%41", differ},
    {"a=%00", "a=", differ},
    {"a=%00", "a=0", differ},
    {"a=%0A", "a=%0D", differ},
    {"a=%0D%0A", "a=%0A", differ},
    {"a=%23", "a=%22", differ},
    {"a=%20", "a=", differ},
    {"a=%20b", "a=b", differ},
    // Unreserved bytes and harmless reserved ones meet their encoded form, in either case of its digits.
    {"a=b", "a=%62", meet},
    {"a=B", "a=%42", meet},
    {"a=0", "a=%30", meet},
    {"a=-", "a=%2d", meet},
    {"a=.", "a=%2E", meet},
    {"a=_", "a=%5f", meet},
    {"a=~", "a=%7E", meet},
    {"a_b=c", "a%5Fb=%63", meet},
    {"submission%5Fid=sbx1", "submission_id=s%62x1", meet},
    {"email=mina@example.test", "email=mina%40example.test", meet},
    {"email=mina%2bkyc%40example.test", "email=mina%2Bkyc@example.test", meet},
    {"a=:", "a=%3A", meet},
    {"a=:", "a=%3a", meet},
    {"a=/", "a=%2F", meet},
    {"a=?", "a=%3f", meet},
    {"a=@", "a=%40", meet},
    {"a=,", "a=%2C", meet},
    {"a=!", "a=%21", meet},
    {"a=$", "a=%24", meet},
    {"a='", "a=%27", meet},
    {"a=(", "a=%28", meet},
    {"a=)", "a=%29", meet},
    {"a=*", "a=%2A", meet},
    {"a=%c3%a9", "a=%C3%A9", meet},
    {"a=%E2%82%ac", "a=%e2%82%AC", meet},
    // What a URI may not hold plain, and brackets, which make lists for some.
    {"a=[", "a=%5B", differ},
    {"a=]", "a=%5D", differ},
    {"a[]=1", "a%5B%5D=1", differ},
    {"a=\"", "a=%22", differ},
    {"a=<", "a=%3C", differ},
    {"a=>", "a=%3E", differ},
    {"a=\\", "a=%5C", differ},
    {"a=^", "a=%5E", differ},
    {"a=`", "a=%60", differ},
    {"a={", "a=%7B", differ},
    {"a=|", "a=%7C", differ},
    {"a=}", "a=%7D", differ},
    // Case counts, in names and values; so does each byte of other alphabets.
    {"a=1", "A=1", differ},
    {"a=b", "a=B", differ},
    {"submission_id=sbx1", "Submission_id=sbx1", differ},
    {"submission_id=sbx1", "submission_id=SBX1", differ},
    {"a=%62", "a=%42", differ},
    {"a=%C3%A9", "a=%C3%89", differ},
    {"a=%C3%A9", "a=e%CC%81", differ},
    {"a=%E9", "a=%C3%A9", differ},
    {"count=1", "count=01", differ},
    {"count=10", "count=1&count=0", differ},
};

TEST(Key, PairsOfTheTableMeetOrDoNot) {
  static_assert(std::size(cases) >= 100);
  std::set<std::pair<std::string_view, std::string_view>> distinct;
  for (auto const& [one, other, expected] : cases) {
    auto const a = key_of(one), b = key_of(other);
    ASSERT_FALSE(a.empty()) << one;
    ASSERT_FALSE(b.empty()) << other;
    EXPECT_EQ(a == b, expected) << "'" << one << "' and '" << other << "': " << shown(a) << " / " << shown(b);
    EXPECT_TRUE(distinct.emplace(one, other).second) << "'" << one << "' and '" << other << "' stand there twice";
  }
}

TEST(Key, ScopesAndOperationsNeverMeet) {
  for (auto query : {"", "submission_id=sbx1", "applicant_id=a"}) {
    EXPECT_NE(key_of(query, 1), key_of(query, 2));
    EXPECT_NE(key_of(query, 1, OperationId::read_submission), key_of(query, 1, OperationId::read_applicant));
  }
  for (std::size_t i = 0; i < sizeof(Scope); ++i) {
    Scope scope = scope_of(1);
    scope[i] ^= 0x80;
    KeyBuffer key;
    ASSERT_TRUE(build_key(scope, OperationId::read_submission, "a=1", key));
    EXPECT_NE(key.view(), key_of("a=1")) << i;
  }
}

TEST(Key, EachByteHasItsOwn) {
  // Plain or encoded, 256 values of a byte are 256 questions, and a plain form is at most one of them.
  std::set<std::string> encoded;
  for (int c = 0; c < 256; ++c) {
    auto const byte = static_cast<char>(c);
    auto const key = key_of("a=" + hex_escape(byte, true));
    EXPECT_TRUE(encoded.insert(key).second) << c;
    EXPECT_EQ(key, key_of("a=" + hex_escape(byte, false))) << c;
    if (c <= 0x20 || c >= 0x7f || byte == '#' || byte == '%' || byte == '&') continue;
    EXPECT_EQ(key == key_of(std::string("a=") + byte), test::either_form_is_one(byte)) << byte;
  }
  EXPECT_EQ(encoded.size(), 256u);
}

TEST(Key, NoneForWhatNoTargetMayHoldAndForTooMany) {
  for (auto query : {"%", "a=%", "a=%4", "a=%4&b", "a=%zz", "a=%g0", "a=%0g", "a=b%", "a=%%41", "a= b", "a=\tb", "a=#", "a=\x7f", "a=\xc3\xa9", "\r\n"})
    EXPECT_EQ(key_of(query), "") << query;
  EXPECT_EQ(key_of(std::string_view("a=\0", 3)), "");
  std::string many = "a";
  for (std::size_t i = 1; i < max_key_pairs; ++i) many += "&a";
  EXPECT_NE(key_of(many), "");
  EXPECT_NE(key_of(many + "&&&"), "") << "empty pairs do not count";
  EXPECT_EQ(key_of(many + "&a"), "");
  EXPECT_NE(key_of(std::string(http::max_target_bytes, 'a')), "");
  EXPECT_EQ(key_of(std::string(http::max_target_bytes + 1, 'a')), "");
  std::string longest;
  while (longest.size() + 3 <= http::max_target_bytes) longest += "%ff";
  EXPECT_EQ(key_of(longest).size(), KeyBuffer::head_bytes + longest.size());
}

TEST(Key, ABufferIsUsedAgain) {
  KeyBuffer key;
  ASSERT_TRUE(build_key(scope_of(1), OperationId::read_submission, "email=someone%40example.test", key));
  ASSERT_TRUE(build_key(scope_of(1), OperationId::read_submission, "b=1", key));
  EXPECT_EQ(key.view(), key_of("b=1"));
  // Nothing of the longer one is left behind the shorter one; it lies in the same object.
  std::string_view const behind(key.view().data() + key.view().size(), 23);
  EXPECT_EQ(behind, std::string(23, '\0'));
  EXPECT_FALSE(build_key(scope_of(1), OperationId::read_submission, "b=%", key));
  EXPECT_TRUE(key.empty());
}

// --- Properties -----------------------------------------------------------------------------------------------------

using test::Questions;
using test::Random;

// What a key says, read back: nothing was lost, so different questions have different keys.
Questions read_back(std::string_view key) { return test::questions_of(key.substr(KeyBuffer::head_bytes)); }

std::string random_text(Random& random, std::size_t longest, bool value) {
  std::string text;
  for (auto size = random.below(longest + 1); size > 0; --size) {
    if (random.chance(3)) {
      text += hex_escape(random.byte(), random.chance(2));
    } else {
      char const c = random.from("abAB01_-.~:/?@,!$'()*+\"<>[]\\^`{|}");
      text += value && random.chance(20) ? '=' : c;
    }
  }
  return text;
}

std::string random_query(Random& random) {
  std::string query;
  for (auto pairs = random.below(6); pairs > 0; --pairs) {
    query += random_text(random, 3, false);
    if (!random.chance(4)) query += "=" + random_text(random, 6, true);
    if (random.chance(30)) query += ";";
    query += random.chance(5) ? "&&" : "&";
  }
  return query;
}

// The same question in other words: other digits, encoded where both forms are one.
std::string respelled(Random& random, std::string_view query) {
  std::string text;
  for (std::size_t i = 0; i < query.size(); ++i) {
    char c = query[i];
    bool const encoded = c == '%';
    if (encoded) {
      c = static_cast<char>(hex_value(query[i + 1]) * 16 + hex_value(query[i + 2]));
      i += 2;
    }
    bool const free = test::either_form_is_one(c);
    bool const encode = free ? random.chance(2) : encoded;
    text += encode ? hex_escape(c, random.chance(2)) : std::string(1, c);
  }
  return text;
}

TEST(KeyProperty, AKeyCanBeReadBack) {
  Random random("AKeyCanBeReadBack");
  for (int i = 0; i < 20'000; ++i) {
    auto const query = random_query(random);
    auto const key = key_of(query);
    ASSERT_FALSE(key.empty()) << query;
    ASSERT_TRUE(read_back(key) == test::in_key_order(test::questions_of(query))) << query << "\n" << shown(key);
  }
}

TEST(KeyProperty, OtherWordsForOneQuestionMeet) {
  Random random("OtherWordsForOneQuestionMeet");
  for (int i = 0; i < 20'000; ++i) {
    // Names that no reader confuses, in two orders.
    std::vector<std::string> pairs;
    auto const count = random.below(5);
    for (std::size_t p = 0; p < count; ++p) {
      std::string pair(1, static_cast<char>('a' + p));
      pair += random.word("xyz_", random.below(3));
      if (!random.chance(4)) pair += "=" + random_text(random, 6, true);
      pairs.push_back(pair);
    }
    std::string one, other;
    for (auto const& pair : pairs) one += pair + "&";
    while (!pairs.empty()) {
      auto const at = random.below(pairs.size());
      if (random.chance(4)) other += '&';
      other += respelled(random, pairs[at]) + "&";
      pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(key_of(one), key_of(other)) << one << "\n" << other;
  }
}

TEST(KeyProperty, AnyChangeOfANameOrValueIsAnotherQuestion) {
  Random random("AnyChangeOfANameOrValueIsAnotherQuestion");
  for (int i = 0; i < 20'000; ++i) {
    // Decoded names and values of any bytes, encoded throughout.
    std::vector<std::pair<std::string, std::string>> pairs(1 + random.below(4));
    for (auto& [name, value] : pairs) {
      name = random.bytes(1 + random.below(4));
      value = random.bytes(random.below(6));
    }
    auto const encoded = [&] {
      std::string query;
      for (auto const& [name, value] : pairs) {
        for (char c : name) query += hex_escape(c, true);
        query += '=';
        for (char c : value) query += hex_escape(c, false);
        query += '&';
      }
      return query;
    };
    auto const before = encoded();
    auto& [name, value] = pairs[random.below(pairs.size())];
    auto& changed = random.chance(2) ? name : value;
    auto const at = random.below(changed.size() + 1);
    if (at == changed.size())
      changed += random.byte();
    else
      changed[at] = static_cast<char>(changed[at] ^ (1 + random.below(255)));
    ASSERT_NE(key_of(before), key_of(encoded())) << before << "\n" << encoded();
  }
}

// Each query is compared with many: two keys are equal exactly when the independent reading says so.
TEST(KeyProperty, SmallQueriesMeetExactlyWhenTheReferenceSaysSo) {
  std::vector<std::string> queries = {""};
  std::string_view const pieces[] = {"a", "%61", "A", "=", "%3D", "&", "+", "%2b", ";", "_"};
  for (std::size_t begin = 0, length = 0; length < 3; ++length) {
    auto const end = queries.size();
    for (; begin < end; ++begin)
      for (auto piece : pieces) queries.push_back(queries[begin] + std::string(piece));
  }
  std::vector<std::pair<std::string, Questions>> all;
  for (auto const& query : queries) all.emplace_back(key_of(query), test::in_key_order(test::questions_of(query)));
  std::size_t met = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      bool const same = all[i].first == all[j].first;
      met += same;
      ASSERT_EQ(same, all[i].second == all[j].second) << queries[i] << "  " << queries[j];
    }
  EXPECT_GT(met, 500u);
}

// --- The hash -------------------------------------------------------------------------------------------------------

TEST(Hash, EachBitOfKeyAndSeedChangesHalfOfTheBits) {
  Random random("EachBitOfKeyAndSeedChangesHalfOfTheBits");
  for (std::size_t size : {1u, 7u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 48u, 64u, 100u}) {
    std::array<std::uint32_t, 64> flips{};
    std::uint32_t tries = 0;
    while (tries < 20'000) {
      auto const seed = random.bits();
      auto text = random.bytes(size);
      auto const before = hash_key(text, seed);
      for (std::size_t bit = 0; bit < size * 8 + 64; ++bit, ++tries) {
        auto changed = text;
        auto other_seed = seed;
        if (bit < size * 8)
          changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        else
          other_seed ^= std::uint64_t{1} << (bit - size * 8);
        auto const difference = before ^ hash_key(changed, other_seed);
        // A coin thrown 64 times shows fewer than 6 heads once in 2 * 10^12 tries.
        ASSERT_GE(std::popcount(difference), 6) << size << " bytes, bit " << bit;
        for (std::size_t i = 0; i < 64; ++i) flips[i] += difference >> i & 1;
      }
    }
    // Twelve standard deviations and more.
    for (std::size_t i = 0; i < 64; ++i) EXPECT_NEAR(flips[i] / double(tries), 0.5, 0.05) << size << " bytes, bit " << i;
  }
}

TEST(Hash, TellsLengthsPlacesAndSeedsApart) {
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size <= 200; ++size) ASSERT_TRUE(seen.insert(hash_key(std::string(size, '\0'), 1)).second);
  std::string words(64, 'a');
  words.replace(0, 8, 8, 'b');
  auto swapped = words;
  std::swap_ranges(swapped.begin(), swapped.begin() + 16, swapped.begin() + 16);
  EXPECT_NE(hash_key(words, 1), hash_key(swapped, 1));
  EXPECT_NE(hash_key(words, 1), hash_key(words, 2));
  EXPECT_NE(hash_key("", 0), 0u);
}

TEST(Hash, KeysInARowSpreadOverSlotsAndShards) {
  constexpr std::size_t keys = 200'000, slots = 1024;
  std::vector<std::size_t> low(slots), high(slots);
  std::set<std::uint64_t> distinct;
  for (std::size_t i = 0; i < keys; ++i) {
    auto const hash = hash_key(key_of("submission_id=sbx" + std::to_string(i)), 0x1234);
    distinct.insert(hash);
    ++low[hash % slots];
    ++high[hash >> 54];
  }
  EXPECT_EQ(distinct.size(), keys);
  // 195 a slot on average, with a deviation of 14: seven of them.
  for (auto const* counts : {&low, &high})
    for (auto count : *counts) EXPECT_NEAR(static_cast<double>(count), 195.3, 98);
}

// --- The submission that is asked for ----------------------------------------------------------------------------------

std::string asked(std::string_view query) {
  test::ExactCopy const exact(query);
  auto const found = asked_submission(exact.view());
  EXPECT_EQ(static_cast<bool>(found), found.kind() == AskedSubmission::Kind::one);
  if (found) return "one " + std::string(*found);
  return found.kind() == AskedSubmission::Kind::none ? "none" : "unclear";
}

TEST(Asked, OneSubmissionInAnyDocumentedSpelling) {
  EXPECT_EQ(asked("submission_id=sbx1"), "one sbx1");
  EXPECT_EQ(asked("Submission_id=sbx1"), "one sbx1");
  EXPECT_EQ(asked("submissionId=sbx1&admin_name=a"), "one sbx1");
  EXPECT_EQ(asked("&a=1&&%73ubmission%5fid=%73bx1&"), "one sbx1");
  EXPECT_EQ(asked("submission_id=a=b"), "one a=b");
  EXPECT_EQ(asked("submission_id=a%2Bb%00%ff"), std::string("one a+b\0\xff", 9));
  EXPECT_EQ(asked("submission_id=" + std::string(256, 'x')), "one " + std::string(256, 'x'));
}

TEST(Asked, NoneIsNamed) {
  for (auto query : {"", "&", "a=1", "userid=submission_id", "email=a@example.test&count=5", "submission=1", "id=1", "xsubmission_id=1", "submission_ids=1", "=submission_id", "applicant_id=1"})
    EXPECT_EQ(asked(query), "none") << query;
}

TEST(Asked, UnclearIsNeverTakenForOne) {
  for (auto query : {"submission_id=a&submission_id=b", "submission_id=a&submission_id=a", "submission_id=a&submissionId=b", "submission_id=a&SUBMISSION_ID=b",
                     "submission_id=a&submission-id=b", "submission_id[]=a", "submission_id=", "submission_id", "submission_id=a+b", "submission_id=a;b",
                     "a=1;submission_id=x", "submission_id=a&b=1;c", "submission_id=%", "a=%&submission_id=x", "submission id=x", "submission%20id=x",
                     "submission_id=a&submission_id", "submission_id&submission_id=a", "+submission_id=a", "s.u.b.m.i.s.s.i.o.n.i.d=a"})
    EXPECT_EQ(asked(query), "unclear") << query;
  EXPECT_EQ(asked("submission_id=" + std::string(257, 'x')), "unclear");
}

}  // namespace
}  // namespace gateway::cache
