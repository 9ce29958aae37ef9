#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sandbox {

/// Which of the two published limits ends a submission: version 3 rejects when the common count of step 1 and step 2
/// reaches three, the older guide when the count of step 2 goes over three.
enum class RetryRule { v3, seed };

struct Options {
  std::string listen = "127.0.0.1:9443";
  std::string certificate;  ///< empty: plain HTTP
  std::string private_key;
  std::vector<std::vector<std::string>> projects;  ///< the keys of each project
  std::vector<std::string> allow;                  ///< empty: every address
  RetryRule retry_rule = RetryRule::v3;
  bool realistic_latency = false;
  bool two_faces_retry = false;
  bool duplicate_guard = true;
  bool collect_address = false;
  bool keep_deleted = false;  ///< lookups still show id, dates, document type and status, as the newer guide says
  bool log = false;
  std::string base_path = "/v3";
  std::size_t default_count = 50;
  std::size_t max_connections = 1024;
  std::size_t max_records = 20000;
  std::size_t file_limit = 3U * 1024U * 1024U;
  std::size_t idle_timeout_seconds = 75;
  std::size_t samples = 0;
};

inline constexpr std::size_t body_limit = 10U * 1024U * 1024U;
inline constexpr std::size_t head_limit = 16U * 1024U;
inline constexpr std::size_t max_count = 2000;

}  // namespace sandbox
