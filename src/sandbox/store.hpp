#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sandbox {

enum class ImageKind { id, id_back, selfie, address };
[[nodiscard]] std::optional<ImageKind> image_kind(std::string_view name);

struct Attempt {
  int number = 0;
  std::optional<int> similarity;
  std::optional<int> liveness;
  bool success = false;
  std::string retry_code;
  std::string retry_message;
};

/// One submission. `data` holds the members of the answer's `data` object in the order in which they are printed.
struct Record {
  std::string id;
  std::size_t project = 0;
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::string email;
  std::string userid;
  std::string applicant_id;
  std::vector<std::pair<std::string, std::string>> data;
  std::string result = "incomplete";
  std::vector<std::string> comments;
  std::vector<std::string> comment_codes;
  std::vector<Attempt> attempts;
  std::vector<std::string> matches;
  std::array<std::shared_ptr<std::string const>, 4> images;
  int retry_count = 0;
  int step1_calls = 0;
  int lookups = 0;
  bool step1_done = false;
  bool deleted = false;

  void changed();  ///< now, but never before it was created
  void set(std::string_view name, std::string_view value);
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool finished() const { return result != "incomplete"; }
};

/// Newest first, then by id: the order of every listing and of its page keys.
struct Position {
  std::int64_t created = 0;
  std::string id;
  bool operator<(Position const& other) const {
    return created != other.created ? created > other.created : id < other.id;
  }
};

/// All state. Every call needs the guard of `hold()`, which an operation keeps for as long as it looks at a record.
class Store {
 public:
  explicit Store(std::size_t max_records) : max_records_(max_records) {}

  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

  /// A new submission; the oldest one leaves when there are too many. `age` puts its time into the past.
  Record& create(std::size_t project, std::string email, std::int64_t age_ms);
  [[nodiscard]] Record* find(std::string_view id);
  [[nodiscard]] Record* find_in(std::size_t project, std::string_view id);
  [[nodiscard]] Record* find_match(std::size_t project, std::string_view resource_id);
  [[nodiscard]] std::vector<Record*> of_applicant(std::size_t project, std::string_view applicant_id);
  [[nodiscard]] bool approved_before(std::size_t project, std::string_view email);
  /// The id of the person, from what an approved record says of them.
  [[nodiscard]] std::string applicant_for(Record const& record);
  void approve(Record& record, int matches);
  /// Leaves id, time, document type and result.
  void erase_personal_data(Record& record);
  /// Calls `visit` for the records of a project behind `after`, until it returns false.
  void each(std::size_t project, std::optional<Position> const& after, std::function<bool(Record&)> const& visit);
  /// Equal images are kept once, so that a load test with one picture does not fill the memory.
  [[nodiscard]] std::shared_ptr<std::string const> keep_image(std::string_view bytes);

 private:
  void drop_oldest();

  std::mutex mutex_;
  std::size_t max_records_;
  std::int64_t last_created_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;
  std::map<std::size_t, std::map<Position, Record*>> ordered_;
  std::set<std::pair<std::int64_t, std::string>> by_age_;
  std::unordered_multimap<std::string, Record*> by_email_;
  std::map<std::string, std::string> applicants_;  // person -> id
  std::unordered_multimap<std::size_t, std::weak_ptr<std::string const>> images_;
};

}  // namespace sandbox
