#include "supervisor/control/sources.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "supervisor/control/history_check.h"
#include "supervisor/process/fetcher.h"
#include "supervisor/source/cache.h"
#include "supervisor/source/cache_layout.h"
#include "supervisor/source/ref_name.h"
#include "supervisor/source/torch_hub.h"

namespace hubcell::control {
namespace {

using process::Task;
namespace fs = std::filesystem;

ResolvedSource resolve_folder(const source::Repository& repository) {
  std::error_code failure;
  if (!fs::is_regular_file(fs::path(repository.folder) / "hubconf.py", failure)) {
    const bool absent = !failure || failure == std::errc::no_such_file_or_directory;
    throw Error(ErrorCode::Source,
                "load " + repository.given + ": no hubconf.py in " + repository.folder +
                    (absent ? "; name a folder that holds one" : ": " + failure.message()));
  }
  return {.name = repository.name, .ref = {}, .commit = {}, .folder = repository.folder, .warnings = {}};
}

bool is_below(const fs::path& path, const std::vector<std::string>& folders) {
  std::error_code failed;
  const fs::path real = fs::weakly_canonical(path, failed);
  return std::ranges::any_of(folders, [&](const std::string& folder) {
    const fs::path above = fs::weakly_canonical(folder, failed);
    return std::ranges::mismatch(above, real).in1 == above.end();
  });
}

// Nothing of this machine, and nothing that the user's keys open.
void check_workers_repository(const source::Repository& repository, const std::string& github_url) {
  if (source::is_ssh_url(repository.url)) {
    throw Error(ErrorCode::Source, "load " + source::printable(repository.given) +
                                       ": inside a hubconf this must be owner/name or an https:// URL; ssh "
                                       "would take the user's keys");
  }
  const std::string url = source::lower_case(repository.url);
  const bool is_on_the_web = url.starts_with("https://") || url.starts_with("http://");
  if (repository.kind == source::Repository::Kind::Remote &&
      (is_on_the_web || repository.url.starts_with(github_url + "/"))) {
    return;
  }
  throw Error(ErrorCode::Source, "load " + source::printable(repository.given) +
                                     ": inside a hubconf this must be owner/name or an https:// URL");
}

}  // namespace

Sources::Sources(process::asio::io_context& loop, std::string fetcher, process::Environment environment,
                 std::string working_folder, std::string hub_folder)
    : loop_(loop),
      fetcher_(std::move(fetcher)),
      environment_(std::move(environment)),
      working_folder_(std::move(working_folder)),
      hub_folder_(std::move(hub_folder)) {}

std::string Sources::cache_root() const {
  return source::cache_root(hub_folder_, environment_.all());
}

std::string Sources::cache_root_if_any() const {
  try {
    return cache_root();
  } catch (const Error&) {
    return "";
  }
}

source::Repository Sources::parse(const std::string& given) const {
  return source::parse_repository(given, source::github_url(environment_.get("HUBCELL_GITHUB_URL")),
                                  working_folder_);
}

Task<wire::FetchResult> Sources::run(wire::FetchJob job, Report report) {
  job.cache_root = cache_root();
  return process::run_fetch(loop_, fetcher_, std::move(job), environment_, std::move(report));
}

void Sources::pin(const std::vector<wire::Pin>& pins) {
  for (const wire::Pin& pin : pins) {
    if (pin.url.empty()) {
      pinned_commits_[{pin.name, pin.ref}] = pin.commit;
    } else {
      pinned_files_[pin.url] = pin.sha256;
    }
  }
}

void Sources::check_commit(const std::string& name, const std::string& ref, const std::string& commit) const {
  const auto pinned = pinned_commits_.find({name, ref});
  if (pinned == pinned_commits_.end() || pinned->second == commit) return;
  throw Error(ErrorCode::Source, "load " + name + "@" + ref + ": it is commit " + commit +
                                     ", and the lock file says " + pinned->second + "; load " + name + "@" +
                                     pinned->second + ", or take the entry out of the lock file");
}

std::string Sources::required_hash(const std::string& url, const std::string& wished) const {
  const auto pinned = pinned_files_.find(url);
  if (pinned == pinned_files_.end()) return wished;
  if (pinned->second.starts_with(wished)) return pinned->second;
  throw Error(ErrorCode::Source, "download " + url + ": its sha256 is to begin with " + wished +
                                     ", and the lock file says " + pinned->second);
}

Task<ResolvedSource> Sources::resolve(std::string given, bool refresh, Report report,
                                      std::function<void()> on_fetch) {
  const source::Repository repository = parse(given);
  if (repository.kind == source::Repository::Kind::Local) co_return resolve_folder(repository);
  const std::string root = cache_root();
  std::optional<source::Cached> cached;
  if (!refresh) cached = source::find_cached(root, repository.url, repository.ref);
  ResolvedSource found;
  if (cached) {
    found = {.name = repository.name,
             .ref = cached->ref,
             .commit = cached->commit,
             .folder = cached->folder,
             .warnings = {}};
  } else {
    on_fetch();
    found = co_await fetch(repository, refresh, std::move(report));
  }
  check_commit(found.name, found.ref, found.commit);
  co_return found;
}

Task<ResolvedSource> Sources::fetch(source::Repository repository, bool refresh, Report report) {
  const std::string root = cache_root();
  wire::FetchJob job;
  job.commit = wire::CommitJob{
      .url = repository.url, .name = repository.name, .ref = repository.ref, .refresh = refresh, .grant = {}};
  wire::FetchResult result;
  try {
    result = co_await run(std::move(job), std::move(report));
  } catch (const process::Unreachable& failure) {
    const auto folder = source::find_folder_of_torch_hub(root, repository.name, repository.ref);
    if (!folder || refresh) throw failure.context("load " + repository.given);
    const std::string warning = repository.given +
                                " cannot be reached, and is not in hubcell's cache: what torch.hub left in " +
                                *folder + " is used";
    co_return ResolvedSource{.name = repository.name,
                             .ref = repository.ref.value_or(source::kDefaultRef),
                             .commit = {},
                             .folder = *folder,
                             .warnings = {warning}};
  } catch (const Error& failure) {
    throw failure.context("load " + repository.given);
  }
  // The fetcher read foreign data: where the checkout lies is what our own index says, not what it says.
  const auto fetched = source::find_cached(root, repository.url, repository.ref);
  if (!fetched) {
    throw Error(ErrorCode::Source,
                "load " + repository.given + ": it was fetched, but " + root + " does not have it");
  }
  if (repository.name != repository.url)
    source::link_for_torch_hub(root, repository.name, fetched->ref, fetched->folder);
  co_return ResolvedSource{.name = repository.name,
                           .ref = fetched->ref,
                           .commit = fetched->commit,
                           .folder = fetched->folder,
                           .warnings = result.warnings};
}

Task<wire::FileFetched> Sources::fetch_file(wire::FetchFile wanted, Grants* grants, Report report) {
  const std::string folder =
      wanted.folder.empty() ? source::checkpoints_folder(cache_root()).string() : wanted.folder;
  const std::string grant = grants == nullptr ? "" : grants->next(wanted.name);
  wire::FetchJob job;
  job.file = wire::FileJob{.url = wanted.url,
                           .folder = folder,
                           .name = wanted.name,
                           .hash_prefix = required_hash(wanted.url, wanted.hash_prefix),
                           .hash = wanted.hash,
                           .keep = wanted.keep,
                           .grant = grant};
  const wire::FetchResult result = co_await run(std::move(job), std::move(report));
  for (const std::string& warning : result.warnings)
    log::warn(warning);
  const wire::FetchedFile file = result.file.value_or(wire::FetchedFile{});
  co_return wire::FileFetched{.path = folder + "/" + wanted.name,
                              .grant = grant,
                              .sha256 = file.sha256,
                              .bytes = file.bytes,
                              .was_there = file.was_there};
}

Task<void> Sources::manage_cache(wire::ManageCache wanted, Report report) {
  if (wanted.action == wire::CacheAction::Locate) co_return;
  wire::FetchJob job;
  job.cache = wire::CacheJob{.action = wanted.action, .everything = wanted.what.empty(), .file = wanted.what};
  if (!wanted.what.empty()) {
    const source::Repository repository = parse(wanted.what);
    if (repository.kind == source::Repository::Kind::Local) {
      throw Error(ErrorCode::Source,
                  "look for " + repository.given + " in the cache: folders are used where they are");
    }
    job.cache->url = repository.url;
    job.cache->ref = repository.ref;
  }
  co_await run(std::move(job), std::move(report));
}

source::Repository Sources::parse_for_history(const std::string& given) const {
  source::Repository repository = parse(given);
  if (repository.kind == source::Repository::Kind::Remote) return repository;
  throw Error(ErrorCode::Usage,
              "read the history of " + given +
                  ": it names a folder as it is, which has no refs; name the git repository, "
                  "file://" +
                  repository.folder + "@REF");
}

// What the cache knows is what a load of it gets.
wire::HistoryEnd Sources::history_end(const source::Repository& repository) const {
  const auto cached = source::find_cached(cache_root(), repository.url, repository.ref);
  return {.ref = repository.ref, .commit = cached ? cached->commit : ""};
}

Task<wire::HistoryRead> Sources::read_history(wire::ReadHistory wanted, Report report) {
  const source::Repository b = parse_for_history(wanted.b);
  wire::FetchJob job;
  job.history = wire::HistoryJob{.url = b.url, .name = b.name, .a = std::nullopt, .b = history_end(b)};
  if (!wanted.a.empty()) {
    const source::Repository a = parse_for_history(wanted.a);
    if (a.url != b.url) {
      throw Error(ErrorCode::Usage, "read the history between " + a.given + " and " + b.given +
                                        ": they are of two repositories");
    }
    job.history->a = history_end(a);
  }
  const auto check = std::make_shared<HistoryCheck>();
  Report checked = [check, report = std::move(report)](const wire::FetchEvent& event) {
    if (event.history) check->check(*event.history);
    report(event);
  };
  wire::FetchResult result;
  try {
    result = co_await run(std::move(job), std::move(checked));
  } catch (const Error& failure) {
    throw failure.context("read the history of " + b.given);
  }
  if (!result.history) throw Error(ErrorCode::Protocol, "read a history: the fetcher sent none");
  check->check(*result.history);
  for (const std::string& warning : result.warnings)
    log::warn(warning);
  co_return std::move(*result.history);
}

Task<std::string> Sources::grant_file(FileGrant wanted, Grants& grants, Report report, wire::Pin& used) {
  const std::string& url = wanted.file.url;
  std::string grant = grants.next("file");
  wire::FetchJob job;
  job.origin = wire::Origin::Worker;
  job.blob =
      wire::BlobJob{.url = url,
                    .hash_prefix = required_hash(url, wanted.file.hash_prefix),
                    .refresh = wanted.refresh,
                    .grant = grant,
                    .checkpoints = is_below(source::checkpoints_folder(cache_root()), wanted.readable)};
  const wire::FetchResult result = co_await run(std::move(job), std::move(report));
  used.url = url;
  if (result.file) used.sha256 = result.file->sha256;
  co_return grant;
}

// The fetcher makes the copy of links. It needs no network where everybody may have what is in the cache.
Task<std::string> Sources::grant_repository(wire::WantRepository wanted, Grants& grants, Report report,
                                            wire::Pin& used) {
  const source::Repository repository = parse(wanted.repository);
  check_workers_repository(repository, source::github_url(environment_.get("HUBCELL_GITHUB_URL")));
  std::string grant = grants.next(repository.name);
  wire::FetchJob job;
  job.origin = wire::Origin::Worker;
  job.commit = wire::CommitJob{.url = repository.url,
                               .name = repository.name,
                               .ref = repository.ref,
                               .refresh = wanted.refresh,
                               .grant = grant};
  wire::FetchResult result;
  try {
    result = co_await run(std::move(job), std::move(report));
  } catch (const Error& failure) {
    throw failure.context("load " + repository.given);
  }
  if (result.commit) {
    check_commit(repository.name, result.commit->ref, result.commit->commit);
    used = {.name = repository.name, .ref = result.commit->ref, .commit = result.commit->commit};
  }
  co_return grant;
}

}  // namespace hubcell::control
