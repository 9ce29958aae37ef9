#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox {

enum class Framing { length, chunked, until_close };

/// Where the delivery of an answer goes wrong, if it does.
enum class Fault {
  none,
  no_answer,    ///< closed before the first byte
  reset,        ///< the same, by RST
  garbage,      ///< bytes that are not HTTP
  half_head,    ///< closed in the middle of the head
  half_body,    ///< closed in the middle of the body
  stall,        ///< silent in the middle of the body
  extra_bytes,  ///< unasked bytes behind the answer
  both_lengths  ///< content-length and transfer-encoding at once
};

/// How an answer travels, apart from what it says.
struct Delivery {
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds drip{0};  ///< pause between pieces of the body; 0: in one piece
  std::chrono::seconds stall{0};
  Framing framing = Framing::length;
  Fault fault = Fault::none;
  std::size_t padding = 0;  ///< bytes of an extra header field
  bool interim = false;     ///< a 103 goes ahead of the answer
  bool close = false;
  bool head_only = false;  ///< the answer to a HEAD
};

struct Answer {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::shared_ptr<std::string const> body;
  std::vector<std::pair<std::string, std::string>> fields;
  Delivery delivery;
};

[[nodiscard]] Answer make_answer(unsigned status, std::string content_type, std::string body);
[[nodiscard]] Answer json_answer(unsigned status, boost::json::value const& value);
/// {"message": text}, the usual shape of an error.
[[nodiscard]] Answer message_answer(unsigned status, std::string_view text);
/// {"Message": text}: the address list writes the member with a capital.
[[nodiscard]] Answer denied_address_answer();
[[nodiscard]] Answer bad_query_answer();

[[nodiscard]] std::string_view reason_phrase(unsigned status);
/// Status line and fields for `framing`, with the empty line.
[[nodiscard]] std::string make_head(Answer const& answer, bool keep_alive);

}  // namespace sandbox
