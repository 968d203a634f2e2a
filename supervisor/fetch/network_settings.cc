#include "supervisor/fetch/network_settings.h"

#include <cstdlib>
#include <string>

#include "supervisor/source/repository.h"

namespace hubcell::fetch {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

HttpSettings network_settings(wire::Origin origin, Reporter& reporter) {
  const bool is_workers = origin == wire::Origin::Worker;
  return {.token = is_workers ? "" : variable("GITHUB_TOKEN"),
          .token_url = source::github_url(variable("HUBCELL_GITHUB_URL")),
          .public_only = is_workers && variable("HUBCELL_ALLOW_PRIVATE_ADDRESSES") != "1",
          .unreachable = [&reporter] { reporter.unreachable(); },
          .goes_on = [&reporter] { return reporter.goes_on(); }};
}

}  // namespace hubcell::fetch
