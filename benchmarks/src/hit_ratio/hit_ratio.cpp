// argos-bench-hit-ratio: how often the answer is there, by what the cache chooses to drop: the gateway's store against
// plain LRU, FIFO, SIEVE and S3-FIFO, on traces with fixed seeds. Prints Markdown.
#include "policies.hpp"
#include "store_policy.hpp"
#include "trace.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace gateway::bench {

namespace {

constexpr std::size_t items = 100'000;
constexpr std::size_t requests = 1'500'000;
constexpr std::uint64_t first_seed = 20240506;
constexpr std::array shares = {0.01, 0.05, 0.10, 0.25};
constexpr std::array<const char*, 6> columns = {"LRU", "FIFO", "SIEVE", "S3-FIFO, moved on at 1", "S3-FIFO, moved on at 2",
                                                "the gateway's store"};
constexpr std::size_t lru = 0;
constexpr std::size_t ours = columns.size() - 1;
constexpr std::uint32_t list_bytes = 200'000;

/// A submission of 2 to 4 KiB, or, one in 200, a list of 200 KB.
std::uint32_t body_size(Item item) {
  const std::uint64_t random = mixed(item + first_seed);
  if (random % 200 == 0) return list_bytes;
  return static_cast<std::uint32_t>(2048 + (random >> 32) % 2049);
}

struct Ratio {
  double of_requests = 0, of_bytes = 0;
};
using Row = std::array<Ratio, columns.size()>;

Ratio run(const Trace& trace, const std::vector<std::uint32_t>& bodies, Policy& policy) {
  double requests_hit = 0, bytes_hit = 0, requests_seen = 0, bytes_seen = 0;
  for (std::size_t i = 0; i < trace.asked.size(); ++i) {
    const Item item = trace.asked[i];
    const bool hit = policy.ask(item);
    // What is asked for only once is a miss everywhere: counting it would only make all columns smaller.
    if (i < trace.counted_from || item >= trace.first_scanned) continue;
    requests_seen += 1;
    bytes_seen += bodies[item];
    if (!hit) continue;
    requests_hit += 1;
    bytes_hit += bodies[item];
  }
  return {requests_hit / requests_seen, bytes_hit / bytes_seen};
}

struct Sizes {
  explicit Sizes(std::size_t count) : bodies(count), costs(count) {
    // Once for all: what an allocation really takes depends a little on what was given back before.
    static std::vector<std::uint32_t> known(list_bytes + 1);
    for (std::size_t i = 0; i < count; ++i) {
      bodies[i] = body_size(static_cast<Item>(i));
      if (known[bodies[i]] == 0) known[bodies[i]] = entry_bytes(bodies[i]);
      costs[i] = known[bodies[i]];
    }
  }
  std::vector<std::uint32_t> bodies;
  Costs costs;
};

Row compare(const Trace& trace, std::size_t memory) {
  const Sizes sizes(trace.items);
  StorePolicy store(sizes.bodies, memory);
  // The others get what the store has for entries, and their lists and tables for nothing.
  const std::size_t room = store.room();
  const std::array others = {make_lru(sizes.costs, room), make_fifo(sizes.costs, room), make_sieve(sizes.costs, room),
                             make_s3_fifo(sizes.costs, room, 1), make_s3_fifo(sizes.costs, room, 2)};
  Row row;
  for (std::size_t i = 0; i < others.size(); ++i) row[i] = run(trace, sizes.bodies, *others[i]);
  row[ours] = run(trace, sizes.bodies, store);
  return row;
}

struct Line {
  std::string trace;
  double share = 0;
  Row row;
};

constexpr std::size_t trace_count = 8;

/// Loops are made to be larger than the cache, so each size has its own.
Trace make_trace(std::size_t which, double share) {
  constexpr std::array skews = {0.7, 0.9, 1.1};
  const std::uint64_t seed = first_seed + which + 1;
  if (which < 3) return zipf(items, skews[which], requests, seed);
  if (which < 6) return scanned(items, skews[which - 3], requests, seed);
  const auto loop_items = static_cast<std::size_t>(1.2 * share * static_cast<double>(items));
  return which == 6 ? loop(loop_items, requests) : looped(items, 0.9, loop_items, requests, seed);
}

void print_table(const std::vector<Line>& lines, double Ratio::*which) {
  std::printf("| trace | cache | ");
  for (const char* column : columns) std::printf("%s | ", column);
  std::printf("store - LRU |\n|---|---|");
  for (std::size_t i = 0; i <= columns.size(); ++i) std::printf("---|");
  std::printf("\n");
  for (const Line& line : lines) {
    std::printf("| %s | %.0f %% | ", line.trace.c_str(), line.share * 100);
    for (const Ratio& ratio : line.row) std::printf("%.1f | ", ratio.*which * 100);
    std::printf("%+.1f |\n", (line.row[ours].*which - line.row[lru].*which) * 100);
  }
}

void print_verdict(const std::vector<Line>& lines) {
  std::size_t better = 0;
  std::string worse;
  for (const Line& line : lines) {
    if (line.row[ours].of_requests >= line.row[lru].of_requests) {
      ++better;
      continue;
    }
    char text[128];
    std::snprintf(text, sizeof(text), "%s%s at %.0f %%", worse.empty() ? "" : ", ", line.trace.c_str(), line.share * 100);
    worse += text;
  }
  std::printf("\nOf requests, the store answers at least as many as LRU in %zu of %zu cases%s%s.\n", better, lines.size(),
              worse.empty() ? "" : ", and fewer in: ", worse.c_str());
}

void print_all() {
  std::size_t footprint = 0;
  for (const std::uint32_t cost : Sizes(items).costs) footprint += cost;
  std::printf("# Hit ratio by what the cache drops\n\n"
              "Written by `./benchmarks/run.sh --hit-ratio --write-results`; what is compared is in [README.md](README.md).\n\n"
              "%zu things, %zu requests, of which the first quarter fills the cache; all things together take %.0f MiB of a "
              "cache. Bodies: 2 to 4 KiB, one in 200 has 200 KB. Seeds:",
              items, requests, static_cast<double>(footprint) / 1048576);
  std::vector<Line> lines;
  for (std::size_t i = 0; i < trace_count; ++i) {
    for (const double share : shares) {
      const Trace trace = make_trace(i, share);
      if (share == shares[0] && trace.seed != 0) {
        std::printf(" %s: %llu;", trace.name.c_str(), static_cast<unsigned long long>(trace.seed));
      }
      lines.push_back({trace.name, share, compare(trace, static_cast<std::size_t>(share * static_cast<double>(footprint)))});
      std::fprintf(stderr, "%s, %.0f %%\n", trace.name.c_str(), share * 100);
    }
  }
  std::printf(" sizes: %llu.\n", static_cast<unsigned long long>(first_seed));
  std::printf("\n## Requests answered from the cache, %%\n\n");
  print_table(lines, &Ratio::of_requests);
  print_verdict(lines);
  std::printf("\n## Bytes answered from the cache, %%\n\n");
  print_table(lines, &Ratio::of_bytes);
}

}  // namespace

}  // namespace gateway::bench

int main() {
  try {
    gateway::bench::print_all();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argos-bench-hit-ratio: %s\n", error.what());
    return 1;
  }
}
