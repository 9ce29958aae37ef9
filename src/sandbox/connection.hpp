#pragma once

#include "connections.hpp"
#include "service.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

namespace sandbox {

/// Serves one connection until it ends. `tls` may be null.
void serve_connection(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls, Service& service,
                      Connections& connections);

}  // namespace sandbox
