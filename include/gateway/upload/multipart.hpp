#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/base/failure.hpp"

// multipart/form-data (RFC 7578, RFC 2046), read strictly: the grammar is what all mainstream parsers read in the same
// way. What only some of them take, or what they take differently, is refused under its own name, so that nothing that
// passes here means something else at the vendor.
namespace gateway::upload {

// The boundary that a Content-Type names.
class Boundary {
 public:
  static constexpr std::size_t max_bytes = 70;  // RFC 2046 section 5.1.1

  // Of the value of a Content-Type field. content_type_malformed or
  // boundary_missing, _repeated, _too_long, _malformed.
  static Result<Boundary> parse(std::string_view content_type);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  static Result<Boundary> of_value(std::string_view value);
  std::array<char, max_bytes> text_{};
  std::uint8_t size_ = 0;
};

// A part's header, as far as it means something. Views into the reader.
struct PartHead {
  std::string_view name;       // empty until it is known
  std::string_view file_name;  // of files
  std::string_view type;       // of files: media type without parameters, as sent
  bool is_file = false;
};

// Incremental, constant memory but for eight bytes a part, no I/O; the events do not depend on how the input is split.
class MultipartReader {
 public:
  enum class Event : std::uint8_t {
    need_more,   // the input is used up
    part_begin,  // head() is complete
    part_data,   // data() holds the next bytes of the part, at least one
    part_end,
  };
  static constexpr std::size_t max_head_bytes = 2048;  // of one part
  static constexpr std::size_t max_name_bytes = 128;
  static constexpr std::size_t max_file_name_bytes = 255;
  static constexpr std::size_t max_type_bytes = 127;
  static constexpr std::int64_t empty_file_name = 1;  // detail of part_filename_invalid, otherwise 0
  // At most this many bytes of the input's end are not yet in an event: they might begin a delimiter.
  static constexpr std::size_t max_held_bytes = 2 + 2 + Boundary::max_bytes + 2;

  // For a body; a reader serves one after the other.
  void begin(Boundary const& boundary, std::size_t max_parts);

  // The next event; takes bytes from the front of `input`. After a failure the reader must not be used again.
  Result<Event> next(std::span<char const>& input);
  // The body has ended: multipart_unfinished unless the last boundary was there, multipart_epilogue for half a CRLF.
  Result<> finish() const;

  PartHead const& head() const { return head_; }
  std::span<char const> data() const { return data_; }  // until the next call; may point into the input
  std::size_t part_number() const { return part_number_; }  // from 1; 0 before the first

 private:
  enum class State : std::uint8_t { start, delimiter, head, data, closed, after_cr, done };

  Result<> start(std::span<char const>& input);
  Result<> delimiter(std::span<char const>& input);
  Result<bool> read_head(std::span<char const>& input);
  Result<bool> read_lines(std::span<char const>& input);
  Result<> take_line(std::string_view line);
  Result<> take_disposition(std::string_view value);
  Result<> take_parameter(std::string_view name, std::string_view value);
  Result<> take_type(std::string_view value);
  Result<> judge_head();
  Result<> epilogue(std::span<char const>& input);
  void read_data(std::span<char const>& input);
  void read_joint(std::span<char const>& input);
  std::size_t find_boundary(std::span<char const> bytes) const;
  void end_data(std::span<char const> bytes, std::size_t at);
  void hold(std::span<char const> bytes);

  std::array<char, 2 + Boundary::max_bytes> dash_boundary_{};
  std::size_t dash_boundary_size_ = 0;
  std::size_t leading_dashes_ = 0;
  std::size_t max_parts_ = 0;

  State state_ = State::start;
  std::size_t matched_ = 0;  // of the first boundary, or of what follows a boundary
  char first_of_two_ = 0;    // behind a boundary
  bool end_pending_ = false;  // part_end comes next
  std::optional<Code> failure_pending_;
  std::size_t part_number_ = 0;
  std::vector<std::uint64_t> names_;  // hashes of what laxer readers compare, to find repeated ones

  PartHead head_;
  bool disposition_seen_ = false, type_seen_ = false, name_seen_ = false, file_name_seen_ = false;
  bool type_malformed_ = false;
  std::optional<Code> line_fault_;  // of a line that means nothing to us
  std::size_t head_bytes_ = 0, line_size_ = 0;
  bool line_ended_ = false;  // line_ holds a whole line
  std::array<char, max_head_bytes> line_;
  std::array<char, max_name_bytes> name_;
  std::array<char, max_file_name_bytes> file_name_;
  std::array<char, max_type_bytes> type_;

  std::span<char const> data_;
  std::array<char, max_held_bytes> held_;
  std::size_t held_size_ = 0;
  std::array<char, 2 * max_held_bytes> joint_;
};

}  // namespace gateway::upload
