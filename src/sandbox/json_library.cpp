// The one translation unit that compiles Boost.JSON, which Debian ships as headers with this file's include as its
// source.
#include <boost/json/src.hpp>
