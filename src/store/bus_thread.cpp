#include "bus_thread.hpp"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <utility>

// The part that is the thread's own: one connection after the other, and what goes in and out of it.
namespace gateway::store {
namespace {

constexpr std::chrono::milliseconds farewell_within{300};
constexpr std::chrono::seconds name_within{2};
// "1" is the version of the messages: gateways that do not understand each other do not hear each other.
constexpr std::string_view channel_prefix = "argos-gateway:invalidations:1:";

std::size_t bucket_of(Duration delay) {
  auto const seconds = std::chrono::duration<double>(delay).count();
  auto const& bounds = BusMetrics::round_trip_bounds;
  return static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin());
}

}  // namespace

Bus::Thread::Thread(BusOptions options, cache::Invalidations& invalidations, Log log, std::atomic<bool>& isolated, BusMetrics& metrics)
    : queue_(options.queue),
      options_(std::move(options)),
      invalidations_(invalidations),
      log_(std::move(log)),
      isolated_(isolated),
      metrics_(metrics),
      channel_(std::string(channel_prefix) + std::to_string(options_.url.database)),
      sender_(entropy_.next()),
      peers_({options_.silent_after, options_.forgotten_after}) {
  batch_.reserve(Message::max_subjects);
}

void Bus::Thread::tell(Level level, std::string_view event, std::string const& message) {
  if (log_) log_(level, event, message);
}

void Bus::Thread::run() noexcept {
  pause_ = options_.least_pause;
  while (!stopping_) {
    std::string why;
    try {
      why = live();
    } catch (std::exception const& exception) {  // memory, or no thread for a lookup
      why = exception.what();
    }
    try {
      lost(why);
    } catch (std::exception const&) {  // of the log
    }
    if (!stopping_) pause();
  }
}

void Bus::Thread::resync() {
  invalidations_.invalidate_all();
  metrics_.resyncs.fetch_add(1, std::memory_order_relaxed);
}

// Whatever was said from now on is missed, and whatever of ours is under way may not arrive.
void Bus::Thread::lost(std::string const& why) {
  bool const was_up = metrics_.connected.exchange(false);
  isolated_ = true;
  listener_.close();
  publisher_.close();
  if (std::any_of(under_way_.begin(), under_way_.end(), [](Sent const& sent) { return sent.matters; })) everything_ = true;
  under_way_.clear();
  if (was_up) resync();
  if (stopping_) {
    if (everything_) tell(Level::warn, "redis_untold", "the gateway ends before it could tell the others of its last changes");
    return;
  }
  if (was_up) {
    told_unreachable_ = false;
    tell(Level::warn, "redis_lost", options_.url.place() + ": " + why + "; changes made through other gateways may be missed");
    return;
  }
  metrics_.failures.fetch_add(1, std::memory_order_relaxed);
  // Once an outage, not once an attempt.
  if (!std::exchange(told_unreachable_, true)) tell(Level::warn, "redis_unreachable", options_.url.place() + ": " + why);
}

// Gateways that lost Redis at one moment must not all come back at one moment.
void Bus::Thread::pause() {
  auto const jitter = static_cast<double>(entropy_.next() >> 11) / static_cast<double>(std::uint64_t{1} << 53);
  auto const until = precise_now() + Duration(static_cast<std::int64_t>(static_cast<double>(pause_.count()) * (0.5 + jitter / 2)));
  pause_ = std::min(pause_ * 2, options_.longest_pause);
  while (!stopping_ && precise_now() < until) {
    pollfd waits[] = {{stop_.descriptor(), POLLIN, 0}};
    ::poll(waits, 1, milliseconds_until(until));
  }
}

std::string Bus::Thread::live() {
  if (auto problem = connect(); !problem.empty()) return problem;
  return serve();
}

