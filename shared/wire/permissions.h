// What a worker may do beside what every worker may: its user's choice.
#pragma once

#include <string>
#include <vector>

#include "shared/wire/codec.h"

namespace hubcell::wire {

struct Permissions {
  std::vector<std::string> read = {};   // files and folders, full paths
  std::vector<std::string> write = {};  // the same; to read as well
  std::vector<std::string> hosts = {};  // of which it may have files fetched at any time; in lower case

  template <class Archive>
  void serialize(Archive& archive) {
    archive(read, write, hosts);
  }
};

}  // namespace hubcell::wire
