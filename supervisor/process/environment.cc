#include "supervisor/process/environment.h"

namespace hubcell::process {
namespace {

// Locale and time zone change what code prints; library paths are needed by some interpreters. Sanitizers'
// options let an instrumented build be tested.
const std::vector<std::string> kTemplateNames{"PATH",
                                              "HOME",
                                              "LANG",
                                              "LANGUAGE",
                                              "LC_ALL",
                                              "LC_CTYPE",
                                              "TZ",
                                              "OMP_NUM_THREADS",
                                              "MKL_NUM_THREADS",
                                              "TMPDIR",
                                              "USER",
                                              "LOGNAME",
                                              "LD_LIBRARY_PATH",
                                              "LD_PRELOAD",
                                              "ASAN_OPTIONS",
                                              "UBSAN_OPTIONS",
                                              "TSAN_OPTIONS",
                                              "HUBCELL_LOG"};
const std::vector<std::string> kFetcherNames{
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

std::vector<std::string> Environment::pick(const std::vector<std::string>& names) const {
  std::vector<std::string> picked;
  for (const std::string& name : names) {
    const auto found = values_.find(name);
    if (found != values_.end()) picked.push_back(name + "=" + found->second);
  }
  return picked;
}

std::vector<std::string> Environment::for_template() const {
  std::vector<std::string> picked = pick(kTemplateNames);
  picked.insert(picked.end(), {"OPENBLAS_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"});
  return picked;
}

std::vector<std::string> Environment::for_fetcher() const {
  return pick(kFetcherNames);
}

}  // namespace hubcell::process
