// Where a session's repositories and files come from: the cache, or hubcell-fetch, which brings them into it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/wire/fetch_messages.h"
#include "shared/wire/lock_messages.h"
#include "shared/wire/worker_messages.h"
#include "supervisor/control/grants.h"
#include "supervisor/process/environment.h"
#include "supervisor/process/loop.h"
#include "supervisor/source/repository.h"

namespace hubcell::control {

// A commit's files, ready to be loaded.
struct ResolvedSource {
  std::string name;
  std::string ref;     // empty for a local folder
  std::string commit;  // empty for a local folder
  std::string folder;
  std::vector<std::string> warnings;
};

// A file that a worker wants.
struct FileGrant {
  wire::WantFile file;
  std::vector<std::string> readable;  // what the worker may read by its user's choice
  bool refresh = false;               // it is fetched again
};

// Told how a fetch goes on; what it throws ends the fetch.
using Report = std::function<void(const wire::FetchEvent&)>;

class Sources {
 public:
  // `hub_folder`: empty where the environment says which.
  Sources(process::asio::io_context& loop, std::string fetcher, process::Environment environment,
          std::string working_folder, std::string hub_folder);

  // What may not be anything else from now on: Error(Source).
  void pin(const std::vector<wire::Pin>& pins);

  // All below throw Error(Source) where there is no such thing.

  // A repository as the program names it. `refresh`: its ref is looked up again. `on_fetch` is called where the cache does not
  // have it, before it is fetched.
  process::Task<ResolvedSource> resolve(std::string given, bool refresh, Report report,
                                        std::function<void()> on_fetch);
  // A file that the program wants; `grants` is of the worker that may read it too, or null.
  process::Task<wire::FileFetched> fetch_file(wire::FetchFile wanted, Grants* grants, Report report);

  // What the cache has of what the program names, which is told to `report`.
  process::Task<void> manage_cache(wire::ManageCache wanted, Report report);

  // What lies between two names of one repository. The commits and files are told to `report`, checked. Throws Error(Usage) where they
  // are of two repositories, and where they name a folder.
  process::Task<wire::HistoryRead> read_history(wire::ReadHistory wanted, Report report);

  // What a worker wants, by the rules for those: the path where it has it. The grants are asked for a place at once.
  // `used` is told what it was.
  process::Task<std::string> grant_file(FileGrant wanted, Grants& grants, Report report, wire::Pin& used);
  process::Task<std::string> grant_repository(wire::WantRepository wanted, Grants& grants, Report report,
                                              wire::Pin& used);

  // Throws Error(Source) where the environment names none that can be, the second returns an empty text.
  std::string cache_root() const;
  std::string cache_root_if_any() const;

 private:
  void check_commit(const std::string& name, const std::string& ref, const std::string& commit) const;
  // What a file's sha256 must begin with; `wished` or what is pinned.
  std::string required_hash(const std::string& url, const std::string& wished) const;
  process::Task<ResolvedSource> fetch(source::Repository repository, bool refresh, Report report);
  source::Repository parse(const std::string& given) const;
  source::Repository parse_for_history(const std::string& given) const;
  wire::HistoryEnd history_end(const source::Repository& repository) const;
  process::Task<wire::FetchResult> run(wire::FetchJob job, Report report);

  process::asio::io_context& loop_;
  const std::string fetcher_;
  const process::Environment environment_;
  const std::string working_folder_;
  const std::string hub_folder_;
  std::map<std::pair<std::string, std::string>, std::string> pinned_commits_;  // by name and ref
  std::map<std::string, std::string> pinned_files_;                            // sha256 by URL
};

}  // namespace hubcell::control
