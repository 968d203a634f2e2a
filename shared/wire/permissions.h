// What a worker may do beside what every worker may: its user's choice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/wire/codec.h"
#include "shared/wire/limits.h"

namespace hubcell::wire {

// How much of the sandbox's ladder a worker climbs (worker/sandbox/sandbox.h).
enum class SandboxLevel : std::uint8_t {
  Best = 0,     // what the machine has, at least the minimum
  Full = 1,     // all of it, or no worker
  Minimal = 2,  // without namespaces
  Off = 3,
};

struct Permissions {
  std::vector<std::string> read = {};   // files and folders, full paths
  std::vector<std::string> write = {};  // the same; to read as well
  std::vector<std::string> hosts = {};  // of which it may have files fetched at any time; in lower case
  SandboxLevel sandbox = SandboxLevel::Best;
  std::uint64_t scratch_bytes = kScratchBytes;  // what its scratch folder may hold
  bool writable_checkout = false;               // it works in a copy of its checkout, in its scratch folder

  template <class Archive>
  void serialize(Archive& archive) {
    archive(read, write, hosts, checked_enum(sandbox, SandboxLevel::Off), scratch_bytes, writable_checkout);
  }
};

}  // namespace hubcell::wire
