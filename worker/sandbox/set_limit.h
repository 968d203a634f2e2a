// A limit of this process, lowered for good.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {

// What a worker may start. Python's and torch's own are as many as the machine has processors, a few times over.
inline constexpr rlim_t kThreadsMax = 1024;

// Sets the soft and the hard limit to `bound`, or to the hard limit that there is where that is lower. Throws Error(Sandbox).
inline void set_limit(__rlimit_resource resource, rlim_t bound, const char* name) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) == 0) {
    limit.rlim_max = std::min(limit.rlim_max, bound);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(resource, &limit) == 0) return;
  }
  refuse_layer(std::string("set ") + name, "needs a container that allows setrlimit");
}

}  // namespace hubcell::sandbox
