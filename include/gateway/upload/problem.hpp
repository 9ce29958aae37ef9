#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/failure.hpp"

namespace gateway::upload {

// One thing that is wrong with a request. It becomes a member of `errors` in the answer, and is written nowhere else.
struct Problem {
  Code code;
  std::string field;    // the part or query parameter, as shown_name() gives it; empty when it is the whole body
  std::string message;  // a sentence of our own: names and numbers, never a value that the caller sent
};

// All that is wrong with one request, in the order in which it was found. Single threaded; grows only for bad requests.
class Problems {
 public:
  // More than these are not listed.
  static constexpr std::size_t max_listed = 32;

  void add(Code code, std::string field, std::string message) {
    if (items_.size() < max_listed) items_.push_back({code, std::move(field), std::move(message)});
  }
  // The problem that decides the verdict: always listed, if need be instead of the last one.
  void decide(Code code, std::string field, std::string message) {
    if (items_.size() == max_listed) items_.pop_back();
    add(code, std::move(field), std::move(message));
  }
  bool empty() const { return items_.empty(); }
  std::vector<Problem> const& all() const { return items_; }
  void clear() { items_.clear(); }

 private:
  std::vector<Problem> items_;
};

// A caller's name of a part or parameter as an answer may show it: letters, digits, `_`, `-` and `.`, at most 64 of them;
// other bytes become `?`, and what is too long is cut.
std::string shown_name(std::string_view name);

}  // namespace gateway::upload
