// Which addresses what a worker wants may come from: those of the internet, and not of this machine or its network.
#pragma once

#include <sys/socket.h>

#include <string>

namespace hubcell::fetch {

// False for loopback, private, link-local, multicast, reserved and unspecified addresses (RFC 6890), also where an IPv6
// address holds one of IPv4; and for all that is neither.
bool is_public(const sockaddr& address);

// False where `host`, as it stands in a URL, says itself that it is none: "localhost", "10.0.0.1", "[::1]", "printer".
bool may_be_public(const std::string& host);

}  // namespace hubcell::fetch
