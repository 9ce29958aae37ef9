#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace gateway::observe {

enum class Level : unsigned char { debug, info, warn, error };

// The log on stderr: one line an event, as JSON or as text for people. Thread safe. Not for workers: writing may block
// when nobody reads stderr; workers leave records for the access log instead.
class Log {
 public:
  using Field = std::pair<std::string_view, std::string>;

  Log(Level least, bool json);
  ~Log();
  Log(Log const&) = delete;
  Log& operator=(Log const&) = delete;

  void write(Level level, std::string_view event, std::string_view message, std::initializer_list<Field> fields = {});
  void debug(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::debug, event, message, fields); }
  void info(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::info, event, message, fields); }
  void warn(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::warn, event, message, fields); }
  void error(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::error, event, message, fields); }

  void set_level(Level least);
  bool enabled(Level level) const;
  bool json() const { return json_; }
  // A finished line, without its newline. Buffered until flush().
  void raw(Level level, std::string_view line);
  void flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool json_;
};

Level level_by_name(std::string_view name);
// "2026-01-02T03:04:05.678901Z" into a buffer of at least 28 bytes.
std::string_view write_time(std::int64_t unix_ns, char* out);
// Appends `text` as the inside of a JSON string.
void append_json(std::string& out, std::string_view text);

}  // namespace gateway::observe
