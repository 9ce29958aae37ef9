#include "gateway/cache/key.hpp"

#include <cstring>

#include "gateway/base/ascii.hpp"
#include "gateway/base/secret.hpp"

namespace gateway::cache {
namespace {

// Bytes that every reader of forms takes alike, plain or encoded: unreserved ones (RFC 3986 section 2.3) and those
// reserved ones that have no meaning in a form.
constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) table[static_cast<std::size_t>(c)] = is_alnum(static_cast<char>(c));
  for (char c : std::string_view("-._~:/?@,!$'()*")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto plain_table = make_plain_table();
constexpr bool is_plain(char c) { return plain_table[static_cast<unsigned char>(c)]; }

// The byte at `at` of well-formed text, which is moved behind it.
char next_decoded(std::string_view text, std::size_t& at) {
  if (text[at] != '%') return text[at++];
  auto const c = static_cast<char>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]));
  at += 3;
  return c;
}

// The next byte of a name that all readers tell apart, or -1 at its end. Left out is what some of them ignore or fold:
// '_' and '-', '+' as a blank, brackets, the case.
int next_distinct(std::string_view name, std::size_t& at) {
  while (at < name.size()) {
    char const c = next_decoded(name, at);
    if (is_alnum(c) || static_cast<unsigned char>(c) >= 0x80) return static_cast<unsigned char>(to_lower(c));
  }
  return -1;
}

// Order of names. Those that some reader may take for one and the same are equal, so that the pairs keep their order
// and with it the meaning that the order may have for that reader.
int compare_names(std::string_view a, std::string_view b) {
  for (std::size_t i = 0, j = 0;;) {
    int const x = next_distinct(a, i), y = next_distinct(b, j);
    if (x != y) return x < y ? -1 : 1;
    if (x < 0) return 0;
  }
}

struct Pair {
  std::string_view text, name;
};

struct Pairs {
  std::array<Pair, max_key_pairs> all;
  std::size_t count = 0;
  bool sortable = true;
};

bool is_sound(std::string_view query) {
  for (std::size_t i = 0; i < query.size(); ++i) {
    char const c = query[i];
    if (c <= 0x20 || c >= 0x7f || c == '#') return false;
    if (c != '%') continue;
    if (query.size() - i < 3 || hex_value(query[i + 1]) < 0 || hex_value(query[i + 2]) < 0) return false;
    i += 2;
  }
  return true;
}

// False when there are too many.
bool split(std::string_view query, Pairs& pairs) {
  // Some readers end a pair at a ';', too; to them, sorting what we take for pairs could change the order of theirs.
  pairs.sortable = query.find(';') == std::string_view::npos;
  while (!query.empty()) {
    auto const end = query.find('&');
    auto const text = query.substr(0, end);
    if (!text.empty()) {
      if (pairs.count == max_key_pairs) return false;
      pairs.all[pairs.count++] = {text, text.substr(0, text.find('='))};
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return true;
}

// By insertion: stable, without memory of its own, and most queries have one pair.
void sort(Pairs& pairs) {
  for (std::size_t i = 1; i < pairs.count; ++i) {
    auto const pair = pairs.all[i];
    auto at = i;
    for (; at > 0 && compare_names(pair.name, pairs.all[at - 1].name) < 0; --at) pairs.all[at] = pairs.all[at - 1];
    pairs.all[at] = pair;
  }
}

char* write_canonical(std::string_view text, char* out) {
  static constexpr char digits[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size();) {
    bool const encoded = text[i] == '%';
    char const c = next_decoded(text, i);
    if (!encoded || is_plain(c)) {
      *out++ = c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      *out++ = '%';
      *out++ = digits[byte >> 4];
      *out++ = digits[byte & 15];
    }
  }
  return out;
}

// Low and high half of a 128-bit product, folded: one multiplication spreads each bit of both factors over the result.
std::uint64_t multiply_mix(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  auto const product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load(char const* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

void KeyBuffer::copy(KeyBuffer const& other) {
  clear();
  std::memcpy(bytes_.data(), other.bytes_.data(), other.size_);
  size_ = other.size_;
}

void KeyBuffer::clear() noexcept {
  wipe(std::span(bytes_.data(), size_));
  size_ = 0;
}

bool build_key(Scope const& scope, policy::OperationId operation, std::string_view query, KeyBuffer& key) {
  key.clear();
  Pairs pairs;
  if (query.size() > http::max_target_bytes || !is_sound(query) || !split(query, pairs)) return false;
  if (pairs.sortable) sort(pairs);
  char* out = key.bytes_.data();
  std::memcpy(out, scope.data(), scope.size());
  out += scope.size();
  *out++ = static_cast<char>(operation);
  // No raw '&' is left in a pair, nor a raw '=' in a name, so that the pairs can be told again from the text.
  for (std::size_t i = 0; i < pairs.count; ++i) {
    if (i > 0) *out++ = '&';
    out = write_canonical(pairs.all[i].text, out);
  }
  key.size_ = static_cast<std::size_t>(out - key.bytes_.data());
  return true;
}

// Multiply and fold, as fast hashes of short keys do: a multiplication for 16 bytes, where SipHash takes several rounds
// for 8, and a lookup hashes its key once. Both factors hide behind words made from the seed: with a known constant
// there, a key could be chosen that makes a factor zero and all that is multiplied with it alike.
std::uint64_t hash_key(std::string_view bytes, std::uint64_t seed) {
  auto const first = multiply_mix(seed ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u);
  auto const second = multiply_mix(seed ^ 0xc2b2ae3d27d4eb4fu, 0xa0761d6478bd642fu);
  auto const size = static_cast<std::uint64_t>(bytes.size());  // the last words are padded
  auto hash = second;
  for (; bytes.size() > 16; bytes.remove_prefix(16))
    hash = multiply_mix(load(bytes.data()) ^ first, load(bytes.data() + 8) ^ hash);
  std::array<char, 16> tail{};
  if (!bytes.empty()) std::memcpy(tail.data(), bytes.data(), bytes.size());
  hash = multiply_mix(load(tail.data()) ^ first, load(tail.data() + 8) ^ hash);
  return multiply_mix(hash ^ second, first ^ size);
}

void AskedSubmission::read(std::string_view name, std::string_view value) {
  std::array<char, 16> spelled;
  std::size_t size = 0;
  for (std::size_t i = 0; i < name.size();) {
    if (size == spelled.size()) return void(kind_ = Kind::unclear);
    spelled[size++] = next_decoded(name, i);
  }
  std::string_view const decoded(spelled.data(), size);
  bool const documented = iequals(decoded, "submission_id") || iequals(decoded, "submissionid");
  if (!documented || kind_ != Kind::none || value.empty()) return void(kind_ = Kind::unclear);
  size_ = 0;
  for (std::size_t i = 0; i < value.size();) {
    if (value[i] == '+' || size_ == max_id_bytes) return void(kind_ = Kind::unclear);
    id_[size_++] = next_decoded(value, i);
  }
  kind_ = Kind::one;
}

AskedSubmission asked_submission(std::string_view query) {
  AskedSubmission asked;
  if (!is_sound(query) || query.find(';') != std::string_view::npos) {
    asked.kind_ = AskedSubmission::Kind::unclear;
    return asked;
  }
  while (!query.empty()) {
    auto const end = query.find('&');
    auto const text = query.substr(0, end);
    auto const equals = text.find('=');
    auto const name = text.substr(0, equals);
    if (compare_names(name, "submissionid") == 0)
      asked.read(name, equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1));
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return asked;
}

}  // namespace gateway::cache
