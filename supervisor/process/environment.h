// The environment of a session: what decides about names, caches and interpreters, and what children get of
// it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "shared/wire/fetch_messages.h"

namespace hubcell::process {

class Environment {
 public:
  // From NAME=value strings.
  explicit Environment(const std::vector<std::string>& assignments);
  // This process's.
  static Environment own();

  // The value, or an empty string.
  std::string get(const std::string& name) const;
  const std::map<std::string, std::string>& all() const { return values_; }

  // What a template (and so its workers) gets: an allow-list, because tokens and credentials live in
  // environments. OpenBLAS, which starts its threads when it is loaded, is held to one: a template must have
  // one thread. OpenMP starts its own in the first parallel region, which a template never enters.
  std::vector<std::string> for_template() const;
  // What the fetcher gets: what says who the user is only where it works for the program itself.
  std::vector<std::string> for_fetcher(wire::Origin origin) const;

 private:
  std::vector<std::string> pick(std::span<const char* const> names) const;
  std::map<std::string, std::string> values_;
};

}  // namespace hubcell::process
