#pragma once

#include "message.hpp"
#include "stream.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gateway::bench {

/// The request every session repeats and what has to come back.
struct Job {
  std::string head;         // complete request head; `counter_mark` in it becomes the request's number
  std::size_t counter_at;   // npos when the head has no mark
  std::string body;
  int expected_status = 200;
  std::string expected_body;    // whole body, when not empty; `counter_mark` in it stands for the request's number
  std::size_t expected_at = std::string::npos;  // where that is
  std::string expected_marker;  // else a text that the body holds
};

enum class Progress { waiting, complete, wrong, closed };

/// One keep-alive connection of the generator: sends the job, reads and judges the answer.
class Session {
 public:
  Session(const Job& job, Stream stream) : job_(&job), stream_(std::move(stream)), head_(job.head) {}

  [[nodiscard]] int descriptor() const { return stream_.descriptor(); }
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] std::uint64_t started_at() const { return started_at_; }
  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] bool peer_will_close() const { return peer_will_close_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// Starts the next request.
  void begin(std::uint64_t number, std::uint64_t now);
  /// Goes on after the socket became ready. `scratch` is only used during the call.
  Progress resume(std::span<char> scratch);

 private:
  void send_rest();
  Progress take(std::string_view bytes);
  Progress judge(std::string_view head, std::string_view body);
  [[nodiscard]] bool is_expected(std::string_view body) const;
  Progress fail(std::string problem);

  const Job* job_;
  Stream stream_;
  std::string head_;
  std::string partial_;
  std::string problem_;
  std::size_t sent_ = 0;
  std::uint64_t started_at_ = 0;
  bool busy_ = false;
  bool peer_will_close_ = false;
};

}  // namespace gateway::bench
