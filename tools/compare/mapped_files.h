// What lies behind memory of this process: two addresses with the same place in one file are the same memory, however often it is mapped.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

namespace hubcell::compare {

class MappedFiles {
 public:
  // Device, inode, offset in bytes.
  using Place = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

  // As /proc/self/maps has them now.
  static MappedFiles read();
  // None of memory that is no file's.
  std::optional<Place> place_of(const void* address) const;

 private:
  struct Mapped {
    std::uint64_t end = 0;
    Place begin{};
  };
  std::map<std::uint64_t, Mapped> mappings_;  // by their first address
};

}  // namespace hubcell::compare
