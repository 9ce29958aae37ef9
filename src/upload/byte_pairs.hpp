#pragma once
#include <cstddef>
#include <span>

// Scans for two neighbouring bytes. Single bytes such as `-` or FF are found at every 256th place of a compressed
// picture, and calling memchr for each was half of what inspection cost; pairs are found once in a whole file.
namespace gateway::upload {

// Index of the first of two dashes in a row; the size of `bytes` when there are none.
std::size_t find_two_dashes(std::span<char const> bytes);
// Index of the first FF that no zero follows, the last byte excepted; the size of `bytes` when there is none.
std::size_t find_marker(std::span<unsigned char const> bytes);

}  // namespace gateway::upload
