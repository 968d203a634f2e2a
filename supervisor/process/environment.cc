#include "supervisor/process/environment.h"

#include <array>

#include "shared/wire/environment.h"

namespace hubcell::process {
namespace {

constexpr std::array kFetcherVariables{
    "PATH",       "HOME",         "LANG",          "LC_ALL",      "TMPDIR", "HUBCELL_LOG", "LD_LIBRARY_PATH",
    "LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

}  // namespace

Environment::Environment(const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals != std::string::npos)
      values_.emplace(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
}

std::string Environment::get(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second;
}

std::vector<std::string> Environment::pick(std::span<const char* const> names) const {
  std::vector<std::string> picked;
  for (const std::string name : names) {
    const auto found = values_.find(name);
    if (found != values_.end()) picked.push_back(name + "=" + found->second);
  }
  return picked;
}

std::vector<std::string> Environment::for_template() const {
  std::vector<std::string> picked = pick(wire::kTemplateVariables);
  picked.insert(picked.end(), {"OPENBLAS_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"});
  return picked;
}

std::vector<std::string> Environment::for_fetcher(wire::Origin origin) const {
  std::vector<const char*> names(kFetcherVariables.begin(), kFetcherVariables.end());
  names.insert(names.end(), wire::kNetworkVariables.begin(), wire::kNetworkVariables.end());
  if (origin == wire::Origin::Caller)
    names.insert(names.end(), wire::kIdentityVariables.begin(), wire::kIdentityVariables.end());
  return pick(names);
}

}  // namespace hubcell::process
