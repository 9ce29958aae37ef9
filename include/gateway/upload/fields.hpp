#pragma once
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/failure.hpp"
#include "gateway/policy/operation.hpp"
#include "gateway/upload/problem.hpp"

// What the operations take: query parameters, and the parts or members of bodies. One table (fields.cpp) holds every
// name with its rule; it is also what the answer's `errors` speak of.
namespace gateway::upload {

enum class Place : std::uint8_t { query, body };

// How a value is judged. Files are judged elsewhere, by their bytes.
//   text    UTF-8 without control bytes; in bodies with tabs and line ends
//   id      visible ASCII without quotes and backslashes: ids are the vendor's, nothing else is known of them
//   email   dot-atom@domain of RFC 5322 in ASCII, the domain of at least two labels
//   date    YYYY-MM-DD, a day that exists, of the years 1900 to 2200
//   alpha3  one of the codes that ISO 3166-1 assigns officially, in upper case
//   count   1 to 2000 in digits, without sign and leading zeros
//   choice  one of the row's choices, in their case
enum class Shape : std::uint8_t { text, id, email, date, alpha3, count, choice, file };

struct FieldRule {
  policy::OperationId operation;
  Place place;
  std::string_view name;
  Shape shape;
  bool required;
  std::uint32_t max_bytes;   // longest value
  std::string_view choices;  // of Shape::choice, separated by '|'
};
std::span<FieldRule const> field_rules();

// What two fields of one operation and place have to do with each other.
enum class Bond : std::uint8_t {
  both_or_none,
  exactly_one,  // two spellings of one thing, which is required
  in_order,     // dates; the second is not before the first
};
struct FieldBond {
  policy::OperationId operation;
  Place place;
  Bond kind;
  std::string_view first, second;
};
std::span<FieldBond const> field_bonds();

// The fields of one request, judged one by one as they come and then as a whole. Problems carry query_invalid or
// fields_invalid, by the place. Single threaded.
class FieldCheck {
 public:
  static constexpr std::size_t max_rules = 64;  // of one operation and place

  FieldCheck(policy::OperationId operation, Place place, Problems& problems);

  // Null when the operation knows no such name at this place.
  FieldRule const* find(std::string_view name) const;
  // The longest value that any text rule of this operation and place allows: what has to be kept of one.
  std::size_t longest_value() const;
  // A whole text value. An unknown name is judged by other(); a repeated one is a problem; so is text where a file
  // belongs. An empty value passes in a body where it is optional: forms send what was not filled
  // in. `truncated`: the value was longer than longest_value() and is not whole.
  void text(std::string_view name, std::string_view value, bool truncated = false);
  // Text of a name that find() does not know: a problem in a query, and in a body when it is a known name but for case
  // and the characters that some readers replace. Other text passes in a body.
  void other(std::string_view name);
  // A file part. An unknown name, a repeated one and a file where text belongs are problems.
  void file(std::string_view name);
  // A known name whose value could not be read, so that nobody calls it missing. `why` continues a sentence of which
  // the name is the subject ("is not UTF-8"); it is ours, not the caller's.
  void unreadable(FieldRule const& rule, std::string_view why);
  // All have come: what is required and missing, and what belongs together.
  void finish();

 private:
  bool first_time(FieldRule const& rule);
  bool seen(std::string_view name) const;
  void remember_date(std::string_view name, std::string_view value);
  void finish_bond(FieldBond const& bond);
  void report(std::string_view name, std::string message);
  void report_unknown(std::string_view name, bool is_file);

  policy::OperationId operation_;
  Place place_;
  Problems& problems_;
  std::span<FieldRule const> rules_;
  std::bitset<max_rules> seen_, repeated_;
  std::uint32_t first_date_ = 0, second_date_ = 0;  // of the bond in_order, as yyyymmdd; 0: none that exists was given
};

// The query of a request as the caller sent it, without '?'. Each fault is added to `problems`.
void check_query(policy::OperationId operation, std::string_view query, Problems& problems);

// Whole bodies of address_code. Malformed ones add one problem with json_invalid or form_invalid, and no other.
void check_json(policy::OperationId operation, std::string_view body, Problems& problems);
void check_urlencoded(policy::OperationId operation, std::string_view body, Problems& problems);

}  // namespace gateway::upload
