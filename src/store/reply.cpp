#include "reply.hpp"

#include <hiredis/hiredis.h>

#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "gateway/base/secret.hpp"

namespace gateway::store {
namespace {

// What hiredis calls for each value it has read. A null pointer makes it give up with "out of memory", which is how a
// value that is too large is refused. Nothing may be thrown through it.
Reply* add(redisReadTask const* task, Reply::Type type) noexcept {
  if (task->parent == nullptr) {
    auto* const reply = new (std::nothrow) Reply;
    if (reply != nullptr) reply->type = type;
    return reply;
  }
  auto& elements = static_cast<Reply*>(task->parent->obj)->elements;
  auto const at = static_cast<std::size_t>(task->idx);
  if (at >= elements.size()) return nullptr;
  elements[at].type = type;
  return &elements[at];
}

void* make_text(redisReadTask const* task, char* text, std::size_t size) {
  if (size > ReplyReader::max_text_bytes) return nullptr;
  auto* const reply = add(task, task->type == REDIS_REPLY_ERROR ? Reply::Type::error : Reply::Type::text);
  if (reply == nullptr) return nullptr;
  try {
    reply->text.assign(text, size);
  } catch (std::bad_alloc const&) {
    if (task->parent == nullptr) delete reply;
    return nullptr;
  }
  return reply;
}

void* make_list(redisReadTask const* task, int elements) {
  if (task->parent != nullptr || elements < 0 || static_cast<std::size_t>(elements) > ReplyReader::max_elements) return nullptr;
  auto* const reply = add(task, Reply::Type::list);
  if (reply == nullptr) return nullptr;
  try {
    reply->elements.resize(static_cast<std::size_t>(elements));
  } catch (std::bad_alloc const&) {
    delete reply;
    return nullptr;
  }
  return reply;
}

void* make_number(redisReadTask const* task, long long value) {
  auto* const reply = add(task, Reply::Type::number);
  if (reply != nullptr) reply->number = value;
  return reply;
}

void* make_nil(redisReadTask const* task) { return add(task, Reply::Type::nil); }

// Only ever called with the outermost value.
void free_reply(void* reply) { delete static_cast<Reply*>(reply); }

redisReplyObjectFunctions functions{make_text, make_list, make_number, make_nil, free_reply};

}  // namespace

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(&functions)) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

ReplyReader::~ReplyReader() { redisReaderFree(reader_); }

bool ReplyReader::feed(std::string_view bytes) {
  if (!broken_) broken_ = redisReaderFeed(reader_, bytes.data(), bytes.size()) != REDIS_OK;
  return !broken_;
}

ReplyReader::Next ReplyReader::next(Reply& reply) {
  void* found = nullptr;
  if (broken_ || redisReaderGetReply(reader_, &found) != REDIS_OK) {
    broken_ = true;
    return Next::broken;
  }
  if (found != nullptr) {
    std::unique_ptr<Reply> const owned(static_cast<Reply*>(found));
    reply = std::move(*owned);
    return Next::reply;
  }
  // A value that never ends would fill the memory before its size could be looked at.
  broken_ = reader_->len - reader_->pos > max_unfinished_bytes;
  return broken_ ? Next::broken : Next::nothing_yet;
}

void append_command(std::initializer_list<std::string_view> words, std::string& out) {
  std::array<char const*, 4> texts{};
  std::array<std::size_t, 4> sizes{};
  int count = 0;
  for (auto const word : words) {
    texts.at(static_cast<std::size_t>(count)) = word.data();
    sizes.at(static_cast<std::size_t>(count)) = word.size();
    ++count;
  }
  char* command = nullptr;
  int const size = redisFormatCommandArgv(&command, count, texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  out.append(command, static_cast<std::size_t>(size));
  wipe(std::span<char>(command, static_cast<std::size_t>(size)));
  redisFreeCommand(command);
}

}  // namespace gateway::store
