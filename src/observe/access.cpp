#include "gateway/observe/access.hpp"

#include <charconv>

namespace gateway::observe {
namespace {

// Appends fields to a line; the names are literals, the values numbers or words from tables.
class LineWriter {
 public:
  LineWriter(std::string& line, bool json) : line_(line), json_(json) {}

  void text(std::string_view name, std::string_view value) {
    key(name);
    if (json_) line_ += '"';
    line_ += value;
    if (json_) line_ += '"';
  }
  void number(std::string_view name, std::int64_t value) {
    key(name);
    char digits[24];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    line_.append(digits, static_cast<std::size_t>(end - digits));
  }

 private:
  void key(std::string_view name) {
    if (json_) line_.append(",\"").append(name).append("\":");
    else line_.append(" ").append(name).append("=");
  }
  std::string& line_;
  bool json_;
};

std::int64_t microseconds(Duration d) { return d.count() / 1000; }

// The time of a line; its seconds change rarely from one line to the next.
class LineTime {
 public:
  std::string_view write(std::int64_t unix_ns) {
    auto const second = unix_ns / 1'000'000'000;
    if (second != second_) {
      text_ = write_time(unix_ns, buffer_);
      second_ = second;
      return text_;
    }
    auto micro = unix_ns / 1000 % 1'000'000;
    for (std::size_t at = text_.size() - 2; at > text_.size() - 8; --at, micro /= 10) buffer_[at] = static_cast<char>('0' + micro % 10);
    return text_;
  }

 private:
  char buffer_[32];
  std::string_view text_;
  std::int64_t second_ = -1;
};

// "files":[{"part":"idImage","bytes":1024,"type":"image/jpeg","sha256":"..."}]; in text form one files= a file.
void write_files(std::span<AccessFile const> files, bool json, std::string& line) {
  if (json) line += ",\"files\":[";
  for (auto const& file : files) {
    char hex[64];
    write_hex(file.sha256, hex);
    std::string_view const hash(hex, file.hashed ? sizeof hex : 0);
    if (json) {
      line.append(&file == files.data() ? "{\"part\":\"" : ",{\"part\":\"").append(file.part);
      line.append("\",\"bytes\":").append(std::to_string(file.bytes));
      line.append(",\"type\":\"").append(file.type);
      if (file.hashed) line.append("\",\"sha256\":\"").append(hash);
      line += "\"}";
    } else {
      line.append(" file=").append(file.part).append(",").append(std::to_string(file.bytes)).append(",").append(file.type);
      line.append(",").append(hash);
    }
  }
  if (json) line += "]";
}

void format(AccessRecord const& r, std::span<AccessFile const> files, std::vector<std::string> const& tenants, bool json, LineTime& time, std::string& line) {
  char buffer[Peer::max_text];
  auto const now = time.write(r.wall_ns);
  if (json) line.append(R"({"time":")").append(now).append(R"(","level":"info","event":"access")");
  else line.append(now).append(" info access:");
  LineWriter out(line, json);
  out.text("request_id", r.request_id.view());
  out.text("trace_id", {r.trace_id, sizeof r.trace_id});
  out.text("tenant", r.tenant < tenants.size() ? tenants[r.tenant] : tenants[0]);
  out.text("proof", policy::proof_name(r.proof));
  out.text("operation", policy::operation_name(r.operation));
  out.text("method", policy::method_name(r.method));
  out.number("status", r.status);
  out.text("reason", r.reason == no_reason ? "none" : traits_of(static_cast<Code>(r.reason)).token);
  out.number("upstream_status", r.upstream_status);
  out.number("attempts", r.attempts);
  out.text("cache", cache_result_name(r.cache));
  out.number("bytes_in", static_cast<std::int64_t>(r.bytes_in));
  out.number("bytes_out", static_cast<std::int64_t>(r.bytes_out));
  out.number("duration_us", microseconds(r.duration));
  out.number("upstream_us", microseconds(r.upstream));
  out.text("peer", r.peer.write(buffer));
  if (!files.empty()) write_files(files, json, line);
  if (r.files_more > 0) out.number("files_more", r.files_more);
  line += json ? "}\n" : "\n";
}

}  // namespace

AccessRing& AccessLog::add_ring() {
  rings_.push_back(std::make_unique<AccessRing>());
  return *rings_.back();
}

void AccessLog::start() { thread_ = std::thread([this] { run(); }); }

void AccessLog::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  thread_.join();
  drain_all();
}

void AccessLog::run() {
  while (!stopping_) {
    drain_all();
    std::this_thread::sleep_for(period);
  }
}

void AccessLog::drain_all() {
  bool const wanted = log_.enabled(Level::info);
  LineTime time;
  auto const hand_over = [&] {
    if (lines_.empty()) return;
    lines_.pop_back();  // the log ends its lines itself
    log_.raw(Level::info, lines_);
    lines_.clear();
  };
  for (auto& ring : rings_)
    ring->drain([&](AccessRecord const& record, std::span<AccessFile const> files) {
      if (!wanted) return;
      if (record.tenant >= names_.size()) names_ = tenants_.names();
      format(record, files, names_, log_.json(), time, lines_);
      if (lines_.size() >= batch_bytes) hand_over();
    });
  hand_over();
  log_.flush();
}

}  // namespace gateway::observe
