#include "service.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sandbox {
namespace {

/// The key that the allow list refuses from everywhere, so that a test needs no second address.
constexpr std::string_view denied_key = "sandbox-denied-ip";

struct Route {
  Operation operation;
  std::string_view method;
  std::string_view path;
  std::uint64_t fastest_ms;  ///< of --latency realistic
  std::uint64_t slowest_ms;
  Answer (*run)(Context, Call const&);
};

constexpr std::array<Route, operation_count> routes = {{
    {Operation::read_submission, "GET", "/submission", 60, 250, read_submission},
    {Operation::read_applicant, "GET", "/submission/applicant", 60, 250, read_applicant},
    {Operation::submit_step1, "POST", "/submission/step1", 900, 2500, submit_step1},
    {Operation::submit_step2, "POST", "/submission/step2", 1500, 4000, submit_step2},
    {Operation::address_code, "POST", "/address_code", 150, 500, address_code},
    {Operation::delete_submission, "DELETE", "/submission", 200, 600, delete_submission},
    {Operation::get_aml_report, "GET", "/report/aml", 400, 1500, get_aml_report},
    {Operation::get_image, "GET", "/image", 100, 400, get_image},
}};

boost::asio::ip::address_v6::bytes_type as_v6(boost::asio::ip::address const& address) {
  if (address.is_v4()) {
    return boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, address.to_v4()).to_bytes();
  }
  return address.to_v6().to_bytes();
}

bool takes_body(Operation operation) {
  return operation == Operation::submit_step1 || operation == Operation::submit_step2 ||
         operation == Operation::address_code;
}

}  // namespace

std::optional<Network> parse_network(std::string_view text) {
  std::size_t const slash = text.find('/');
  boost::system::error_code error;
  auto const address = boost::asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) {
    return std::nullopt;
  }
  unsigned const width = address.is_v4() ? 32 : 128;
  unsigned prefix = width;
  if (slash != std::string_view::npos) {
    auto const number = parse_number(text.substr(slash + 1));
    if (!number || *number > width) {
      return std::nullopt;
    }
    prefix = static_cast<unsigned>(*number);
  }
  return Network{as_v6(address), prefix + 128 - width};
}

bool contains(Network const& network, boost::asio::ip::address const& address) {
  auto const bytes = as_v6(address);
  for (unsigned bit = 0; bit < network.prefix; ++bit) {
    unsigned const difference = static_cast<unsigned>(bytes[bit / 8] ^ network.bytes[bit / 8]);
    if ((difference & (0x80U >> (bit % 8))) != 0) {
      return false;
    }
  }
  return true;
}

Service::Service(Options const& options, std::vector<Network> allowed)
    : options_(options), allowed_(std::move(allowed)), store_(options.max_records) {
  add_samples(Context{options_, store_});
}

Admission Service::admit(Head const& head) const {
  Admission admission;
  std::size_t const question = head.target.find('?');
  std::string_view path = head.target.substr(0, question);
  if (question != std::string_view::npos) {
    admission.query = head.target.substr(question + 1);
  }
  bool const under_base = path.starts_with(options_.base_path);
  path.remove_prefix(under_base ? options_.base_path.size() : 0);
  auto const route = std::find_if(routes.begin(), routes.end(), [&](Route const& candidate) {
    return candidate.method == head.method && candidate.path == path;
  });
  if (!under_base || route == routes.end()) {
    admission.refusal = message_answer(403, "Missing Authentication Token");
    return admission;
  }
  std::string_view const key = head.key.value_or(std::string_view{});
  auto const project = std::find_if(options_.projects.begin(), options_.projects.end(), [key](auto const& keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  });
  if (project == options_.projects.end() && key != denied_key) {
    admission.refusal = message_answer(403, "Forbidden");
    return admission;
  }
  bool const listed = allowed_.empty() || std::any_of(allowed_.begin(), allowed_.end(), [&](Network const& network) {
                        return contains(network, head.peer);
                      });
  if (key == denied_key || !listed) {
    admission.refusal = denied_address_answer();
    return admission;
  }
  admission.operation = route->operation;
  admission.project = static_cast<std::size_t>(project - options_.projects.begin());
  return admission;
}

Answer Service::handle(Request const& request) {
  Context const context{options_, store_};
  Call call;
  call.project = request.project;
  call.form = takes_body(request.operation) ? parse_body(request.content_type, request.body)
                                            : std::optional(parse_urlencoded(request.query));
  bool const submission = request.operation == Operation::submit_step1 || request.operation == Operation::submit_step2;
  if (submission && media_type(request.content_type) != "multipart/form-data") {
    call.form.reset();
  }
  if (call.form) {
    call.plan = make_plan(trigger_source(context, request.operation, request.project, *call.form), request.operation);
  }
  Route const& route = routes.at(static_cast<std::size_t>(request.operation));
  Answer answer;
  if (call.plan.instead && !call.plan.work_first) {
    answer = *call.plan.instead;
  } else {
    answer = route.run(context, call);
    if (call.plan.instead) {
      answer = *call.plan.instead;
    }
  }
  answer.delivery = call.plan.delivery;
  if (options_.realistic_latency) {
    answer.delivery.delay += std::chrono::milliseconds(random_between(route.fastest_ms, route.slowest_ms));
  }
  return answer;
}

}  // namespace sandbox
