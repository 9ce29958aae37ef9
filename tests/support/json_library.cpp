// Boost.JSON's non-template parts, once for all test programs.
#include <boost/json/src.hpp>
