#include "supervisor/fetch/tcp.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include <hubcell/error.h>

namespace hubcell::fetch {
namespace {

constexpr std::chrono::milliseconds kPollEvery{100};
constexpr const char* kAdvice = "; is the network up?";

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0)
    throw Error(ErrorCode::Source, "resolve host " + host + ": " + ::gai_strerror(failed) + kAdvice);
  return Addresses(found);
}

// 0, or why there is no connection.
int connect_socket(int socket, const addrinfo& address, const Patience& patience) {
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  wait_for(socket, POLLOUT, patience);
  int failure = 0;
  socklen_t size = sizeof failure;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 ? failure : errno;
}

}  // namespace

void wait_for(int socket, short events, const Patience& patience) {
  const auto end = std::chrono::steady_clock::now() + patience.silence_max;
  for (;;) {
    if (patience.goes_on && !patience.goes_on())
      throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
    pollfd watched{.fd = socket, .events = events, .revents = 0};
    if (::poll(&watched, 1, static_cast<int>(kPollEvery.count())) > 0) return;
    if (std::chrono::steady_clock::now() < end) continue;
    throw Error(ErrorCode::Source, "the server has said nothing for " +
                                       std::to_string(patience.silence_max.count() / 1000) + " s");
  }
}

posix::UniqueFd connect_to(const std::string& host, int port, const Patience& patience) {
  const Addresses addresses = resolve(host, port);
  std::string why = "it has no address";
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    posix::UniqueFd socket(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                    address->ai_protocol));
    int failure = errno;
    if (socket) {
      try {
        failure = connect_socket(socket.get(), *address, patience);
      } catch (const Error& silent) {
        if (silent.code() == ErrorCode::Cancelled) throw;
        failure = ETIMEDOUT;
      }
    }
    if (failure == 0) {
      // Requests are small, and are waited for.
      const int yes = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      return socket;
    }
    why = std::generic_category().message(failure);
  }
  throw Error(ErrorCode::Source,
              "connect to " + host + " port " + std::to_string(port) + ": " + why + kAdvice);
}

}  // namespace hubcell::fetch
