#include <algorithm>

#include "byte_pairs.hpp"
#include "image_bytes.hpp"

namespace gateway::upload {

namespace {

// Markers of T.81 table B.1; the second byte of each.
enum Marker : unsigned char {
  sof0 = 0xc0,  // baseline
  sof1 = 0xc1,  // extended sequential
  sof2 = 0xc2,  // progressive
  dht = 0xc4,
  dac = 0xcc,
  rst0 = 0xd0,
  rst7 = 0xd7,
  eoi = 0xd9,
  sos = 0xda,
  dqt = 0xdb,
  dnl = 0xdc,
  dri = 0xdd,
  app0 = 0xe0,
  app15 = 0xef,
  com = 0xfe,
};

constexpr std::uint8_t frame_bytes = 6;      // precision, lines, samples a line, number of components
constexpr std::uint8_t component_bytes = 3;  // identifier, sampling factors, table
constexpr std::uint8_t most_components = 4;

Failure malformed() { return {Code::image_malformed}; }

bool is_frame(unsigned char code) { return code == sof0 || code == sof1 || code == sof2; }

// A stuffed zero, or a restart marker, which has no segment.
bool stays_in_scan(unsigned char code) { return code == 0 || (code >= rst0 && code <= rst7); }

// How many bytes of a segment are judged before the rest.
std::uint8_t judged_first(unsigned char code) {
  if (is_frame(code)) return frame_bytes;
  if (code == sos) return 1;
  return code == dnl ? 2 : 0;
}

}  // namespace

Result<> JpegWalker::feed(std::span<char const> bytes) {
  auto const* at = reinterpret_cast<unsigned char const*>(bytes.data());
  auto const* const end = at + bytes.size();
  while (at != end) {
    if (state_ == State::scan) {
      at = pass_scan(at, end);
    } else if (state_ == State::skipped) {  // perhaps of nothing
      auto const size = std::min<std::ptrdiff_t>(end - at, left_);
      at += size;
      left_ = static_cast<std::uint16_t>(left_ - size);
      if (left_ == 0) end_segment();
    } else {
      GW_CHECK(step(*at++));
    }
  }
  return {};
}

Result<> JpegWalker::finish() const {
  if (state_ != State::ended) return Failure{Code::image_truncated};
  return {};
}

// Goes to the first byte behind the FF of something that may be a marker, or to the end.
unsigned char const* JpegWalker::pass_scan(unsigned char const* at, unsigned char const* end) {
  while (at != end) {
    auto const size = static_cast<std::size_t>(end - at);
    auto const found = find_marker({at, size});
    if (found == size && end[-1] != 0xff) return end;
    at = found == size ? end : at + found + 1;
    if (at == end || !stays_in_scan(*at)) {
      state_ = State::scan_marker;
      return at;
    }
    ++at;
  }
  return at;
}

Result<> JpegWalker::step(unsigned char byte) {
  switch (state_) {
    case State::marker:
      if (byte != 0xff) return malformed();
      state_ = State::marker_code;
      return {};
    case State::marker_code: return byte == 0xff ? Result<>() : begin_marker(byte);
    case State::scan_marker:
      if (byte == 0xff) return {};
      if (!stays_in_scan(byte)) return begin_marker(byte);
      state_ = State::scan;
      return {};
    case State::length_high:
      left_ = static_cast<std::uint16_t>(byte << 8);
      state_ = State::length_low;
      return {};
    case State::length_low: left_ = static_cast<std::uint16_t>(left_ | byte); return begin_segment();
    case State::header:
      header_[kept_++] = byte;
      --left_;
      return kept_ == wanted_ ? judge_header() : Result<>();
    case State::ended: return Failure{Code::image_trailing_data};
    case State::scan:
    case State::skipped: break;  // feed() passes over these
  }
  return Failure{Code::internal_error};
}

// Other kinds of frames (lossless, hierarchical, arithmetic) and reserved markers are malformed: no decoder that
// matters reads them. Markers without a segment have no place here.
Result<> JpegWalker::begin_marker(unsigned char code) {
  if (code == eoi) {
    if (!scanned_) return malformed();
    state_ = State::ended;
    return {};
  }
  bool const known = is_frame(code) || code == sos || code == dnl || code == dht || code == dac || code == dqt ||
                     code == dri || code == com || (code >= app0 && code <= app15);
  if (!known) return malformed();
  if (is_frame(code) && components_ != 0) return malformed();
  if (code == sos && components_ == 0) return malformed();
  if (code == dnl && !scanned_) return malformed();
  code_ = code;
  state_ = State::length_high;
  return {};
}

Result<> JpegWalker::begin_segment() {
  constexpr std::uint16_t length_bytes = 2;  // which the length counts too
  wanted_ = judged_first(code_);
  if (left_ < length_bytes + wanted_) return malformed();
  left_ = static_cast<std::uint16_t>(left_ - length_bytes);
  kept_ = 0;
  state_ = wanted_ != 0 ? State::header : State::skipped;
  return {};
}

Result<> JpegWalker::judge_header() {
  if (is_frame(code_)) return judge_frame();
  if (code_ == sos) {
    auto const components = header_[0];
    // Two bytes for each, then three that choose coefficients.
    if (components == 0 || components > components_ || left_ != components * 2 + 3) return malformed();
  } else if (left_ != 0 || big_endian_16(header_) != size_.height) {
    return malformed();  // a number of lines that differs from the frame's would be a second height
  }
  state_ = State::skipped;
  return {};
}

Result<> JpegWalker::judge_frame() {
  if (kept_ == frame_bytes) {
    bool const precise = header_[0] == 8 || (header_[0] == 12 && code_ != sof0);
    auto const components = header_[5];
    if (!precise || (components != 1 && components != 3 && components != most_components)) return malformed();
    if (left_ != components * component_bytes) return malformed();
    size_ = {big_endian_16(header_ + 3), big_endian_16(header_ + 1)};
    // Lines may be zero and told behind the first scan; a decoder has then begun without knowing the size.
    GW_CHECK(judge_size(size_, max_pixels_));
    components_ = components;
    wanted_ = static_cast<std::uint8_t>(frame_bytes + left_);
    return {};
  }
  for (auto const* part = header_ + frame_bytes; part != header_ + kept_; part += component_bytes) {
    auto const across = part[1] >> 4, down = part[1] & 15, table = static_cast<int>(part[2]);
    if (across < 1 || across > 4 || down < 1 || down > 4 || table > 3) return malformed();
  }
  state_ = State::skipped;
  return {};
}

void JpegWalker::end_segment() {
  if (code_ == sos) scanned_ = true;
  state_ = code_ == sos ? State::scan : State::marker;
}

}  // namespace gateway::upload
