// TCP connections whose waits end: where nothing comes any more, and where nobody wants it any more.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "shared/posix/unique_fd.h"

namespace hubcell::fetch {

struct Patience {
  std::function<bool()> goes_on = nullptr;  // asked now and then; false ends the wait
  std::chrono::milliseconds silence_max{30'000};
};

// Until `events` (of poll) or an error are there. Throws Error(Source) after `silence_max`, Error(Cancelled) where it does not go on.
void wait_for(int socket, short events, const Patience& patience);

// To the first address of `host` that answers; the socket does not block. Throws Error(Source) in one line, and as wait_for.
posix::UniqueFd connect_to(const std::string& host, int port, const Patience& patience);

}  // namespace hubcell::fetch
