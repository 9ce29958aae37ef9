#pragma once
#include <cstdint>
#include <string_view>

namespace gateway::cache {

// One member of a Dictionary (RFC 8941 section 3.2). Only what a cache directive can be is told apart.
struct DictionaryMember {
  enum class Type : std::uint8_t { no, yes, integer, other };
  std::string_view key;
  Type type = Type::yes;
  std::int64_t integer = 0;
};

// Reads the members one after the other as RFC 8941 section 4.2 prescribes: strictly, for a sender that is misread is
// worse off than one that is ignored. Parameters are checked and skipped.
class DictionaryReader {
 public:
  explicit DictionaryReader(std::string_view value);
  // False at the end, and when the rest is malformed.
  bool next(DictionaryMember& member);
  bool failed() const { return failed_; }

 private:
  bool fail() {
    failed_ = true;
    return false;
  }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool accept(char c);
  void skip_blanks(bool tabs);
  bool key(std::string_view& out);
  bool parameters();
  bool item(DictionaryMember& member);
  bool bare_item(DictionaryMember& member);
  bool inner_list();
  bool number(DictionaryMember& member);
  bool string();
  bool token();
  bool bytes();

  std::string_view rest_;
  bool first_ = true;
  bool failed_ = false;
};

}  // namespace gateway::cache
