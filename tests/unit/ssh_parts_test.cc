// Parts of what speaks ssh that need no server of ssh: names, known hosts, and patience. The rest: tests/integration/ssh_test.py.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>

#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/known_hosts.h"
#include "supervisor/fetch/ssh_command.h"
#include "supervisor/fetch/ssh_url.h"
#include "supervisor/fetch/tcp.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::fetch {
namespace {

using namespace std::chrono_literals;
using tests::error_of;

void expect_parts(const std::string& url, const std::string& words, const std::string& path) {
  const SshAddress address = parse_ssh_url(url);
  EXPECT_EQ(address.words(), words) << url;
  EXPECT_EQ(address.path, path) << url;
}

TEST(SshUrl, HasAUserAHostAPortAndAPath) {
  expect_parts("ssh://host/o/x.git", "git@host", "/o/x.git");
  expect_parts("SSH://me@Host.Example:2222/x.git", "-p 2222 me@host.example", "/x.git");
  expect_parts("ssh://me@host:/x.git", "me@host", "/x.git");
  expect_parts("ssh://me@[::1]:2222/x.git", "-p 2222 me@::1", "/x.git");
  expect_parts("ssh://a%40b@host/%7Eme/a%20b", "a@b@host", "~me/a b");
  expect_parts("ssh://host/~me/x.git", "git@host", "~me/x.git");
}

TEST(SshUrl, TheScpFormStartsAtTheUsersHome) {
  expect_parts("git@host:o/x.git", "git@host", "o/x.git");
  expect_parts("me@host:/srv/x.git", "me@host", "/srv/x.git");
  expect_parts("me@host:22/a%20b:c", "me@host", "22/a%20b:c");
  expect_parts("me@[::1]:x.git", "me@::1", "x.git");
}

TEST(SshUrl, WhatCannotBeIsRefused) {
  for (const char* url :
       {"ssh://host:0/x", "ssh://host:65536/x", "ssh://host:-1/x", "ssh://host:22x/x", "ssh://[::1/x",
        "ssh://[::1]22/x", "ssh:///x", "ssh://me@/x", "ssh://host", "ssh://host/", "ssh://host/a%00b",
        "ssh://host/a%0ab", "ssh://a%0a@host/x", "me@:x", "me@host:"}) {
    EXPECT_EQ(error_of([&] { parse_ssh_url(url); }).code(), ErrorCode::Source) << url;
  }
}

class KnownHostsTest : public testing::Test {
 protected:
  struct Free {
    void operator()(LIBSSH2_SESSION* session) const { ::libssh2_session_free(session); }
  };
  using Verdict = KnownHosts::Verdict;

  // Two keys, as ssh-keygen makes them, and the bytes of the first.
  static constexpr const char* kKey =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  static constexpr const char* kOther =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/";

  KnownHosts known(const std::string& text) const {
    return KnownHosts(session_.get(), {folder_.write("known_hosts", text), folder_.path() / "none"});
  }
  Verdict judge(const std::string& text, const std::string& host = "host", int port = 22) const {
    return known(text).judge(host, port, key());
  }
  HostKey key() const { return {.type = LIBSSH2_HOSTKEY_TYPE_ED25519, .bytes = bytes_}; }

  static std::string bytes_of_key() {
    std::string bytes("\0\0\0\13ssh-ed25519\0\0\0\40", 19);
    for (char byte = 0; byte < 32; ++byte)
      bytes += byte;
    return bytes;
  }

  const std::string bytes_ = bytes_of_key();

