// A remote that answers over http or https.
#pragma once

#include <string>

#include "supervisor/fetch/git_http.h"
#include "supervisor/fetch/http.h"
#include "supervisor/fetch/remote.h"

namespace hubcell::fetch {

bool is_network_url(const std::string& url);

// Reads the environment (network_settings.h), and what HttpTransfer reads.
class NetworkRemote : public Remote {
 public:
  NetworkRemote(std::string url, wire::Origin origin, Reporter& reporter);

  Confinement confinement() const override { return {.network = true}; }
  bool is_public() const override { return !sends_token(settings_, url_); }
  RefListing list_refs() override;
  // By the archive that GitHub makes of any commit: <base>/owner/name/archive/<commit>.tar.gz.
  bool bring_files(const ChosenRef& chosen, const std::filesystem::path& folder) override;
  void bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) override;

 private:
  const HttpLibrary library_;
  const std::string url_;
  Reporter& reporter_;
  const HttpSettings settings_;
  git::HttpCarrier carrier_;
};

}  // namespace hubcell::fetch
