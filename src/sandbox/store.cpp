#include "store.hpp"

#include "text.hpp"

#include <algorithm>
#include <functional>

namespace sandbox {
namespace {

std::string email_key(std::size_t project, std::string_view email) {
  return std::to_string(project) + ' ' + lower(email);
}

/// "Okafor, Mina" and "Mina Okafor" are one person: a comma puts the family name first.
std::string plain_name(std::string_view name) {
  std::size_t const comma = name.find(',');
  if (comma == std::string_view::npos) {
    return lower(trimmed(name));
  }
  return lower(trimmed(name.substr(comma + 1))) + ' ' + lower(trimmed(name.substr(0, comma)));
}

}  // namespace

std::optional<ImageKind> image_kind(std::string_view name) {
  if (name == "idImage") {
    return ImageKind::id;
  }
  if (name == "idBackImage") {
    return ImageKind::id_back;
  }
  if (name == "selfieImage") {
    return ImageKind::selfie;
  }
  if (name == "addressImage") {
    return ImageKind::address;
  }
  return std::nullopt;
}

void Record::changed() { updated = std::max(created, now_ms()); }

void Record::set(std::string_view name, std::string_view value) {
  auto const same = [name](auto const& member) { return member.first == name; };
  if (auto const found = std::find_if(data.begin(), data.end(), same); found != data.end()) {
    found->second = value;
  } else {
    data.emplace_back(name, value);
  }
}

std::string_view Record::get(std::string_view name) const {
  auto const same = [name](auto const& member) { return member.first == name; };
  auto const found = std::find_if(data.begin(), data.end(), same);
  return found == data.end() ? std::string_view{} : std::string_view(found->second);
}

Record& Store::create(std::size_t project, std::string email, std::int64_t age_ms) {
  while (records_.size() >= max_records_) {
    drop_oldest();
  }
  // Each submission gets a millisecond of its own, so that "newest first" is exact.
  last_created_ = std::max(last_created_ + 1, now_ms());
  auto record = std::make_unique<Record>();
  do {
    record->id = random_id("sbx", 12);
  } while (records_.contains(record->id));
  record->project = project;
  record->created = last_created_ - age_ms;
  record->updated = record->created;
  record->email = std::move(email);
  Record& added = *record;
  ordered_[project].emplace(Position{added.created, added.id}, &added);
  by_age_.emplace(added.created, added.id);
  by_email_.emplace(email_key(project, added.email), &added);
  records_.emplace(added.id, std::move(record));
  return added;
}

void Store::drop_oldest() {
  auto const oldest = by_age_.begin();
  Record* const record = find(oldest->second);
  erase_personal_data(*record);
  ordered_[record->project].erase(Position{record->created, record->id});
  records_.erase(oldest->second);
  by_age_.erase(oldest);
}

Record* Store::find(std::string_view id) {
  auto const found = records_.find(std::string(id));
  return found == records_.end() ? nullptr : found->second.get();
}

Record* Store::find_in(std::size_t project, std::string_view id) {
  Record* const record = find(id);
  return record != nullptr && record->project == project ? record : nullptr;
}

Record* Store::find_match(std::size_t project, std::string_view resource_id) {
  for (auto const& [position, record] : ordered_[project]) {
    if (std::find(record->matches.begin(), record->matches.end(), resource_id) != record->matches.end()) {
      return record;
    }
  }
  return nullptr;
}

std::vector<Record*> Store::of_applicant(std::size_t project, std::string_view applicant_id) {
  std::vector<Record*> found;
  for (auto const& [position, record] : ordered_[project]) {
    if (!applicant_id.empty() && record->applicant_id == applicant_id) {
      found.push_back(record);
    }
  }
  return found;
}

bool Store::approved_before(std::size_t project, std::string_view email) {
  auto const [first, last] = by_email_.equal_range(email_key(project, email));
  return std::any_of(first, last, [](auto const& entry) { return entry.second->result == "approved"; });
}

std::string Store::applicant_for(Record const& record) {
  std::string person = std::to_string(record.project) + '\n' + plain_name(record.get("name"));
  for (std::string_view const part : {"date_of_birth", "gender", "nationality"}) {
    person += '\n';
    person += lower(record.get(part));
  }
  auto const [entry, added] = applicants_.try_emplace(std::move(person));
  if (added) {
    entry->second = random_id("apl", 12);
  }
  return entry->second;
}

void Store::approve(Record& record, int matches) {
  record.result = "approved";
  record.applicant_id = applicant_for(record);
  record.changed();
  for (int i = 0; i < matches; ++i) {
    record.matches.push_back(random_id("rsc", 12));
  }
}

void Store::erase_personal_data(Record& record) {
  auto const [first, last] = by_email_.equal_range(email_key(record.project, record.email));
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second == &record) {
      by_email_.erase(entry);
      break;
    }
  }
  std::string const applicant = record.applicant_id;
  Record left;
  left.id = record.id;
  left.project = record.project;
  left.created = record.created;
  left.changed();
  left.result = record.result;
  left.step1_done = record.step1_done;
  left.deleted = true;
  if (std::string_view const type = record.get("idType"); !type.empty()) {
    left.set("idType", type);
  }
  record = std::move(left);
  // The key of the grouping is made of personal data; it goes with the last record of the person.
  if (!applicant.empty() && of_applicant(record.project, applicant).empty()) {
    std::erase_if(applicants_, [&applicant](auto const& entry) { return entry.second == applicant; });
  }
}

void Store::each(std::size_t project, std::optional<Position> const& after, std::function<bool(Record&)> const& visit) {
  auto& records = ordered_[project];
  for (auto entry = after ? records.upper_bound(*after) : records.begin(); entry != records.end(); ++entry) {
    if (!visit(*entry->second)) {
      return;
    }
  }
}

std::shared_ptr<std::string const> Store::keep_image(std::string_view bytes) {
  std::size_t const hash = std::hash<std::string_view>{}(bytes);
  auto const [first, last] = images_.equal_range(hash);
  for (auto entry = first; entry != last;) {
    if (auto kept = entry->second.lock()) {
      if (*kept == bytes) {
        return kept;
      }
      ++entry;
    } else {
      entry = images_.erase(entry);
    }
  }
  if (images_.size() > 8 * max_records_) {
    std::erase_if(images_, [](auto const& entry) { return entry.second.expired(); });
  }
  auto image = std::make_shared<std::string const>(bytes);
  images_.emplace(hash, image);
  return image;
}

}  // namespace sandbox