std::string Bus::Thread::connect() {
  auto const& url = options_.url;
  auto const addresses = lookup_.find(url, precise_now() + name_within, stop_.descriptor());
  auto const until = [&] { return precise_now() + options_.connect_within; };
  if (auto problem = publisher_.open(url, addresses, tls_.get(), until(), stop_.descriptor()); !problem.empty()) return problem;
  if (auto problem = listener_.open(url, addresses, tls_.get(), until(), stop_.descriptor()); !problem.empty()) return problem;
  append_command({"SUBSCRIBE", channel_}, listener_.out());
  Reply reply;
  if (auto problem = listener_.ask(reply, until(), stop_.descriptor()); !problem.empty()) return problem;
  if (reply.elements.size() != 3 || reply.elements[0].text != "subscribe" || reply.elements[1].text != channel_)
    return "the server does not take the subscription";

  // From here on everything is heard; what was said before is made up for. What was published here meanwhile concerns
  // the others likewise, and nobody knows any more what it was.
  auto const now = precise_now();
  resync();
  peers_.subscribed(now);
  cache::Subject ignored{};
  std::uint64_t unsaid = 0;
  while (queue_.pop(ignored)) ++unsaid;
  metrics_.dropped.fetch_add(unsaid, std::memory_order_relaxed);
  if (unsaid > 0) everything_ = true;
  if (!everything_) send(Kind::beat, {}, now);
  return "";
}

// What is late is only judged late after a look at what has arrived, by the time before that look: a thread that had to
// wait for a CPU would else take its own delay for Redis'.
std::string Bus::Thread::serve() {
  if (auto problem = take_messages(precise_now()); !problem.empty()) return problem;
  while (!stopping_) {
    auto const now = precise_now();
    send_pending(now);
    if (now - last_sent_ >= options_.beat && under_way_.size() < max_under_way) send(Kind::beat, {}, now);
    auto next = last_sent_ + options_.beat;
    if (!under_way_.empty()) next = std::min(next, under_way_.front().at + options_.lost_after + std::chrono::milliseconds(1));
    if (auto problem = turn(std::max(next, now + std::chrono::milliseconds(1)), false); !problem.empty()) return problem;
    if (!under_way_.empty() && now - under_way_.front().at > options_.lost_after) return "no answer in time";
    look_at_peers(now);
  }
  return farewell();
}

// What has been published is told before the end, since nobody else would tell it.
std::string Bus::Thread::farewell() {
  auto const until = precise_now() + farewell_within;
  bool left = false;
  for (auto now = precise_now(); now < until; now = precise_now()) {
    send_pending(now);
    if (!left && under_way_.size() < max_under_way) {
      send(Kind::leave, {}, now);
      left = true;
    }
    if (auto problem = turn(until, true); !problem.empty()) return problem;
    if (left && under_way_.empty()) return "ended";
  }
  return "no answer in time";
}

std::string Bus::Thread::turn(Instant until, bool ending) {
  if (!publisher_.flush() || !listener_.flush()) return "the server closed the connection";
  pollfd waits[] = {{listener_.descriptor(), listener_.events(), 0},
                    {publisher_.descriptor(), publisher_.events(), 0},
                    {wake_.descriptor(), POLLIN, 0},
                    {ending ? -1 : stop_.descriptor(), POLLIN, 0}};
  bool const more = listener_.has_more() || publisher_.has_more();
  int const ready = ::poll(waits, 4, more ? 0 : milliseconds_until(until));
  if (ready <= 0 && !more) return "";
  auto const now = precise_now();
  if (waits[2].revents != 0) {
    wake_.clear();
    woken_.exchange(false);
  }
  if (waits[0].revents != 0 || listener_.has_more()) {
    if (!listener_.receive()) return "the server closed the connection";
    if (auto problem = take_messages(now); !problem.empty()) return problem;
  }
  if (waits[1].revents != 0 || publisher_.has_more()) {
    if (!publisher_.receive()) return "the server closed the connection";
    if (auto problem = take_answers(); !problem.empty()) return problem;
  }
  return "";
}

// As many messages as it takes, without those that one message can do for.
void Bus::Thread::send_pending(Instant now) {
  while (under_way_.size() < max_under_way) {
    bool const everything = everything_.exchange(false);
    batch_.clear();
    cache::Subject subject{};
    while (batch_.size() < Message::max_subjects && queue_.pop(subject)) batch_.push_back(subject);
    if (everything) {
      send(Kind::everything, {}, now);  // which tells of the batch, too
      continue;
    }
    if (batch_.empty()) return;
    std::sort(batch_.begin(), batch_.end());
    batch_.erase(std::unique(batch_.begin(), batch_.end()), batch_.end());
    send(Kind::subjects, batch_, now);
  }
}

