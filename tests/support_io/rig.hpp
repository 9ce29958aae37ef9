#pragma once
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "gateway/proxy/worker.hpp"
#include "support_io/turn.hpp"
#include "support_io/vendor.hpp"

namespace gateway::test {

inline constexpr char api_key_text[] = "canary-key-0123456789abcdef";

// An event loop that moves only when it is told to.
class Loop {
 public:
  // Asio makes its reactor with the first socket; here, so that no injected fault hits that.
  Loop();
  Loop(Loop const&) = delete;
  Loop& operator=(Loop const&) = delete;

  boost::asio::io_context context{1};
  // Runs what is ready, then the ends of connections. True when anything moved.
  bool step();
  // Until `done`; false when it does not come about in `limit` (which only avoids a hang).
  bool run_until(std::function<bool()> const& done, std::chrono::seconds limit = std::chrono::seconds(20));
  // Until nothing has moved for a while, or a great many steps were made.
  void settle();
  std::vector<std::function<bool()>> pumps;

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{context.get_executor()};
};

struct RigOptions {
  bool upstream_tls = false;
  bool with_key = true;
  std::size_t max_connections = 8;
  std::string limits;    // more lines of [limits]
  std::string upstream;  // more lines of [upstream]
  // Lines of [uploads]: most tests are about how bytes travel, and send what no operation would take.
  std::string uploads = "validation = \"off\"";
  std::string operations = "\"*\"";
  std::string cidr = "127.0.0.0/8";
};

// One worker of the gateway between scripted callers and a scripted vendor, in the test's own thread.
class Rig {
 public:
  explicit Rig(RigOptions options = {});
  ~Rig();
  Rig(Rig const&) = delete;
  Rig& operator=(Rig const&) = delete;

  enum class Wire { unix_socket, tcp, tls };
  // A connection of a caller; stays valid as long as the rig.
  Endpoint& call(Wire wire = Wire::unix_socket);
  Endpoint& call_with(std::string_view bytes, Wire wire = Wire::unix_socket);

  // Until the next answer is complete. status 0 when the connection ended without one; -1 when it is malformed; -2 when
  // nothing came in time.
  Message answer_of(Endpoint& caller, int* interim = nullptr);
  // Lets the time-outs of the gateway see a later time than now.
  void advance(Duration by);
  // Ends all callers' connections, runs until the gateway has let go of everything, and checks that it has.
  void wind_down();

  std::vector<observe::AccessRecord> records();  // since the last call
  std::vector<observe::AccessFile> files;        // of those records
  std::uint64_t requests_counted() const;
  upstream::PoolSettings pool_settings() const;

  Loop loop;
  observe::AccessRing ring;
  Vendor vendor;
  std::shared_ptr<proxy::Worker> worker;
  std::list<Endpoint> callers;
  std::size_t sessions_ended = 0;

  static TestCa const& ca();

 private:
  RigOptions options_;
  SslContext caller_context_;
};

std::string get_request(std::string_view target = "/v3/submission?submission_id=1", std::string_view more_fields = {});
// Requests with a body; `body_chunk` 0 means Content-Length.
std::string request_with_body(std::string_view path, std::string_view type, std::string const& body, std::size_t body_chunk = 0,
                              std::string_view more_fields = {});
// An address_code call, whose body is relayed unseen while nothing is validated.
std::string post_request(std::string const& body, std::size_t body_chunk = 0, std::string_view more_fields = {});
// A step 1 submission with the body that upload_body() made of a file.
std::string upload_request(std::string const& body, std::size_t body_chunk = 0, std::string_view more_fields = {});
std::string upload_body(std::string_view file);
std::string text_part(std::string_view name, std::string_view value);
// The same with all that step 1 asks for.
std::string step1_body(std::string_view file, std::string const& more_parts = {});
// A JPEG of about `size` bytes that is whole as far as its markers go.
std::string jpeg_picture(std::size_t size);

}  // namespace gateway::test
