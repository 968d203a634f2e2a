#include "tools/cli/permissions.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include <hubcell/error.h>

#include "tools/cli/json_output.h"
#include "tools/cli/run.h"
#include "tools/cli/text_output.h"
#include "tools/text/printable.h"
#include "tools/text/shell.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

namespace fs = std::filesystem;

// So many files of one folder become the folder.
constexpr std::size_t kFilesOfAFolderMin = 4;

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

// A worker asks for much that nobody has, and does not see what is hidden from it.
bool is_there(const Observation& observed) {
  std::error_code failed;
  if (observed.kind == "read") return fs::exists(observed.what, failed);
  return observed.kind != "write" || fs::is_directory(fs::path(observed.what).parent_path(), failed);
}

Need need_of_reading(Observation observed) {
  if (::access(observed.what.c_str(), R_OK) != 0) {
    observed.refusal = "you cannot read it either";
    return {.observed = std::move(observed)};
  }
  std::vector<std::string> option{"--allow-read", observed.what};
  return {.observed = std::move(observed), .option = std::move(option)};
}

Need need_of_writing(Observation observed, const std::string& checkout) {
  std::error_code failed;
  const fs::path path = observed.what;
  const fs::path folder = fs::is_directory(path, failed) ? path : path.parent_path();
  if (is_below(path, checkout)) {
    observed.refusal = "a checkout stays as it was fetched";
  } else if (::access(folder.c_str(), W_OK) != 0) {
    observed.refusal = "you cannot write there either";
  } else {
    return {.observed = std::move(observed), .option = {"--allow-write", folder}};
  }
  return {.observed = std::move(observed)};
}

// Outside of loads only what hosts are allowed for is fetched; other refusals are no option's business.
Need need_of_fetching(Observation observed) {
  if (observed.host.empty() || observed.refusal.find("--allow-net") == std::string::npos)
    return {.observed = std::move(observed)};
  std::vector<std::string> option{"--allow-net", observed.host};
  return {.observed = std::move(observed), .option = std::move(option)};
}

Need need_of(Observation observed, const std::string& checkout) {
  if (observed.refusal.empty()) return {.observed = std::move(observed)};
  if (observed.kind == "read") return need_of_reading(std::move(observed));
  if (observed.kind == "write") return need_of_writing(std::move(observed), checkout);
  if (observed.kind == "fetch") return need_of_fetching(std::move(observed));
  return {.observed = std::move(observed)};
}

std::string command_line_of(const std::vector<std::string>& options) {
  std::string line;
  for (const std::string& word : options)
    line += (line.empty() ? "" : " ") + text::shell_word(word);
  return line;
}

// "refused  read /data/labels.txt: --allow-read /data/labels.txt"
std::string line_of(const Need& need, const text::Style& style) {
  const Observation& observed = need.observed;
  const std::string what =
      observed.what.empty() ? "with a socket of its own" : text::one_line(text::printable(observed.what));
  if (observed.refusal.empty()) return style.good("done    ") + "  " + observed.kind + " " + what;
  const std::string remedy =
      need.option.empty() ? text::one_line(text::printable(observed.refusal)) : command_line_of(need.option);
  return style.bad("refused ") + "  " + observed.kind + " " + what + ": " +
         style.faint(text::printable(remedy));
}

Json json_of(const Need& need) {
  return {{"kind", need.observed.kind},
          {"what", need.observed.what},
          {"refusal", need.observed.refusal.empty() ? Json() : Json(need.observed.refusal)},
          {"option", need.option.empty() ? Json() : Json(need.option)}};
}

struct Outcome {
  std::optional<std::string> failure = std::nullopt;  // of the load or the call
  ModelInfo info = {};
  std::vector<Need> needs = {};
  std::vector<std::string> options = {};  // that help
};

// A load that a refusal made fail has told what it wanted until then.
Outcome try_out(Hub& hub, const Options& options) {
  Outcome outcome;
  try {
    run_model(hub, options);
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::Remote) throw;
    outcome.failure = failure.what();
  }
  outcome.info = hub.info(options.repository);
  outcome.needs = needs_of(hub.observed(options.repository), outcome.info.folder);
  outcome.options = options_for(outcome.needs);
  return outcome;
}

void print(const Outcome& outcome, const Options& options) {
  if (options.json) {
    Json observed = Json::array();
    for (const Need& need : outcome.needs)
      observed.push_back(json_of(need));
    std::cout << dump(Json{{"repo", outcome.info.repository},
                           {"ref", outcome.info.ref},
                           {"commit", outcome.info.commit},
                           {"entry", options.entry},
                           {"failure", outcome.failure ? Json(*outcome.failure) : Json()},
                           {"observed", observed},
                           {"options", outcome.options}})
              << '\n';
    return;
  }
  const text::Style style(STDOUT_FILENO);
  for (const Need& need : outcome.needs)
    std::cout << line_of(need, style) << '\n';
  if (outcome.options.empty()) {
    std::cout << "no option helps it further\n";
  } else {
    std::cout << "options   " << style.strong(text::printable(command_line_of(outcome.options))) << '\n';
  }
}

}  // namespace

std::vector<Need> needs_of(const std::vector<Observation>& observations, const std::string& checkout) {
  std::vector<Need> needs;
  for (const Observation& observed : observations) {
    if (!is_there(observed)) continue;
    needs.push_back(need_of(observed, checkout));
  }
  return needs;
}

std::vector<std::string> options_for(const std::vector<Need>& needs) {
  std::map<std::string, std::size_t> files_of;  // by folder
  for (const Need& need : needs) {
    if (!need.option.empty() && need.observed.kind == "read")
      ++files_of[fs::path(need.option[1]).parent_path()];
  }
  std::set<std::vector<std::string>> options;
  for (const Need& need : needs) {
    std::vector<std::string> option = need.option;
    if (option.empty()) continue;
    const std::string folder = fs::path(option[1]).parent_path();
    const auto files = files_of.find(folder);
    if (need.observed.kind == "read" && files->second >= kFilesOfAFolderMin) option[1] = folder;
    options.insert(std::move(option));
  }
  std::vector<std::string> words;
  for (const std::vector<std::string>& option : options)
    words.insert(words.end(), option.begin(), option.end());
  return words;
}

int permissions(Hub& hub, const Options& options, Progress& progress) {
  const Outcome outcome = try_out(hub, options);
  progress.clear();
  print(outcome, options);
  if (!options.quiet && !outcome.options.empty())
    std::cerr << "hubcell: that is the worker's word: allow what you understand, and run this again, since "
                 "what is refused may "
                 "hide more\n";
  if (outcome.failure) throw Error(ErrorCode::Remote, *outcome.failure);
  return 0;
}

}  // namespace hubcell::cli
