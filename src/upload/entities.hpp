#pragma once
#include <string_view>

namespace gateway::upload {

// Whether some reader would decode a character reference of HTML in this text, as Django does in file names: `&amp;`,
// `&#47;`, and the old ones that browsers know without their semicolon.
bool has_entity(std::string_view text);

}  // namespace gateway::upload
