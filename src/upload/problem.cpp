#include "gateway/upload/problem.hpp"

#include <algorithm>

#include "gateway/base/ascii.hpp"

namespace gateway::upload {
namespace {
constexpr std::size_t max_shown = 64;
}

std::string shown_name(std::string_view name) {
  std::string shown(name.substr(0, max_shown));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return !is_alnum(c) && c != '_' && c != '-' && c != '.'; }, '?');
  return shown;
}

}  // namespace gateway::upload
