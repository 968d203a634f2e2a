// git's smart protocol over ssh, carried by SshCommand: libgit2's own transport waits for ever, looks into no known_hosts, and takes
// whichever of its keys a server shows first.
#pragma once

#include "supervisor/fetch/git_transport.h"
#include "supervisor/fetch/ssh_command.h"

namespace hubcell::fetch::git {

class SshCarrier : public Carrier {
 public:
  // Borrows `settings`.
  explicit SshCarrier(const SshSettings& settings) : settings_(settings) {}
  bool has_requests() const override { return false; }
  std::unique_ptr<Stream> open(const std::string& url, Part part) override;

 private:
  const SshSettings& settings_;
};

}  // namespace hubcell::fetch::git
