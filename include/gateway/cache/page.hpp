#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/base/time.hpp"
#include "gateway/cache/invalidation.hpp"
#include "gateway/policy/operation.hpp"

// What the body of a lookup says, as far as the cache depends on it: which submissions it shows, and what has been
// decided about them.
namespace gateway::cache {

//   readable    what was asked for, whole, with its items
//   empty       no items: not found
//   encrypted   the project's answers are encrypted ("data" is text, or isEncrypted): nothing is known of its content
//   unreadable  no JSON, more than one reading (a member twice, bad UTF-8, half a surrogate pair), beyond the limits, or
//               of another shape than documented
//   mismatched  an item shows another submission than the one that was asked for, or does not say which one it shows:
//               what cannot be named cannot be invalidated
enum class PageKind : std::uint8_t { readable, empty, encrypted, unreadable, mismatched };

// kyc.result. other: missing, or none of the documented ones.
enum class KycResult : std::uint8_t { approved, rejected, pending, incomplete, other };
inline constexpr std::size_t kyc_result_count = 5;

struct PageFacts {
  static constexpr std::size_t max_subjects = 64;

  PageKind kind = PageKind::unreadable;
  bool asked_for_one = false;  // one submission was asked for
  bool has_next = false;       // nextpageKey names a further page
  bool more = false;           // more submissions are shown than `subjects` has room for
  std::uint8_t subject_count = 0;
  std::uint32_t items = 0;
  std::array<std::uint32_t, kyc_result_count> results{};  // items by result; none of an applicant's
  std::array<Subject, max_subjects> subjects{};           // each submission shown, once

  std::uint32_t count(KycResult result) const { return results[static_cast<std::size_t>(result)]; }
  // Nothing when the page is neither readable nor empty: then it may show any submission.
  std::span<Subject const> shown() const { return {subjects.data(), subject_count}; }
};

inline constexpr std::size_t max_page_bytes = 8 * 1024 * 1024;
inline constexpr std::size_t max_page_depth = 32;
inline constexpr std::size_t max_page_members = 4096;  // of one object

// Reads the body of an answer to a cacheable operation. `asked_submission_id` is empty when none was asked for; the
// applicant lookup pays no heed to it. The body needs no padding: it is copied to memory of the thread, which the
// parser may read past the end of and which is wiped before this returns. Requiring padding of the caller would save
// microseconds of a call that waited for the vendor, and tie each buffer on the way to the parser's habits. Memory
// beyond that of a usual page is given back.
PageFacts read_page(policy::OperationId operation, std::string_view asked_submission_id, std::span<char const> body);

struct Ttls {
  Duration approved{}, rejected{}, pending{}, incomplete{}, list{}, not_found{}, other{};
};

// The shortest lifetime of all that the page shows; nothing when it must not be stored.
std::optional<Duration> content_lifetime(PageFacts const& facts, policy::OperationId operation, Ttls const& ttls);

}  // namespace gateway::cache
