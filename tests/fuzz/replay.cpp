// Runs a fuzz target over files, or over each file of folders: replay PATH...
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "require.hpp"

namespace {

std::vector<std::filesystem::path> inputs(int count, char** arguments) {
  std::vector<std::filesystem::path> found;
  for (int i = 1; i < count; ++i) {
    std::filesystem::path const path(arguments[i]);
    if (!std::filesystem::is_directory(path)) {
      found.push_back(path);
      continue;
    }
    for (auto const& entry : std::filesystem::directory_iterator(path))
      if (entry.is_regular_file()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool run(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  std::string const text((std::istreambuf_iterator<char>(in)), {});
  // Exactly as large as the input, so that a sanitizer sees each byte read past its end.
  auto const bytes = std::make_unique<std::uint8_t[]>(text.size());
  std::copy(text.begin(), text.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), text.size());
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  auto const files = inputs(count, arguments);
  for (auto const& file : files) {
    std::fprintf(stderr, "%s\n", file.c_str());
    if (!run(file)) {
      std::fprintf(stderr, "cannot be read\n");
      return 1;
    }
  }
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? 1 : 0;
}
