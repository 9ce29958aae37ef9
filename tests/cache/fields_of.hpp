#pragma once
#include <initializer_list>
#include <string_view>
#include <utility>

#include "gateway/http/head.hpp"

namespace gateway::test {

// Fields as a parsed head holds them; the texts must outlive the list.
inline http::FieldList fields_of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  http::FieldList list;
  for (auto const& [name, value] : fields) list.items[list.count++] = {name, value, http::name_of(name)};
  return list;
}

inline http::ResponseHead answer_of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                                    int status = 200) {
  http::ResponseHead head;
  head.status = status;
  head.fields = fields_of(fields);
  return head;
}

}  // namespace gateway::test
