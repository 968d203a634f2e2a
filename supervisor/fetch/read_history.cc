#include "supervisor/fetch/read_history.h"

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <hubcell/error.h>

#include "shared/wire/limits.h"
#include "supervisor/fetch/cache_lock.h"
#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/commit_walk.h"
#include "supervisor/fetch/files.h"
#include "supervisor/fetch/git.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/remote.h"
#include "supervisor/fetch/tree_changes.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

// Of one message, which may have 128 KiB.
constexpr std::size_t kPartBytes = 32 * 1024;

git::Commit find_commit(git_repository* repository, const git_oid& id, const std::string& attempt) {
  git_commit* found = nullptr;
  git::check(::git_commit_lookup(&found, repository, &id), attempt);
  return git::Commit(found);
}

std::string text_of(const char* text) {
  return text == nullptr ? "" : text;
}

wire::CommitRecord record_of(git_commit* commit, const std::string& attempt) {
  const git_signature* author = ::git_commit_author(commit);
  wire::CommitRecord record{.id = git::format_id(*::git_commit_id(commit)),
                            .author = text_of(author->name) + " <" + text_of(author->email) + ">",
                            .time = author->when.time,
                            .offset_minutes = author->when.offset,
                            .subject = text_of(::git_commit_summary(commit))};
  const unsigned parents = ::git_commit_parentcount(commit);
  if (parents > wire::kHistoryParentsMax) {
    throw Error(ErrorCode::Source, attempt + ": commit " + record.id + " has " + std::to_string(parents) +
                                       " parents, and " + std::to_string(wire::kHistoryParentsMax) +
                                       " is what can be read");
  }
  for (unsigned i = 0; i < parents; ++i)
    record.parents.push_back(git::format_id(*::git_commit_parent_id(commit, i)));
  return record;
}

// Commits and files, sent many at a time. Those above the bounds are left out.
class Parts {
 public:
  explicit Parts(Reporter& reporter) : reporter_(reporter) {}

  void add(wire::CommitRecord commit) {
    if (commits_++ >= wire::kHistoryCommitsMax) return;
    grow(commit.author.size() + commit.subject.size() + 64 * (1 + commit.parents.size()));
    part_.commits.push_back(std::move(commit));
  }
  void add(wire::FileRecord file) {
    if (files_++ >= wire::kHistoryFilesMax) return;
    grow(file.path.size() + file.old_path.size() + 64);
    part_.files.push_back(std::move(file));
  }
  bool wants_commits() const { return commits_ < wire::kHistoryCommitsMax; }
  void send() {
    bytes_ = 0;
    reporter_.history(std::exchange(part_, {}));
  }

 private:
  void grow(std::size_t bytes) {
    if (bytes_ + bytes > kPartBytes) send();
    bytes_ += bytes;
  }

  Reporter& reporter_;
  wire::HistoryPart part_;
  std::size_t bytes_ = 0;
  std::size_t commits_ = 0;
  std::size_t files_ = 0;
};

// Its two ends, of which `a` may not be.
struct Ends {
  git::Commit a;
  git::Commit b;
};

class History {
 public:
  History(git_repository* repository, std::string shown_as, Reporter& reporter)
      : repository_(repository),
        attempt_("read the history of " + std::move(shown_as)),
        reporter_(reporter),
        parts_(reporter) {}

  Ends open(const std::optional<std::string>& a, const std::string& b) const {
    Ends ends{.a = nullptr, .b = find_commit(repository_, git::parse_id(b), attempt_)};
    if (a) {
      ends.a = find_commit(repository_, git::parse_id(*a), attempt_);
    } else if (::git_commit_parentcount(ends.b.get()) > 0) {
      ends.a = find_commit(repository_, *::git_commit_parent_id(ends.b.get(), 0), attempt_);
    }
    return ends;
  }

  wire::HistoryRead read(const Ends& ends) {
    wire::HistoryRead history{.b = record_of(ends.b.get(), attempt_)};
    if (ends.a) history.a = record_of(ends.a.get(), attempt_);
    read_commits(ends, history);
    read_files(ends, history);
    parts_.send();
    return history;
  }

