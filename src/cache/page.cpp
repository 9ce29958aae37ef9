#include "gateway/cache/page.hpp"

#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "gateway/base/ascii.hpp"
#include "gateway/base/secret.hpp"

// simdjson's on-demand reader finds the structure and checks the UTF-8; it checks scalars only when asked for their
// value, into memory of its own that could not be wiped. So they are judged here, and strings are decoded in place.
namespace gateway::cache {
namespace {

namespace ondemand = simdjson::ondemand;
using policy::OperationId;

// What one page may keep of the thread's memory: some hundred items. The parser's own is about six times as much.
constexpr std::size_t kept_bytes = 256 * 1024;
constexpr std::size_t kept_names = 1024;
constexpr std::size_t least_capacity = 4096;

struct Reader {
  std::unique_ptr<char[]> text;
  std::size_t capacity = 0;
  std::unique_ptr<ondemand::parser> parser;
  // Of the objects around the current value, the outermost first.
  std::vector<std::string_view> names;

  bool make_room(std::size_t size) {
    if (size <= capacity) return true;
    release();
    auto const wanted = std::max(size, least_capacity);
    text.reset(new (std::nothrow) char[wanted + simdjson::SIMDJSON_PADDING]);
    parser.reset(new (std::nothrow) ondemand::parser(max_page_bytes));
    if (!text || !parser || parser->allocate(wanted, max_page_depth + 2) != simdjson::SUCCESS) {
      release();
      return false;
    }
    capacity = wanted;
    return true;
  }
  void release() {
    text.reset();
    parser.reset();
    capacity = 0;
  }
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view without_blanks_behind(std::string_view token) {
  while (!token.empty() && is_blank(token.back())) token.remove_suffix(1);
  return token;
}

bool take_digits(std::string_view& text) {
  auto const digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  text.remove_prefix(digits);
  return digits > 0;
}

// RFC 8259 section 6.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.size() > 1 && text[0] == '0' && is_digit(text[1])) return false;
  if (!take_digits(text)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits(text)) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (!take_digits(text)) return false;
  }
  return text.empty();
}

// The four hexadecimal digits at `from`, or -1.
int hex_unit(char const* from) {
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    int const digit = hex_value(from[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

char* put_utf8(char* out, int code) {
  auto const put = [&](int byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return out;
}

// The escape at `in` (a backslash) written to `out`, which is never ahead of it; false when it is none. A string ends
// with its quote, which is no hexadecimal digit: nothing is read behind it.
bool decode_escape(char*& in, char*& out) {
  static constexpr std::string_view escaped = "\"\\/bfnrt", plain = "\"\\/\b\f\n\r\t";
  if (auto const at = escaped.find(in[1]); at != std::string_view::npos) {
    *out++ = plain[at];
    in += 2;
    return true;
  }
  int code = in[1] == 'u' ? hex_unit(in + 2) : -1;
  if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return false;
  in += 6;
  if (code >= 0xd800 && code < 0xdc00) {
    int const low = in[0] == '\\' && in[1] == 'u' ? hex_unit(in + 2) : -1;
    if (low < 0xdc00 || low >= 0xe000) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    in += 6;
  }
  out = put_utf8(out, code);
  return true;
}

// Decodes the string whose first byte is at `in`; the parser has made sure of its closing quote, behind which `in` is
// left.
std::optional<std::string_view> decode_string(char*& in) {
  char* const begin = in;
  while (*in != '"' && *in != '\\') ++in;
  char* out = in;
  while (*in != '"') {
    if (*in != '\\')
      *out++ = *in++;
    else if (!decode_escape(in, out))
      return std::nullopt;
  }
  ++in;
  return std::string_view(begin, static_cast<std::size_t>(out - begin));
}

bool names_submission(std::string_view name) {
  return iequals(name, "submission_id") || iequals(name, "submissionid") || iequals(name, "submission id") ||
         iequals(name, "submission-id");
}

KycResult result_of(std::string_view text) {
  static constexpr std::string_view names[] = {"approved", "rejected", "pending", "incomplete"};
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (iequals(text, names[i])) return static_cast<KycResult>(i);
  return KycResult::other;
}

// Reads each byte of the document once. Every function is false when it cannot be read.
class PageReader {
 public:
  PageReader(Reader& memory, PageFacts& facts, std::string_view asked) : memory_(memory), facts_(facts), asked_(asked) {}

  bool read(OperationId operation, std::size_t size);

 private:
  using Value = ondemand::value;

  template <class Container, class Visit>
  bool each_member(Container&& container, std::size_t depth, Visit visit);
  template <class Container, class Visit>
  bool each_element(Container&& container, std::size_t depth, Visit visit);
  bool has_repeated_name(std::size_t first);
  // A value of which only its being sound matters, or whether it says anything.
  bool skip(Value value, std::size_t depth);
  bool skip_said(Value value, std::size_t depth, bool& said);
  bool scalar(Value& value, simdjson::ondemand::json_type type);
  bool text(Value& value, std::optional<std::string_view>& out, std::size_t depth);

  bool submissions(ondemand::document& document);
  bool applicant(ondemand::document& document);
  bool envelope(ondemand::document& document, bool items_are_known);
  bool items(Value value);
  bool item(Value value, std::size_t depth, bool has_result);
  bool kyc(Value value, std::size_t depth, KycResult& result);
  void note(std::optional<std::string_view> id);

  Reader& memory_;
  PageFacts& facts_;
  std::string_view asked_;
  bool mismatched_ = false;
};

template <class Container, class Visit>
bool PageReader::each_member(Container&& container, std::size_t depth, Visit visit) {
  ondemand::object object;
  if (depth > max_page_depth || container.get_object().get(object) != simdjson::SUCCESS) return false;
  auto& names = memory_.names;
  auto const first = names.size();
  for (auto member : object) {
    ondemand::raw_json_string raw;
    Value value;
    if (member.key().get(raw) != simdjson::SUCCESS || member.value().get(value) != simdjson::SUCCESS) return false;
    // The text is this thread's copy: simdjson only promises not to write to it.
    char* in = const_cast<char*>(raw.raw());
    auto const name = decode_string(in);
    if (!name || names.size() - first == max_page_members) return false;
    names.push_back(*name);
    if (!visit(*name, value)) return false;
  }
  bool const good = !has_repeated_name(first);
  names.resize(first);
  return good;
}

template <class Container, class Visit>
bool PageReader::each_element(Container&& container, std::size_t depth, Visit visit) {
  ondemand::array array;
  if (depth > max_page_depth || container.get_array().get(array) != simdjson::SUCCESS) return false;
  for (auto element : array) {
    Value value;
    if (element.get(value) != simdjson::SUCCESS || !visit(value)) return false;
  }
  return true;
}

bool PageReader::has_repeated_name(std::size_t first) {
  auto const begin = memory_.names.begin() + static_cast<std::ptrdiff_t>(first);
  std::sort(begin, memory_.names.end());
  return std::adjacent_find(begin, memory_.names.end()) != memory_.names.end();
}

bool PageReader::scalar(Value& value, ondemand::json_type type) {
  std::string_view token;
  if (type == ondemand::json_type::string) {
    std::optional<std::string_view> ignored;
    return text(value, ignored, 0);
  }
  token = without_blanks_behind(value.raw_json_token());
  if (type == ondemand::json_type::number) return is_number(token);
  return token == "true" || token == "false" || token == "null";
}

bool PageReader::skip(Value value, std::size_t depth) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::object)
    return each_member(value, depth, [&](std::string_view, Value& member) { return skip(member, depth + 1); });
  if (type == ondemand::json_type::array)
    return each_element(value, depth, [&](Value& element) { return skip(element, depth + 1); });
  return scalar(value, type);
}

// null, false, {} and [] say nothing.
bool PageReader::skip_said(Value value, std::size_t depth, bool& said) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::object)
    return each_member(value, depth, [&](std::string_view, Value& member) {
      said = true;
      return skip(member, depth + 1);
    });
  if (type == ondemand::json_type::array)
    return each_element(value, depth, [&](Value& element) {
      said = true;
      return skip(element, depth + 1);
    });
  auto const token = without_blanks_behind(value.raw_json_token());
  said = token != "null" && token != "false";
  return scalar(value, type);
}

// A string into `out`; other values are skipped.
bool PageReader::text(Value& value, std::optional<std::string_view>& out, std::size_t depth) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type != ondemand::json_type::string) return skip(value, depth);
  auto const token = value.raw_json_token();
  // Moves the parser behind the string: one that it has to skip by itself it takes for a name when a ':' follows.
  if (value.get_raw_json_string().error() != simdjson::SUCCESS) return false;
  char* in = const_cast<char*>(token.data()) + 1;
  out = decode_string(in);
  return out && std::all_of(static_cast<char const*>(in), token.data() + token.size(), is_blank);
}

