#include "tools/compare/mapped_files.h"

#include <cstdio>
#include <fstream>
#include <string>

namespace hubcell::compare {

MappedFiles MappedFiles::read() {
  MappedFiles files;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0, offset = 0, inode = 0;
    unsigned major = 0, minor = 0;
    // "7f1c-7f2c r--p 00000000 00:01 1234   /memfd:..."; see proc(5)
    if (std::sscanf(line.c_str(), "%lx-%lx %*4s %lx %x:%x %lu", &begin, &end, &offset, &major, &minor,
                    &inode) != 6 ||
        inode == 0)
      continue;
    const std::uint64_t device = (std::uint64_t{major} << 32U) | minor;
    files.mappings_[begin] = {.end = end, .begin = {device, inode, offset}};
  }
  return files;
}

std::optional<MappedFiles::Place> MappedFiles::place_of(const void* address) const {
  const auto at = reinterpret_cast<std::uint64_t>(address);
  auto found = mappings_.upper_bound(at);
  if (found == mappings_.begin()) return std::nullopt;
  --found;
  if (at >= found->second.end) return std::nullopt;
  auto [device, inode, offset] = found->second.begin;
  return Place{device, inode, offset + (at - found->first)};
}

}  // namespace hubcell::compare