 private:
  void read_commits(const Ends& ends, wire::HistoryRead& history) {
    const git_oid b = *::git_commit_id(ends.b.get());
    // No commit has the id of zeros.
    const git_oid a = ends.a ? *::git_commit_id(ends.a.get()) : git_oid{};
    const CommitsBetween between = walk_between(a, b, [this](const git_oid& id) { return read_node(id); });
    history.only_a = between.only_a;
    history.only_b = between.only_b.size();
    if (between.merge_base) history.merge_base = git::format_id(*between.merge_base);
    for (const git_oid& id : between.only_b) {
      if (!parts_.wants_commits()) break;
      parts_.add(record_of(find_commit(repository_, id, attempt_).get(), attempt_));
    }
  }

  void read_files(const Ends& ends, wire::HistoryRead& history) {
    const git::Tree a = ends.a ? tree_of(ends.a.get()) : nullptr;
    const git::Tree b = tree_of(ends.b.get());
    const ChangeTotals totals = compare_trees(repository_, a.get(), b.get(), attempt_, reporter_,
                                              [this](wire::FileRecord file) { parts_.add(std::move(file)); });
    history.files_changed = totals.files;
    history.lines_added = totals.added;
    history.lines_removed = totals.removed;
  }

  std::optional<CommitNode> read_node(const git_oid& id) {
    if (!reporter_.progress(attempt_)) throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
    git_commit* found = nullptr;
    if (::git_commit_lookup(&found, repository_, &id) != 0) return std::nullopt;
    const git::Commit commit(found);
    CommitNode node{.time = ::git_commit_time(commit.get())};
    const unsigned parents = ::git_commit_parentcount(commit.get());
    for (unsigned i = 0; i < parents; ++i)
      node.parents.push_back(*::git_commit_parent_id(commit.get(), i));
    return node;
  }

  git::Tree tree_of(const git_commit* commit) const {
    git_tree* tree = nullptr;
    git::check(::git_commit_tree(&tree, commit), attempt_);
    return git::Tree(tree);
  }

  git_repository* repository_;
  const std::string attempt_;
  Reporter& reporter_;
  Parts parts_;
};

// Which commits the ends are, which the mirror has afterwards.
class Resolution {
 public:
  Resolution(Remote& remote, git_repository* mirror, const wire::HistoryJob& job)
      : remote_(remote), mirror_(mirror), job_(job) {}

  std::string commit_of(const wire::HistoryEnd& end) {
    // What came over a network came with its history.
    const bool is_here = !end.commit.empty() && has_commit(mirror_, end.commit);
    if (is_here && remote_.confinement().network) return end.commit;
    if (!listing_) listing_ = remote_.list_refs();
    const std::optional<std::string> ref = end.commit.empty() ? end.ref : end.commit;
    ChosenRef chosen = choose_ref(*listing_, ref, job_.url);
    remote_.bring_commit(mirror_, *listing_, chosen);
    warnings_.insert(warnings_.end(), chosen.warnings.begin(), chosen.warnings.end());
    return chosen.commit;
  }
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  Remote& remote_;
  git_repository* mirror_;
  const wire::HistoryJob& job_;
  std::optional<RefListing> listing_;
  std::vector<std::string> warnings_;
};

void check_job(const wire::HistoryJob& job) {
  if (job.url.empty() || job.name.empty())
    throw Error(ErrorCode::Protocol, "fetch: the job has no URL or no name");
}

}  // namespace

wire::FetchResult read_history(const wire::HistoryJob& job, wire::Origin origin, const fs::path& cache_root,
                               Reporter& reporter) {
  check_job(job);
  const source::RepositoryFolder place(cache_root, job.url);
  const std::unique_ptr<Remote> remote = open_remote(job.url, origin, reporter);
  make_folders(place.path());
  Confinement around = remote->confinement();
  around.writable.push_back(cache_root);
  confine(around);
  const CacheLock lock(place.lock_file(), "fetch of " + job.name, reporter);
  const git::Library library;
  reporter.progress("read the history of " + job.name);
  const git::Repository mirror = open_mirror(place.mirror());
  Resolution resolution(*remote, mirror.get(), job);
  std::optional<std::string> a;
  if (job.a) a = resolution.commit_of(*job.a);
  const std::string b = resolution.commit_of(job.b);
  History history(mirror.get(), job.name, reporter);
  wire::FetchResult result;
  result.history = history.read(history.open(a, b));
  result.warnings = resolution.take_warnings();
  return result;
}

}  // namespace hubcell::fetch
