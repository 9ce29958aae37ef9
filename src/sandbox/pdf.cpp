#include "pdf.hpp"

#include <algorithm>
#include <cstdio>

namespace sandbox {
namespace {

constexpr std::size_t lines_per_page = 48;

/// A text string object: parentheses and backslashes are escaped, bytes that the standard font lacks are replaced.
std::string literal(std::string_view text) {
  std::string out = "(";
  for (char const c : text) {
    if (c == '(' || c == ')' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c >= 0x20 && c < 0x7F ? c : '?');
  }
  out.push_back(')');
  return out;
}

std::string page_content(std::vector<std::string> const& lines, std::size_t first) {
  std::string content = "BT\n/F1 10 Tf\n14 TL\n56 780 Td\n";
  for (std::size_t i = first; i < std::min(lines.size(), first + lines_per_page); ++i) {
    content += literal(lines[i]) + " Tj T*\n";
  }
  return content + "ET\n";
}

/// Collects numbered objects and writes the cross-reference table that points at them.
class Document {
 public:
  Document() : bytes_("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n") {}

  void add(std::string_view object) {
    offsets_.push_back(bytes_.size());
    bytes_ += std::to_string(offsets_.size()) + " 0 obj\n";
    bytes_.append(object);
    bytes_ += "\nendobj\n";
  }

  [[nodiscard]] std::string finish() {
    std::size_t const table = bytes_.size();
    std::string const count = std::to_string(offsets_.size() + 1);
    bytes_ += "xref\n0 " + count + "\n0000000000 65535 f \n";
    for (std::size_t const offset : offsets_) {
      char entry[32];
      std::snprintf(entry, sizeof entry, "%010zu 00000 n \n", offset);
      bytes_ += entry;
    }
    bytes_ += "trailer\n<< /Size " + count + " /Root 1 0 R >>\nstartxref\n" + std::to_string(table) + "\n%%EOF\n";
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> offsets_;
};

}  // namespace

std::string make_pdf(std::vector<std::string> const& lines, std::size_t least_bytes) {
  std::vector<std::string> all = lines;
  std::size_t text_bytes = 0;
  for (std::string const& line : all) {
    text_bytes += line.size();
  }
  while (text_bytes < least_bytes) {
    all.push_back("Annex line " + std::to_string(all.size()) + ": no further entry in this list.");
    text_bytes += all.back().size();
  }
  std::size_t const pages = std::max<std::size_t>(1, (all.size() + lines_per_page - 1) / lines_per_page);
  Document document;
  document.add("<< /Type /Catalog /Pages 2 0 R >>");
  std::string kids;
  for (std::size_t page = 0; page < pages; ++page) {
    kids += std::to_string(4 + 2 * page) + " 0 R ";
  }
  document.add("<< /Type /Pages /Kids [ " + kids + "] /Count " + std::to_string(pages) + " >>");
  document.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  for (std::size_t page = 0; page < pages; ++page) {
    std::string const content = page_content(all, page * lines_per_page);
    document.add(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents " +
        std::to_string(5 + 2 * page) + " 0 R >>");
    document.add("<< /Length " + std::to_string(content.size()) + " >>\nstream\n" + content + "endstream");
  }
  return document.finish();
}

}  // namespace sandbox
