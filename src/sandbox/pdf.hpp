#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

/// A PDF 1.4 document with the lines on as many pages as they need, and further pages until it has at least
/// `least_bytes`.
[[nodiscard]] std::string make_pdf(std::vector<std::string> const& lines, std::size_t least_bytes);

}  // namespace sandbox
