#include "gateway/cache/vary.hpp"

#include <algorithm>
#include <bit>

#include "gateway/base/ascii.hpp"
#include "gateway/policy/response.hpp"

namespace gateway::cache {
namespace {

using http::Name;
static_assert(static_cast<unsigned>(Name::x_request_id) < 64, "a bit for each name");

// Section 4.1 allows what does not change the meaning: blanks around the separators of a list, empty elements, several
// lines in place of one, and the case where it means nothing: all of Accept-Language, and what stands before the
// parameters in Accept and Content-Type.
template <class Sink>
class Normaliser {
 public:
  Normaliser(Name name, Sink& sink) : sink_(sink), fold_all_(name == Name::accept_language) {}

  void line(std::string_view value) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      char const c = value[i];
      if (quoted_) {
        sink_(c);
        if (c == '\\' && i + 1 < value.size())
          sink_(value[++i]);
        else if (c == '"')
          quoted_ = false;
      } else if (c == ' ' || c == '\t') {
        blank_ = true;
      } else if (c == ',' || c == ';') {
        separator(c);
      } else {
        byte(c);
      }
    }
    // What a quote without an end means depends on who joins the lines: such a value equals only itself.
    if (quoted_) sink_('\x01');
    quoted_ = false;
    separator(',');
  }

 private:
  void separator(char c) {
    blank_ = false;
    parameters_ = c == ';';
    if (c == ',')
      comma_ = true;
    else
      put(c);
  }
  void byte(char c) {
    if (blank_ && !starts_ && !comma_) put(' ');
    blank_ = false;
    if (c == '"') quoted_ = true;
    put(fold_all_ || !parameters_ ? to_lower(c) : c);
  }
  // Commas are written late: those at either end and repeated ones never are.
  void put(char c) {
    if (comma_ && written_) sink_(',');
    comma_ = false;
    written_ = true;
    starts_ = c == ';';
    sink_(c);
  }

  Sink& sink_;
  bool fold_all_;
  bool quoted_ = false;
  bool blank_ = false;
  bool parameters_ = false;
  bool comma_ = false;
  bool starts_ = true;
  bool written_ = false;
};

// Hands the normal form to `sink`, byte by byte: for each field the number of its name, '+' or '-' for present or not,
// its value, and an end that no value contains.
template <class Sink>
void normalise(std::uint64_t bits, http::FieldList const& request, Sink&& sink) {
  for (; bits != 0; bits &= bits - 1) {
    auto const name = static_cast<Name>(std::countr_zero(bits));
    sink(static_cast<char>('0' + static_cast<int>(name)));
    Normaliser<Sink> value(name, sink);
    bool present = false;
    for (auto const& field : request.all()) {
      // What Connection names is not forwarded, so for the vendor it is absent.
      if (field.id != name || request.is_hop_by_hop(field.name)) continue;
      if (!present) sink('+');
      present = true;
      value.line(field.value);
    }
    if (!present) sink('-');
    sink('\n');
  }
}

bool is_token(std::string_view text) { return std::all_of(text.begin(), text.end(), is_tchar); }

}  // namespace

Vary::Vary(http::FieldList const& answer) {
  for (auto const& field : answer.all()) {
    if (field.id != Name::vary) continue;
    for_each_token(field.value, [&](std::string_view member) {
      if (member == "*" || !is_token(member)) storable_ = false;
      auto const name = http::name_of(member);
      if (policy::passes_to_vendor(name)) bits_ |= std::uint64_t{1} << static_cast<unsigned>(name);
    });
  }
}

Vary Vary::of_bits(std::uint64_t bits) {
  Vary out;
  out.bits_ = bits;
  return out;
}

std::string Vary::values(http::FieldList const& request) const {
  std::string out;
  normalise(bits_, request, [&](char c) { out += c; });
  return out;
}

bool Vary::matches(std::string_view values, http::FieldList const& request) const {
  std::size_t at = 0;
  bool same = true;
  normalise(bits_, request, [&](char c) {
    same = same && at < values.size() && values[at] == c;
    ++at;
  });
  return same && at == values.size();
}

}  // namespace gateway::cache
