#pragma once
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

// The protocol of Redis (RESP2) by hiredis' parser and formatter, and nothing else of it: its connections block, know
// no TLS and no deadlines in the version that Debian has.
namespace gateway::store {

struct Reply {
  enum class Type : unsigned char { nil, text, error, number, list };
  Type type = Type::nil;
  std::string text;      // of text (bulk and status alike) and error
  long long number = 0;
  std::vector<Reply> elements;

  bool is(Type wanted) const { return type == wanted; }
};

// Takes bytes, gives replies. What no server of ours sends is refused before memory is spent on it: lists of more than
// eight elements or within lists, and texts that do not fit a message.
class ReplyReader {
 public:
  static constexpr std::size_t max_elements = 8;
  static constexpr std::size_t max_text_bytes = 8 * 1024;
  static constexpr std::size_t max_unfinished_bytes = 16 * 1024;

  ReplyReader();
  ~ReplyReader();
  ReplyReader(ReplyReader const&) = delete;
  ReplyReader& operator=(ReplyReader const&) = delete;

  // False when this is not the protocol, from then on for ever.
  bool feed(std::string_view bytes);
  enum class Next : unsigned char { reply, nothing_yet, broken };
  Next next(Reply& reply);

 private:
  redisReader* reader_;
  bool broken_ = false;
};

// Appends a command to `out`. The buffer in between is wiped: it may have held a password.
void append_command(std::initializer_list<std::string_view> words, std::string& out);

}  // namespace gateway::store
