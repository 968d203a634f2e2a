// What a fetcher never asks of the kernel: programs, processes, other processes' memory, and the kernel's administration.
#pragma once

namespace hubcell::fetch {

// Has them answered with EPERM, by a filter of system calls, for good: a flaw in what parses answers of servers is then no way
// to start a program. Where filters cannot be had, it says so in the log.
void refuse_calls();

}  // namespace hubcell::fetch