// The one place that knows which submissions are shown.
void PageReader::note(std::optional<std::string_view> id) {
  if (!id || id->empty() || (!asked_.empty() && *id != asked_)) return void(mismatched_ = true);
  // All but the first of many are one and the same when one was asked for.
  if ((!asked_.empty() && facts_.subject_count > 0) || facts_.more) return;
  auto const subject = submission_subject(*id);
  auto const shown = facts_.shown();
  if (std::find(shown.begin(), shown.end(), subject) != shown.end()) return;
  if (shown.size() == PageFacts::max_subjects)
    facts_.more = true;
  else
    facts_.subjects[facts_.subject_count++] = subject;
}

bool PageReader::kyc(Value value, std::size_t depth, KycResult& result) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type != ondemand::json_type::object) return skip(value, depth);
  bool seen = false;
  return each_member(value, depth, [&](std::string_view name, Value& member) {
    if (!iequals(name, "result")) return skip(member, depth + 1);
    if (std::exchange(seen, true)) return false;
    std::optional<std::string_view> said;
    if (!text(member, said, depth + 1)) return false;
    if (said) result = result_of(*said);
    return true;
  });
}

bool PageReader::item(Value value, std::size_t depth, bool has_result) {
  std::optional<std::string_view> id;
  auto result = KycResult::other;
  bool kyc_seen = false, torn = false;
  bool const read = each_member(value, depth, [&](std::string_view name, Value& member) {
    if (names_submission(name)) {
      std::optional<std::string_view> said;
      if (!text(member, said, depth + 1)) return false;
      // Under two spellings, two submissions or one and something unreadable.
      torn |= !said || (id && *id != *said);
      id = said;
      return true;
    }
    if (!has_result || !iequals(name, "kyc")) return skip(member, depth + 1);
    return !std::exchange(kyc_seen, true) && kyc(member, depth + 1, result);
  });
  if (!read) return false;
  ++facts_.items;
  if (has_result) ++facts_.results[static_cast<std::size_t>(result)];
  note(torn ? std::nullopt : id);
  return true;
}