void Bus::Thread::send(Kind kind, std::span<cache::Subject const> subjects, Instant now) {
  payload_.clear();
  write_message(kind, sender_, ++number_, subjects, payload_);
  append_command({"PUBLISH", channel_, payload_}, publisher_.out());
  bool const matters = kind == Kind::subjects || kind == Kind::everything;
  under_way_.push_back({number_, now, matters});
  last_sent_ = now;
  if (matters) metrics_.sent.fetch_add(1, std::memory_order_relaxed);
}

std::string Bus::Thread::take_messages(Instant now) {
  Reply reply;
  for (;;) {
    auto const next = listener_.next(reply);
    if (next == ReplyReader::Next::nothing_yet) return "";
    if (next == ReplyReader::Next::broken) return "what answers does not speak the protocol of Redis";
    auto const& parts = reply.elements;
    bool const is_message = parts.size() == 3 && parts[0].text == "message" && parts[1].text == channel_ && parts[2].is(Reply::Type::text);
    if (!is_message) return "the server sends something that is no message of the channel";
    if (auto problem = take_message(parts[2].text, now); !problem.empty()) return problem;
  }
}

std::string Bus::Thread::take_message(std::string_view payload, Instant now) {
  auto const message = Message::read(payload);
  if (!message) {
    metrics_.malformed.fetch_add(1, std::memory_order_relaxed);
    return "";
  }
  if (message->sender == sender_) return take_own(*message, now);
  if (!peers_.heard(message->sender, message->number, now)) resync();
  switch (message->kind) {
    case Kind::subjects:
      for (auto const subject : message->subjects) invalidations_.invalidate(subject);
      break;
    case Kind::everything: invalidations_.invalidate_all(); break;
    case Kind::beat: return "";
    case Kind::leave: peers_.left(message->sender); return "";
  }
  metrics_.received.fetch_add(1, std::memory_order_relaxed);
  return "";
}

std::string Bus::Thread::take_own(Message const& message, Instant now) {
  // One of a connection that was given up, delivered late; it is made up for already.
  if (message.number <= number_ && (under_way_.empty() || message.number < under_way_.front().number)) return "";
  if (under_way_.empty() || message.number != under_way_.front().number) return "a message of ours did not come back";
  auto const delay = now - under_way_.front().at;
  under_way_.pop_front();
  metrics_.round_trips[bucket_of(delay)].fetch_add(1, std::memory_order_relaxed);
  metrics_.round_trip_sum_ns.fetch_add(static_cast<std::uint64_t>(delay.count()), std::memory_order_relaxed);
  auto const longest = std::max(metrics_.round_trip_max_ns.load(std::memory_order_relaxed), static_cast<std::uint64_t>(delay.count()));
  metrics_.round_trip_max_ns.store(longest, std::memory_order_relaxed);
  if (metrics_.connected.exchange(true)) return "";
  if (std::exchange(was_connected_, true)) metrics_.reconnects.fetch_add(1, std::memory_order_relaxed);
  pause_ = options_.least_pause;
  told_unreachable_ = false;
  tell(Level::info, "redis_connected", options_.url.place() + ": changes are exchanged with the other gateways");
  return "";
}

std::string Bus::Thread::take_answers() {
  Reply reply;
  for (;;) {
    auto const next = publisher_.next(reply);
    if (next == ReplyReader::Next::nothing_yet) return "";
    if (next == ReplyReader::Next::broken) return "what answers does not speak the protocol of Redis";
    // How many have received it, which includes us: more than that cannot be learnt from it.
    if (!reply.is(Reply::Type::number)) return "the server does not publish: " + Connection::error_word(reply);
  }
}

void Bus::Thread::look_at_peers(Instant now) {
  auto const before = peers_.silent();
  auto const forgotten = peers_.look(now);
  auto const silent = peers_.silent();
  metrics_.peers.store(peers_.count(), std::memory_order_relaxed);
  metrics_.silent_peers.store(silent, std::memory_order_relaxed);
  bool const connected = metrics_.connected.load();
  isolated_ = !connected || silent > 0;
  if (forgotten > 0) tell(Level::warn, "peer_forgotten", "a gateway that was not heard for long is taken for dead");
  else if (silent > before) tell(Level::warn, "peer_silent", "another gateway is not heard; it may be cut off from Redis");
  else if (silent == 0 && before > 0) tell(Level::info, "peers_heard", "all other gateways are heard again");
}

}  // namespace gateway::store
