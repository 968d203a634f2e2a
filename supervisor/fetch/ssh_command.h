// A command on another machine, over ssh by libssh2: what it prints is read, what it reads is written.
//
// The server shows a key of known_hosts, or nothing is sent to it. The user is whom the keys of the user's agent say, no others: no
// key files, no passwords, and nothing of ~/.ssh/config.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/fetch/ssh_url.h"
#include "supervisor/fetch/tcp.h"

namespace hubcell::fetch {

struct SshSettings {
  std::vector<std::filesystem::path> known_hosts = {};
  std::string agent = {};                       // where its socket is; empty: there is none
  std::function<void()> unreachable = nullptr;  // told when no server answers
  Patience patience = {};
};

class SshCommand {
 public:
  // Connects and starts `command`, which a shell may read there. Throws Error(Source) in one line, Error(Cancelled).
  SshCommand(const SshSettings& settings, const SshAddress& address, const std::string& command);
  ~SshCommand();
  SshCommand(const SshCommand&) = delete;
  SshCommand& operator=(const SshCommand&) = delete;

  // Waits for more of its output; 0 at the end. Throws as above, also at the end where it complained.
  std::size_t read(std::span<std::byte> buffer);
  // Where the command has ended, read() says why.
  void write(std::string_view bytes);

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace hubcell::fetch