bool PageReader::items(Value value) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::array)
    return each_element(value, 2, [&](Value& element) { return item(element, 3, true); });
  return type == ondemand::json_type::null && scalar(value, type);
}

// The object around the answer. A member that matters, twice in different case, is read differently by different readers.
bool PageReader::envelope(ondemand::document& document, bool items_are_known) {
  bool items_seen = false, next_seen = false, data_is_text = false, encrypted = false, another_shape = !items_are_known;
  bool const read = each_member(document, 1, [&](std::string_view name, Value& member) {
    if (items_are_known && iequals(name, "Items")) return !std::exchange(items_seen, true) && items(member);
    if (iequals(name, "nextpageKey"))
      return !std::exchange(next_seen, true) && skip_said(member, 2, facts_.has_next);
    if (iequals(name, "isEncrypted")) {
      bool said = false;
      if (!skip_said(member, 2, said)) return false;
      encrypted |= said;
      return true;
    }
    if (name == "data") {
      std::optional<std::string_view> said;
      if (!text(member, said, 2)) return false;
      data_is_text |= said.has_value();
      return true;
    }
    // A submission without the list around it is nothing documented; surely not "not found".
    another_shape |= names_submission(name) || iequals(name, "kyc");
    return skip(member, 2);
  });
  if (!read) return false;
  if (encrypted || (data_is_text && !items_seen)) {
    facts_.kind = PageKind::encrypted;
    return true;
  }
  facts_.kind = facts_.items > 0 ? PageKind::readable : PageKind::empty;
  return items_seen || !another_shape;
}

