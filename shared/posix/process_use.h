// What a process uses of the machine, as /proc tells its user. Zeros where there is none of that number.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace hubcell::posix {

struct ProcessUse {
  std::uint64_t private_bytes = 0;  // RssAnon; with what it shares by a fork
  std::uint64_t shared_bytes = 0;   // RssFile and RssShmem
};
ProcessUse use_of(pid_t pid);

// Of all its threads, those that have ended too; in the kernel's ticks.
std::chrono::milliseconds processor_time_of(pid_t pid);

// Its name, as its program or itself says; empty where there is none of that number.
std::string name_of(pid_t pid);

// All that the machine has.
std::uint64_t machine_memory_bytes();

}  // namespace hubcell::posix
