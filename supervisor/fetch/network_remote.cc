#include "supervisor/fetch/network_remote.h"

#include <utility>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "supervisor/fetch/archive.h"
#include "supervisor/fetch/fetch_history.h"
#include "supervisor/fetch/network_settings.h"
#include "supervisor/fetch/remote_refs.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {

bool is_network_url(const std::string& url) {
  const std::string begin = source::lower_case(url.substr(0, 8));
  return begin.starts_with("http://") || begin.starts_with("https://");
}

NetworkRemote::NetworkRemote(std::string url, wire::Origin origin, Reporter& reporter)
    : url_(std::move(url)),
      reporter_(reporter),
      settings_(network_settings(origin, reporter)),
      carrier_(settings_) {}

RefListing NetworkRemote::list_refs() {
  for (const char* scheme : {"http", "https"})
    git::use_carrier(scheme, carrier_);
  return fetch::list_refs(url_);
}

bool NetworkRemote::bring_files(const ChosenRef& chosen, const std::filesystem::path& folder) {
  // A commit inside the history has to be shown to belong to this repository first, which takes the history.
  if (!url_.starts_with(settings_.token_url + "/") || chosen.inside_history) return false;
  const std::string archive = url_.substr(0, url_.size() - (url_.ends_with(".git") ? 4 : 0)) + "/archive/" +
                              chosen.commit + ".tar.gz";
  try {
    HttpTransfer transfer(settings_, {.url = archive});
    if (transfer.response().status != 200)
      throw Error(ErrorCode::Source, describe_status(transfer.response()));
    std::uint64_t received = 0;
    const std::string what = "download " + without_credentials(archive);
    const ReadBytes read = [&](std::span<std::byte> buffer) {
      const std::size_t count = transfer.read(buffer);
      received += count;
      if (!reporter_.progress(what, received))
        throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
      return count;
    };
    unpack_archive(read, folder);
    return true;
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::Source) throw;
    log::info(without_credentials(archive) + ": " + failure.what() + "; fetching by git instead");
    return false;
  }
}

void NetworkRemote::bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) {
  fetch_history(mirror, url_, listing, chosen, reporter_);
}

}  // namespace hubcell::fetch
