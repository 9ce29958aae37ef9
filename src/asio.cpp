// The one translation unit that compiles the non-template parts of Asio. (Its TLS half serves the stand-in vendor.)
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
