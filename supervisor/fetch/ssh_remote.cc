#include "supervisor/fetch/ssh_remote.h"

#include <cstdlib>
#include <utility>

#include <hubcell/error.h>

#include "supervisor/fetch/fetch_history.h"
#include "supervisor/fetch/remote_refs.h"
#include "supervisor/fetch/ssh_url.h"

namespace hubcell::fetch {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

SshSettings settings_of(Reporter& reporter) {
  SshSettings settings{.known_hosts = {"/etc/ssh/ssh_known_hosts"},
                       .agent = variable("SSH_AUTH_SOCK"),
                       .unreachable = [&reporter] { reporter.unreachable(); },
                       .patience = {.goes_on = [&reporter] { return reporter.goes_on(); }}};
  const std::string home = variable("HOME");
  if (!home.empty()) settings.known_hosts.emplace_back(home + "/.ssh/known_hosts");
  return settings;
}

}  // namespace

SshRemote::SshRemote(std::string url, wire::Origin origin, Reporter& reporter)
    : url_(std::move(url)), reporter_(reporter), settings_(settings_of(reporter)), carrier_(settings_) {
  if (origin != wire::Origin::Caller)
    throw Error(ErrorCode::Source, url_ + ": a worker gets nothing over ssh, which takes the user's keys");
  parse_ssh_url(url_);
}

RefListing SshRemote::list_refs() {
  git::use_carrier("ssh", carrier_);
  return fetch::list_refs(url_);
}

void SshRemote::bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) {
  fetch_history(mirror, url_, listing, chosen, reporter_);
}

}  // namespace hubcell::fetch
