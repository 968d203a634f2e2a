// A server that trickles: whoever waits for it is told, however much of the file has come.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "shared/posix/message_socket.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/download.h"
#include "supervisor/fetch/new_file.h"
#include "supervisor/fetch/reporter.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::fetch {
namespace {

// Answers every request with 100 bytes of a file of a million, from where it was asked for, and then with one byte every
// tenth of a second until nobody listens.
class TricklingServer {
 public:
  TricklingServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    thread_ = std::thread([this] { serve(); });
  }
  TricklingServer(const TricklingServer&) = delete;
  TricklingServer& operator=(const TricklingServer&) = delete;
  ~TricklingServer() {
    ended_ = true;
    thread_.join();
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/net.pth";
  }
  int requests() const { return requests_; }

 private:
  static constexpr std::size_t kBurstBytes = 100;
  static constexpr std::size_t kFileBytes = 1'000'000;
  static constexpr int kStepMs = 100;

  bool is_readable(int socket) const {
    pollfd watched{.fd = socket, .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, kStepMs) > 0;
  }

  void serve() {
    while (!ended_) {
      if (!is_readable(listener_.get())) continue;
      const posix::UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (connection) answer(connection.get());
    }
  }

  void answer(int connection) {
    std::string request;
    char part[1024];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::read(connection, part, sizeof part);
      if (count <= 0) return;
      request.append(part, static_cast<std::size_t>(count));
    }
    ++requests_;
    const std::size_t range = request.find("Range: bytes=");
    const std::size_t begin = range == std::string::npos ? 0 : std::stoul(request.substr(range + 13));
    std::string response =
        range == std::string::npos ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 206 Partial Content\r\n";
    response += "ETag: \"a\"\r\nContent-Length: " + std::to_string(kFileBytes - begin) +
                "\r\nContent-Range: bytes " + std::to_string(begin) + "-" + std::to_string(kFileBytes - 1) +
                "/" + std::to_string(kFileBytes) + "\r\n\r\n" + std::string(kBurstBytes, 'x');
    // What the client says next is its end.
    for (; !ended_; response = "x") {
      if (::send(connection, response.data(), response.size(), MSG_NOSIGNAL) < 0 || is_readable(connection))
        return;
    }
  }

  const posix::UniqueFd listener_;
  sockaddr_in address_{};
  std::atomic<bool> ended_ = false;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

std::string complaint_about(const TricklingServer& server) {
  const HttpLibrary library;
  const tests::TemporaryFolder folder;
  auto [ours, theirs] = posix::make_message_socket_pair();
  Reporter reporter(theirs.get());
  NewFile file(folder.path());
  const HttpSettings settings{.slow_bytes_per_second = 1024, .slow_for = std::chrono::seconds(1)};
  const Error error = tests::error_of([&] {
    download({.url = server.url(), .shown_as = "net.pth", .bytes_max = 10'000'000}, settings, file, reporter);
  });
  return error.what();
}

TEST(SlowDownload, IsGivenUpWhereEachTryBringsALittle) {
  const TricklingServer server;
  const std::string complaint = complaint_about(server);
  EXPECT_NE(complaint.find("download " + server.url() + ": "), std::string::npos) << complaint;
  EXPECT_NE(complaint.find(" of 1000000 bytes, and no further in 4 tries)"), std::string::npos) << complaint;
  EXPECT_EQ(server.requests(), 5);
}

}  // namespace
}  // namespace hubcell::fetch
