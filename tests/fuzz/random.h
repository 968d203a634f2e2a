// Random numbers that are the same everywhere, from a seed that names one input: splitmix64, by Sebastiano Vigna.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

namespace hubcell::fuzz {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // `bound` is at least 1.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }

  // Ends of ranges, bounds of limits.h, and their neighbours.
  std::uint64_t edge() {
    constexpr std::array<std::uint64_t, 16> kEdges{
        0,       1,          2,          8,          63,         64,         100'000,    1 << 16,
        1 << 20, 0x7fffffff, 0xffffffff, 1ULL << 58, 1ULL << 62, 1ULL << 63, ~0ULL >> 1, ~0ULL};
    return kEdges[below(kEdges.size())] + below(3) - 1;
  }

 private:
  std::uint64_t state_;
};

}  // namespace hubcell::fuzz
