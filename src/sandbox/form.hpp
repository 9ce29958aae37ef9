#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

/// Query parameters and body fields alike: names with values, in the order in which they came.
class Form {
 public:
  struct Field {
    std::string name;
    std::string_view value;  ///< into the body, or into `kept_`
  };

  /// The value points into a buffer that outlives the form.
  void add_view(std::string name, std::string_view value);
  void add(std::string name, std::string value);
  /// A name that comes twice counts with its last value, as it does behind API Gateway.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// Empty text when the name is missing.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  [[nodiscard]] std::vector<Field> const& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
  std::deque<std::string> kept_;  // a deque never moves what it holds
};

/// application/x-www-form-urlencoded; also what follows the question mark of a target.
[[nodiscard]] Form parse_urlencoded(std::string_view text);
/// The text members of one JSON object; nothing when the text is not an object.
[[nodiscard]] std::optional<Form> parse_json(std::string_view text);
/// multipart/form-data; nothing when the body does not follow its boundary. Values point into `body`.
[[nodiscard]] std::optional<Form> parse_multipart(std::string_view content_type, std::string_view body);
/// Whichever of the three the content type names.
[[nodiscard]] std::optional<Form> parse_body(std::string_view content_type, std::string_view body);
/// "multipart/form-data" of "Multipart/Form-Data; boundary=x".
[[nodiscard]] std::string media_type(std::string_view content_type);

}  // namespace sandbox
