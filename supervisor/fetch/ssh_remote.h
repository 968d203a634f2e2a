// A remote that is reached over ssh, as the user.
#pragma once

#include <string>

#include "supervisor/fetch/git_ssh.h"
#include "supervisor/fetch/remote.h"

namespace hubcell::fetch {

// Reads HOME and SSH_AUTH_SOCK.
class SshRemote : public Remote {
 public:
  // Throws Error(Source) where `url` cannot be, and where it is not the user who wants it.
  SshRemote(std::string url, wire::Origin origin, Reporter& reporter);

  // The agent's socket is no file to read.
  Confinement confinement() const override { return {.readable = settings_.known_hosts, .network = true}; }
  bool is_public() const override { return false; }
  RefListing list_refs() override;
  void bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) override;

 private:
  const std::string url_;
  Reporter& reporter_;
  const SshSettings settings_;
  git::SshCarrier carrier_;
};

}  // namespace hubcell::fetch