  std::unique_ptr<LIBSSH2_SESSION, Free> session_{::libssh2_session_init()};
  tests::TemporaryFolder folder_;
};

TEST_F(KnownHostsTest, AKeyIsKnownByItsHostAndPort) {
  const std::string key = kKey;
  EXPECT_EQ(judge("host " + key), Verdict::Known);
  EXPECT_EQ(judge("a,host,b " + key + " comment\n"), Verdict::Known);
  EXPECT_EQ(judge("[host]:2222 " + key, "host", 2222), Verdict::Known);
  EXPECT_EQ(judge("host " + key, "host", 2222), Verdict::Known);
  EXPECT_EQ(judge("::1 " + key, "::1"), Verdict::Known);
  EXPECT_EQ(judge("[host]:2222 " + key), Verdict::Unknown);
  EXPECT_EQ(judge("[host]:2222 " + key, "host", 2223), Verdict::Unknown);
  EXPECT_EQ(judge("host2 " + key + "\nhos " + key + "\nho* " + key + "\n!host " + key), Verdict::Unknown);
  EXPECT_EQ(judge(""), Verdict::Unknown);
  EXPECT_EQ(judge("host " + std::string(kOther)), Verdict::Changed);
  EXPECT_EQ(judge("host " + std::string(kOther) + "\nhost " + key), Verdict::Known);
  EXPECT_EQ(judge("host ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI"), Verdict::OtherType);
}

TEST_F(KnownHostsTest, AMarkerNeverMakesAKeyKnown) {
  const std::string key = kKey;
  for (const char* marker : {"@cert-authority ", "@unknown ", "@ ", "@revoked", "  @cert-authority\t"})
    EXPECT_EQ(judge(marker + ("host " + key)), Verdict::Unknown) << marker;
  for (const std::string names : {"host ", "* ", "other ", "@revoked ", "|1|AAAA|BBBB "}) {
    EXPECT_EQ(judge("@revoked " + names + key), Verdict::Revoked) << names;
    EXPECT_EQ(judge("host " + key + "\n \t@revoked\t" + names + key), Verdict::Revoked) << names;
    EXPECT_EQ(judge("@revoked " + names + key + " comment\r\nhost " + key), Verdict::Revoked) << names;
  }
  EXPECT_EQ(judge("host " + key + "\n@revoked host " + kOther), Verdict::Known);
  EXPECT_EQ(judge("@revoked\n@revoked host\n@revoked host ssh-ed25519\nhost " + key), Verdict::Known);
  // libssh2 takes markers for names.
  EXPECT_EQ(judge("@revoked host " + key, "@revoked"), Verdict::Revoked);
}

TEST_F(KnownHostsTest, WhatCannotBeReadIsLeftOut) {
  const std::string good = "\nhost " + std::string(kKey);
  for (const std::string bad : {"host", "host ssh-ed25519", "host ssh-ed25519 AA", "# host",
                                "|1|x|y ssh-rsa AAAAAAAAAAAAAAAAAAAAAAAA", "host \xff\xff", " "})
    EXPECT_EQ(judge(bad + good), Verdict::Known) << bad;
}

TEST_F(KnownHostsTest, TypesThatAreKnownComeFirst) {
  EXPECT_TRUE(known("").preferred_types("host", 22).starts_with("ssh-ed25519,ecdsa-sha2-nistp256,"));
  const std::string rsa = "host ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7\n";
  EXPECT_TRUE(known(rsa).preferred_types("host", 22).starts_with("ssh-rsa,ssh-ed25519,"));
  EXPECT_TRUE(known(rsa).preferred_types("host", 2222).starts_with("ssh-rsa,"));
  EXPECT_TRUE(known(rsa).preferred_types("other", 22).starts_with("ssh-ed25519,"));
}

TEST_F(KnownHostsTest, FingerprintsAreThoseOfSsh) {
  EXPECT_EQ(key().fingerprint(), "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
}

// Accepts no connection, or one and says nothing.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(::bind(socket_.get(), address, size), 0);
    EXPECT_EQ(::listen(socket_.get(), 4), 0);
    EXPECT_EQ(::getsockname(socket_.get(), address, &size), 0);
  }
  int port() const { return ::ntohs(address_.sin_port); }

 private:
  posix::UniqueFd socket_;
  sockaddr_in address_{};
};

TEST(SshCommand, AServerThatSaysNothingIsNotWaitedForForEver) {
  const SilentServer server;
  bool unreachable = false;
  const SshSettings settings{.unreachable = [&] { unreachable = true; }, .patience = {.silence_max = 100ms}};
  const SshAddress address{.host = "127.0.0.1", .port = server.port(), .path = "/x"};
  const Error error = error_of([&] { const SshCommand command(settings, address, "true"); });
  EXPECT_EQ(error.code(), ErrorCode::Source);
  EXPECT_NE(std::string(error.what()).find("has said nothing for"), std::string::npos) << error.what();
  EXPECT_TRUE(unreachable);
}

TEST(SshCommand, NobodyWaitsWhereItDoesNotGoOn) {
  const SilentServer server;
  int asked = 0;
  const SshSettings settings{.patience = {.goes_on = [&] { return ++asked < 3; }}};
  const SshAddress address{.host = "127.0.0.1", .port = server.port(), .path = "/x"};
  EXPECT_EQ(error_of([&] { const SshCommand command(settings, address, "true"); }).code(),
            ErrorCode::Cancelled);
}

}  // namespace
}  // namespace hubcell::fetch
