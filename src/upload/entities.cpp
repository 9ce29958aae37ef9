#include "entities.hpp"

#include <algorithm>

namespace gateway::upload {
namespace {

// What HTML decodes without a semicolon, and also when more letters follow: `&copy.jpg`, `&notes.png`.
constexpr std::string_view bare_entities[] = {
    "AElig", "AMP",    "Aacute", "Acirc",  "Agrave", "Aring",  "Atilde", "Auml",   "COPY",   "Ccedil", "ETH",    "Eacute",
    "Ecirc", "Egrave", "Euml",   "GT",     "Iacute", "Icirc",  "Igrave", "Iuml",   "LT",     "Ntilde", "Oacute", "Ocirc",
    "Ograve", "Oslash", "Otilde", "Ouml",  "QUOT",   "REG",    "THORN",  "Uacute", "Ucirc",  "Ugrave", "Uuml",   "Yacute",
    "aacute", "acirc", "acute",  "aelig",  "agrave", "amp",    "aring",  "atilde", "auml",   "brvbar", "ccedil", "cedil",
    "cent",  "copy",   "curren", "deg",    "divide", "eacute", "ecirc",  "egrave", "eth",    "euml",   "frac12", "frac14",
    "frac34", "gt",    "iacute", "icirc",  "iexcl",  "igrave", "iquest", "iuml",   "laquo",  "lt",     "macr",   "micro",
    "middot", "nbsp",  "not",    "ntilde", "oacute", "ocirc",  "ograve", "ordf",   "ordm",   "oslash", "otilde", "ouml",
    "para",  "plusmn", "pound",  "quot",   "raquo",  "reg",    "sect",   "shy",    "sup1",   "sup2",   "sup3",   "szlig",
    "thorn", "times",  "uacute", "ucirc",  "ugrave", "uml",    "uuml",   "yacute", "yen",    "yuml"};
static_assert(std::size(bare_entities) == 106);

}  // namespace

bool has_entity(std::string_view text) {
  for (auto at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
    auto const rest = text.substr(at + 1);
    // Numbers need no semicolon either. Which names exist is a long list, and grows: any name with a semicolon counts.
    auto const end = rest.find_first_of(" <&;#");
    if (rest.starts_with('#') || (end != std::string_view::npos && end > 0 && rest[end] == ';')) return true;
    if (std::any_of(std::begin(bare_entities), std::end(bare_entities), [&](auto name) { return rest.starts_with(name); }))
      return true;
  }
  return false;
}

}  // namespace gateway::upload
