// Names of repositories, as users write them, and what they stand for.
//
//     owner/name  owner/name:ref  owner/name@ref             <github_url>/owner/name.git
//     https://host/x.git@ref  file:///x.git@ref              any remote by its URL (http, ssh, git too)
//     git@host:o/x.git@ref                                   the same in scp's form
//     ./folder  ../folder  /folder                           a folder as it is, which has no refs
//
// In `owner/name` the ref follows the first ':' or '@', in a URL the first '@' after the first '/' of its
// path, in scp's form the first '@' after the ':'. Parsing looks at nothing but the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hubcell::source {

struct Repository {
  enum class Kind : std::uint8_t { Local, Remote };

  Kind kind = Kind::Remote;
  std::string given;               // as the user wrote it
  std::string name;                // what messages and JSON show: without the ref
  std::string url;                 // Remote: where it is fetched from
  std::string folder;              // Local: absolute
  std::optional<std::string> ref;  // Remote: empty for the default branch
};

// What stands for https://github.com: `named`, the value of HUBCELL_GITHUB_URL, or itself where that is empty; without a
// slash at its end.
std::string github_url(const std::string& named);

// Whether it is reached over ssh: by its scheme, or in scp's form.
bool is_ssh_url(const std::string& url);

// Throws Error(Source), one line, on a name that cannot be. `github_url` stands for https://github.com.
Repository parse_repository(const std::string& given, const std::string& github_url,
                            const std::string& working_folder);

}  // namespace hubcell::source
