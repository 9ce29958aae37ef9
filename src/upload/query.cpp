#include "gateway/upload/fields.hpp"

#include <set>

#include "gateway/base/ascii.hpp"
#include "gateway/base/utf8.hpp"
#include "names.hpp"
#include "values.hpp"

// Queries and urlencoded bodies. Refused is what readers disagree on or what no encoder writes: empty pieces, names
// without '=', a '%' without two hex digits, NUL bytes, other encodings than UTF-8. One '&' at the end passes: callers that
// join pieces by hand leave it there, and every reader skips it.
namespace gateway::upload {
namespace {

// One piece between '&', decoded. `fault` continues a sentence of which the piece is the subject; empty when it is
// sound. `name` is empty when the name itself cannot be read.
struct Piece {
  std::string_view name, value;
  bool has_value = false;  // there was a '='
  std::string_view fault;
  std::string name_room, value_room;  // what was decoded; most pieces have nothing to decode
};

constexpr std::string_view bad_escape = "is malformed: '%' takes two hexadecimal digits";
constexpr std::string_view bad_text = "is not UTF-8";
constexpr std::string_view has_nul = "contains a NUL byte";

// The fault, or `out`, which lies in `encoded` or in `room`.
std::string_view decode(std::string_view encoded, std::string& room, std::string_view& out) {
  auto text = encoded;
  if (encoded.find_first_of("%+") != std::string_view::npos) {
    auto decoded = form_decode(encoded);
    if (!decoded) return bad_escape;
    text = room = std::move(*decoded);
  }
  if (!is_utf8(text)) return bad_text;
  if (text.find('\0') != std::string_view::npos) return has_nul;
  out = text;
  return {};
}

void read_piece(std::string_view text, Piece& piece) {
  if (text.empty()) {
    piece.fault = "is empty: an '&' is doubled or stands at the front";
    return;
  }
  auto const equals = text.find('=');
  piece.fault = decode(text.substr(0, equals), piece.name_room, piece.name);
  if (!piece.fault.empty()) return;
  piece.has_value = equals != std::string_view::npos;
  if (!piece.has_value)
    piece.fault = "has no '='";
  else if (piece.name.empty())
    piece.fault = "has no name";
  else
    piece.fault = decode(text.substr(equals + 1), piece.value_room, piece.value);
}

// Calls visit(number from 1, piece) until it returns false. There is no piece behind the last '&' if nothing is.
template <class Visit>
void for_each_piece(std::string_view text, Visit visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto const end = text.find('&');
    Piece piece;
    read_piece(text.substr(0, end), piece);
    if (!visit(number, piece) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// A piece is spoken of by its number: what looks like a name in it may be the rest of a value with a raw '&'.
std::string numbered(char const* noun, std::size_t number, std::string_view fault) {
  return noun + std::string(" ") + std::to_string(number) + " " + std::string(fault);
}

// The names that multipart bodies may have, too. Brackets and the like make lists for some readers.
bool is_plain_name(std::string_view name) {
  for (char c : name)
    if (!is_alnum(c) && c != '_' && c != '-' && c != '.') return false;
  return true;
}

}  // namespace

void check_query(policy::OperationId operation, std::string_view query, Problems& problems) {
  FieldCheck check(operation, Place::query, problems);
  for_each_piece(query, [&](std::size_t number, Piece const& piece) {
    auto const* rule = piece.name.empty() ? nullptr : check.find(piece.name);
    if (rule != nullptr && !piece.fault.empty())
      check.unreadable(*rule, piece.fault);
    else if (piece.name.empty() || !piece.has_value)
      problems.add(Code::query_invalid, {}, numbered("parameter", number, piece.fault));
    else
      check.text(piece.name, piece.value);  // an unknown name, or a sound piece
    return true;
  });
  check.finish();
}

void check_urlencoded(policy::OperationId operation, std::string_view body, Problems& problems) {
  Problems found;
  FieldCheck check(operation, Place::body, found);
  std::set<std::string, FoldedLess> others;
  std::string malformed;
  for_each_piece(body, [&](std::size_t number, Piece const& piece) {
    if (!piece.fault.empty())
      malformed = numbered("field", number, piece.fault);
    else if (!is_plain_name(piece.name))
      malformed = numbered("field", number, "has a name with other characters than letters, digits, '_', '-' and '.'");
    else if (check.find(piece.name) != nullptr)
      check.text(piece.name, piece.value);
    else if (!others.emplace(piece.name).second)
      malformed = numbered("field", number, "repeats a name; " + std::string(folding_rule));
    else
      check.other(piece.name);
    return malformed.empty();
  });
  if (!malformed.empty()) return problems.add(Code::form_invalid, {}, std::move(malformed));
  check.finish();
  for (auto const& problem : found.all()) problems.add(problem.code, problem.field, problem.message);
}

}  // namespace gateway::upload
