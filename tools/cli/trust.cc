#include "tools/cli/trust.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

#include <hubcell/error.h>

#include "tools/cli/json_output.h"
#include "tools/cli/terminal.h"
#include "tools/cli/text_output.h"
#include "tools/client/trust.h"
#include "tools/text/printable.h"

namespace hubcell::cli {
namespace {

client::TrustList list_of(Hub& hub) {
  return client::TrustList(std::filesystem::path(hub.cache_folder()).parent_path());
}

client::GithubName checked_name(const std::string& text) {
  const auto name = client::github_name(text);
  if (name) return *name;
  throw Error(
      ErrorCode::Usage,
      "trust " + text + ": only owner/name needs trust; URLs and folders are loaded as they are named");
}

void add(const client::TrustList& list, const client::GithubName& name) {
  for (const std::string& failure : list.add(name))
    std::cerr << "hubcell: warning: remember that " << name.line() << " is trusted: " << failure
              << "; the next load asks again\n";
}

bool answer_is_yes(const client::GithubName& name) {
  std::cerr << "The repository " << name.torch_line()
            << " does not belong to the list of trusted repositories and as such cannot be downloaded. Do "
               "you trust this "
               "repository and wish to add it to the trusted list of repositories (y/N)?"
            << std::flush;
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    std::cerr << '\n';
    throw Error(ErrorCode::Usage,
                "trust " + name.line() +
                    ": it is not in the list of trusted repositories, and stdin has ended without an "
                    "answer; if you trust its code, add --trust, or run hubcell trust add " +
                    name.line());
  }
  std::ranges::transform(answer, answer.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return answer == "y" || answer == "yes";
}

}  // namespace

void require_trust(Hub& hub, const Options& options) {
  const auto name = client::github_name(options.repository);
  if (!name) return;
  const client::TrustList list = list_of(hub);
  if (list.trusts(*name) || (!options.trust && ::isatty(STDIN_FILENO) != 1)) return;
  if (!options.trust && !answer_is_yes(*name))
    throw Error(ErrorCode::Usage, "load " + options.repository + ": it is not trusted");
  add(list, *name);
}

int trust(Hub& hub, const Options& options) {
  const client::TrustList list = list_of(hub);
  for (const std::string& text : options.names) {
    const client::GithubName name = checked_name(text);
    if (options.action == "add") add(list, name);
    if (options.action == "rm" && !list.remove(name))
      throw Error(ErrorCode::Usage,
                  "trust " + name.line() + " no longer: it is in no list; see hubcell trust ls");
  }
  if (options.action != "ls") return 0;
  const std::vector<std::string> names = list.names();
  if (options.json) {
    std::cout << dump(Json(names)) << '\n';
    return 0;
  }
  for (const std::string& name : names)
    std::cout << text::printable(name) << '\n';
  return 0;
}

}  // namespace hubcell::cli
