#include "supervisor/process/environment.h"

#include <unistd.h>

#include <array>

#include "shared/wire/environment.h"

namespace hubcell::process {
namespace {

constexpr std::array kFetcherVariables{
    "PATH",       "HOME",         "LANG",          "LC_ALL",      "TMPDIR", "HUBCELL_LOG", "LD_LIBRARY_PATH",
    "LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

// A Python that finds the locale C sets LC_CTYPE in its own environment (PEP 538). A template would do so itself: that a program
// was one must not part it from others.
bool is_coerced(const std::string& assignment, const Environment& environment) {
  const std::string language = environment.get("LANG");
  return assignment == "LC_CTYPE=C.UTF-8" && environment.get("LC_ALL").empty() &&
         (language.empty() || language == "C" || language == "POSIX");
}

}  // namespace

Environment::Environment(const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals != std::string::npos)
      values_.emplace(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
}

Environment Environment::own() {
  std::vector<std::string> assignments;
  for (char** entry = environ; *entry != nullptr; ++entry)
    assignments.emplace_back(*entry);
  return Environment(assignments);
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
  std::erase_if(picked, [this](const std::string& assignment) { return is_coerced(assignment, *this); });
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
