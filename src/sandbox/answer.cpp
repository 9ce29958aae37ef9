#include "answer.hpp"

#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace sandbox {

Answer make_answer(unsigned status, std::string content_type, std::string body) {
  Answer answer;
  answer.status = status;
  answer.content_type = std::move(content_type);
  answer.body = std::make_shared<std::string const>(std::move(body));
  return answer;
}

Answer json_answer(unsigned status, boost::json::value const& value) {
  return make_answer(status, "application/json", boost::json::serialize(value));
}

Answer message_answer(unsigned status, std::string_view text) {
  boost::json::object object;
  object["message"] = text;
  return json_answer(status, object);
}

Answer denied_address_answer() {
  boost::json::object object;
  object["Message"] = "User is not authorized to access this resource with an explicit deny";
  return json_answer(403, object);
}

Answer bad_query_answer() { return message_answer(400, "Invalid Query String parameters"); }

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 302: return "Found";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 413: return "Request Entity Too Large";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
  }
}

std::string make_head(Answer const& answer, bool keep_alive) {
  std::size_t const size = answer.body ? answer.body->size() : 0;
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
  head.append(reason_phrase(answer.status));
  auto const add = [&head](std::string_view name, std::string_view value) {
    head.append("\r\n").append(name).append(": ").append(value);
  };
  add("date", http_date());
  add("content-type", answer.content_type);
  if (answer.delivery.framing == Framing::length || answer.delivery.fault == Fault::both_lengths) {
    add("content-length", std::to_string(size));
  }
  if (answer.delivery.framing == Framing::chunked) {
    add("transfer-encoding", "chunked");
  }
  add("connection", keep_alive ? "keep-alive" : "close");
  add("x-amzn-requestid", random_uuid());
  for (auto const& [name, value] : answer.fields) {
    add(name, value);
  }
  if (answer.delivery.padding > 0) {
    add("x-padding", std::string(answer.delivery.padding, 'p'));
  }
  return head.append("\r\n\r\n");
}

}  // namespace sandbox
