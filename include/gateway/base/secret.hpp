#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace gateway {

// Bytes that must not get out: cannot be copied, printed or compared by accident; pages are kept out of core dumps and
// swap where the system allows it; wiped before they are freed. Immutable, so it may be read from any thread.
class Secret {
 public:
  Secret() = default;
  // Takes the bytes and wipes the source.
  static Secret take(std::string&& source);
  static Secret take(std::span<char> source);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(Secret const&) = delete;
  Secret& operator=(Secret const&) = delete;
  ~Secret();

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // The only way to the bytes; the name makes each use easy to find in a review. Valid as long as this object.
  std::string_view expose() const { return {data_, size_}; }
  // Constant time in the length of the secret.
  bool equals(std::string_view candidate) const;

 private:
  void wipe() noexcept;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;
};

template <class Stream>
Stream& operator<<(Stream&, Secret const&) = delete;

// Overwrites memory in a way the compiler keeps.
void wipe(std::span<char> bytes) noexcept;
void wipe(std::string& text) noexcept;

// 128 bits that stand for the secret together with a name, and give neither away: who shares what was fetched with it.
std::array<std::uint8_t, 16> scope_of(Secret const& secret, std::string_view name);

// First 8 hex digits of a keyed hash of the secret: tells keys apart in metrics and logs without revealing them.
std::string fingerprint(Secret const& secret);

// No core dumps, no ptrace by other processes of the user: called first thing in main.
// Returns false when the system refuses.
bool forbid_core_dumps();

}  // namespace gateway