bool PageReader::submissions(ondemand::document& document) { return envelope(document, true); }

bool PageReader::applicant(ondemand::document& document) {
  ondemand::json_type type;
  if (document.type().get(type) != simdjson::SUCCESS) return false;
  if (type != ondemand::json_type::array) return envelope(document, false);
  asked_ = {};
  if (!each_element(document, 1, [&](Value& element) { return item(element, 2, false); })) return false;
  facts_.kind = facts_.items > 0 ? PageKind::readable : PageKind::empty;
  return true;
}

bool PageReader::read(OperationId operation, std::size_t size) {
  ondemand::document document;
  auto const whole = size + simdjson::SIMDJSON_PADDING;
  if (memory_.parser->iterate(memory_.text.get(), size, whole).get(document) != simdjson::SUCCESS) return false;
  bool const read = operation == OperationId::read_submission ? submissions(document) : applicant(document);
  // Anything that is left stands behind the document.
  if (!read || document.current_location().error() != simdjson::OUT_OF_BOUNDS) return false;
  if (mismatched_ && facts_.kind == PageKind::readable) facts_.kind = PageKind::mismatched;
  return true;
}

}  // namespace

PageFacts read_page(OperationId operation, std::string_view asked_submission_id, std::span<char const> body) {
  PageFacts facts;
  bool const known = operation == OperationId::read_submission || operation == OperationId::read_applicant;
  facts.asked_for_one = operation == OperationId::read_submission && !asked_submission_id.empty();
  auto const unreadable = facts;
  thread_local Reader memory;
  if (!known || body.empty() || body.size() > max_page_bytes || !memory.make_room(body.size())) return unreadable;
  auto const used = body.size() + simdjson::SIMDJSON_PADDING;
  std::copy(body.begin(), body.end(), memory.text.get());
  // Zeros are no JSON: reading goes no further than the document, wherever it was cut off.
  std::fill_n(memory.text.get() + body.size(), simdjson::SIMDJSON_PADDING, '\0');
  bool const read = PageReader(memory, facts, asked_submission_id).read(operation, body.size());
  // What the parser keeps are offsets; the names point into the text.
  wipe(std::span(memory.text.get(), used));
  memory.names.clear();
  if (memory.capacity > kept_bytes) memory.release();
  if (memory.names.capacity() > kept_names) memory.names = {};
  if (!read) return unreadable;
  if (facts.kind == PageKind::readable || facts.kind == PageKind::empty) return facts;
  auto bare = unreadable;
  bare.kind = facts.kind;
  return bare;
}

std::optional<Duration> content_lifetime(PageFacts const& facts, OperationId operation, Ttls const& ttls) {
  bool const submissions = operation == OperationId::read_submission;
  if (!submissions && operation != OperationId::read_applicant) return std::nullopt;
  switch (facts.kind) {
    case PageKind::mismatched: return std::nullopt;
    case PageKind::encrypted:
    case PageKind::unreadable: return ttls.other;
    case PageKind::readable:
    case PageKind::empty: break;
  }
  auto lifetime = facts.kind == PageKind::empty ? ttls.not_found : Duration::max();
  auto const at_most = [&](Duration ttl) { lifetime = std::min(lifetime, ttl); };
  if (!submissions) {
    if (facts.kind == PageKind::readable) at_most(ttls.other);
    return lifetime;
  }
  std::array<Duration, kyc_result_count> const by_result = {ttls.approved, ttls.rejected, ttls.pending,
                                                            ttls.incomplete, ttls.other};
  for (std::size_t i = 0; i < by_result.size(); ++i)
    if (facts.results[i] > 0) at_most(by_result[i]);
  if (!facts.asked_for_one || facts.has_next || facts.items > 1) at_most(ttls.list);
  return lifetime;
}

}  // namespace gateway::cache
