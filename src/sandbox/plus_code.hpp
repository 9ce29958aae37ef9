#pragma once

#include <string>
#include <string_view>

namespace sandbox {

struct PlusCode {
  std::string address;   ///< the address as the vendor would write it
  std::string global;    ///< 8Q98ABCD+EF
  std::string compound;  ///< ABCD+EF and the place
};

/// An Open Location Code for "latitude,longitude"; for any other text a code that depends on the text alone, since no
/// map is at hand.
[[nodiscard]] PlusCode plus_code_of(std::string_view address);

}  // namespace sandbox
