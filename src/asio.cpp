// The one translation unit that compiles the non-template parts of Asio.
#include <boost/asio/impl/src.hpp>
