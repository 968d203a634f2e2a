#include "supervisor/fetch/remote.h"

#include "supervisor/fetch/local_remote.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/network_remote.h"
#include "supervisor/fetch/remote_refs.h"
#include "supervisor/fetch/ssh_remote.h"
#include "supervisor/source/repository.h"

namespace hubcell::fetch {
namespace {

class LocalRemote : public Remote {
 public:
  explicit LocalRemote(const std::string& url) : url_(url), folder_(local_remote_folder(url)) {}

  Confinement confinement() const override {
    const std::vector<std::string> folders = folders_of_remote(folder_);
    return {.readable = {folders.begin(), folders.end()}};
  }
  bool is_public() const override { return true; }
  RefListing list_refs() override { return fetch::list_refs(file_url(folder_)); }
  void bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) override {
    lend_objects(mirror, folder_, url_, listing, chosen);
  }

 private:
  const std::string url_;
  const std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<Remote> open_remote(const std::string& url, wire::Origin origin, Reporter& reporter) {
  if (is_network_url(url)) return std::make_unique<NetworkRemote>(url, origin, reporter);
  if (source::is_ssh_url(url)) return std::make_unique<SshRemote>(url, origin, reporter);
  return std::make_unique<LocalRemote>(url);
}

}  // namespace hubcell::fetch
