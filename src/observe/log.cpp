#include "gateway/observe/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <mutex>

#include "gateway/base/time.hpp"

namespace gateway::observe {
namespace {

// Collects lines and writes them with one system call: spdlog's own stderr sink writes each line by itself.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(spdlog::details::log_msg const& message) override {
    buffer_.append(message.payload.data(), message.payload.size());
    buffer_ += '\n';
    if (buffer_.size() >= write_bytes) flush_();
  }
  void flush_() override {
    for (std::size_t done = 0; done < buffer_.size();) {
      auto const written = ::write(STDERR_FILENO, buffer_.data() + done, buffer_.size() - done);
      if (written < 0 && errno != EINTR) break;  // nobody to tell
      if (written > 0) done += static_cast<std::size_t>(written);
    }
    buffer_.clear();
  }

 private:
  static constexpr std::size_t write_bytes = 64 * 1024;
  std::string buffer_;
};

constexpr spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

constexpr std::string_view level_name(Level level) {
  constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
  return names[static_cast<std::size_t>(level)];
}

}  // namespace

struct Log::Impl {
  spdlog::logger logger{"argos", std::make_shared<StderrSink>()};
};

Log::Log(Level least, bool json) : impl_(std::make_unique<Impl>()), json_(json) { set_level(least); }
Log::~Log() { flush(); }

void Log::set_level(Level least) { impl_->logger.set_level(to_spdlog(least)); }
bool Log::enabled(Level level) const { return impl_->logger.should_log(to_spdlog(level)); }
void Log::raw(Level level, std::string_view line) {
  impl_->logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}
void Log::flush() { impl_->logger.flush(); }

void Log::write(Level level, std::string_view event, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  char time[32];
  std::string line;
  auto const now = write_time(wall_clock_ns(), time);
  if (json_) {
    line.append(R"({"time":")").append(now).append(R"(","level":")").append(level_name(level));
    line.append(R"(","event":")").append(event).append(R"(","message":")");
    append_json(line, message);
    line += '"';
    for (auto const& [name, value] : fields) {
      line.append(",\"").append(name).append("\":\"");
      append_json(line, value);
      line += '"';
    }
    line += '}';
  } else {
    line.append(now).append(" ").append(level_name(level)).append(" ").append(event).append(": ");
    append_json(line, message);
    for (auto const& [name, value] : fields) {
      line.append(" ").append(name).append("=");
      append_json(line, value);
    }
  }
  raw(level, line);
  flush();
}

Level level_by_name(std::string_view name) {
  for (auto level : {Level::debug, Level::info, Level::warn, Level::error})
    if (level_name(level) == name) return level;
  return Level::info;
}

std::string_view write_time(std::int64_t unix_ns, char* out) {
  std::time_t const seconds = unix_ns / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  auto size = std::strftime(out, 32, "%Y-%m-%dT%H:%M:%S.", &parts);
  auto micro = unix_ns / 1000 % 1'000'000;
  for (int i = 5; i >= 0; --i, micro /= 10) out[size + static_cast<std::size_t>(i)] = static_cast<char>('0' + micro % 10);
  out[size + 6] = 'Z';
  return {out, size + 7};
}

namespace {
// Length of the UTF-8 sequence at the front of `text` (RFC 3629), 0 when it is none.
std::size_t utf8_length(std::string_view text) {
  auto const at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const lead = at(0);
  std::size_t const length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) || (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f)) return 0;
  return length;
}
}  // namespace

void append_json(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  while (!text.empty()) {
    auto const byte = static_cast<unsigned char>(text.front());
    auto const length = utf8_length(text);
    if (length == 0) {
      out.append("\xef\xbf\xbd");  // U+FFFD stands for what is no UTF-8
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text.front();
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00");
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
}

}  // namespace gateway::observe
