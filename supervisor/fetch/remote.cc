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
  LocalRemote(const std::string& url, Reporter& reporter)
      : url_(url), folder_(local_remote_folder(url)), reporter_(reporter) {}

  Confinement confinement() const override {
    const std::vector<std::string> folders = folders_of_remote(folder_);
    return {.readable = {folders.begin(), folders.end()}};
  }
  bool is_public() const override { return true; }
  RefListing list_refs() override { return fetch::list_refs(file_url(folder_)); }
  void bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) override {
    copy_commit(mirror, folder_, url_, listing, chosen, reporter_);
  }
  git::Repository open_history(const std::filesystem::path& /*mirror*/) override {
    return open_repository(folder_, "read the history of " + url_);
  }
  void bring_history(git_repository* repository, const RefListing& listing,
                     const ChosenRef& chosen) override {
    require_commit(repository, url_, listing, chosen);
  }

 private:
  const std::string url_;
  const std::filesystem::path folder_;
  Reporter& reporter_;
};

}  // namespace

git::Repository Remote::open_history(const std::filesystem::path& mirror) {
  return open_mirror(mirror);
}

std::unique_ptr<Remote> open_remote(const std::string& url, wire::Origin origin, Reporter& reporter) {
  if (is_network_url(url)) return std::make_unique<NetworkRemote>(url, origin, reporter);
  if (source::is_ssh_url(url)) return std::make_unique<SshRemote>(url, origin, reporter);
  return std::make_unique<LocalRemote>(url, reporter);
}

}  // namespace hubcell::fetch
