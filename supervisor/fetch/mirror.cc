#include "supervisor/fetch/mirror.h"

#include <optional>
#include <set>
#include <vector>

#include <hubcell/error.h>

#include "supervisor/fetch/files.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

fs::path pack_folder(const fs::path& mirror) {
  return mirror / "objects" / "pack";
}

// Packs have their names from the moment when they are whole; everything else was being written.
void remove_unfinished_packs(const fs::path& mirror) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(pack_folder(mirror), failed)) {
    const fs::path extension = entry.path().extension();
    const bool whole = entry.path().filename().native().starts_with("pack-") &&
                       (extension == ".pack" || extension == ".idx");
    if (!whole) fs::remove(entry.path(), failed);
  }
}

git::Repository open_repository(const fs::path& folder, const std::string& attempt) {
  git_repository* opened = nullptr;
  git::check(::git_repository_open(&opened, folder.c_str()), attempt);
  return git::Repository(opened);
}

void make_mirror(const fs::path& folder) {
  remove_tree(folder);
  const Temporary temporary(folder.parent_path());
  git_repository_init_options options;
  ::git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
  git_repository* made = nullptr;
  git::check(::git_repository_init_ext(&made, temporary.path().c_str(), &options), "make " + folder.string());
  ::git_repository_free(made);
  put_in_place(temporary.path(), folder);
}

std::optional<git::Commit> find_commit(git_repository* repository, const git_oid& id) {
  git_commit* found = nullptr;
  if (::git_commit_lookup(&found, repository, &id) != 0) return std::nullopt;
  return git::Commit(found);
}

void check_commit(git_repository* remote, const std::string& shown_as, const RefListing& listing,
                  const ChosenRef& chosen) {
  if (chosen.inside_history) return require_contained(remote, chosen.commit, shown_as, listing);
  if (has_commit(remote, chosen.commit)) return;
  throw Error(ErrorCode::Source, "ref " + source::in_quotes(chosen.ref) + " of " + shown_as +
                                     " is no commit, or " + shown_as +
                                     " lacks its files; a tag of a file or a folder cannot be loaded");
}

}  // namespace

// Walks the history of everything in `listing` until it meets `commit`. What is missing is passed over: a tag
// may name a file, and in a shallow clone the history ends early.
bool is_contained(git_repository* repository, const std::string& commit, const RefListing& listing) {
  std::set<std::string> seen;
  std::vector<std::string> to_visit;
  const auto visit_later = [&](const std::string& id) {
    if (seen.insert(id).second) to_visit.push_back(id);
  };
  for (const auto* names : {&listing.branches, &listing.tags}) {
    for (const auto& [name, id] : *names)
      visit_later(id);
  }
  while (!to_visit.empty()) {
    const std::string next = std::move(to_visit.back());
    to_visit.pop_back();
    if (next == commit) return true;
    const std::optional<git::Commit> found = find_commit(repository, git::parse_id(next));
    const unsigned parents = found ? ::git_commit_parentcount(found->get()) : 0;
    for (unsigned i = 0; i < parents; ++i)
      visit_later(git::format_id(*::git_commit_parent_id(found->get(), i)));
  }
  return false;
}

bool has_commit(git_repository* repository, const std::string& commit) {
  return find_commit(repository, git::parse_id(commit)).has_value();
}

void require_contained(git_repository* repository, const std::string& commit, const std::string& shown_as,
                       const RefListing& listing) {
  if (has_commit(repository, commit) && is_contained(repository, commit, listing)) return;
  throw Error(ErrorCode::Source, "no branch or tag of " + shown_as + " contains the commit " + commit);
}

git::Repository open_mirror(const fs::path& folder) {
  remove_unfinished_packs(folder);
  git_repository* opened = nullptr;
  if (::git_repository_open(&opened, folder.c_str()) == 0) return git::Repository(opened);
  // There is none, or it is broken: it holds nothing that cannot be fetched again.
  make_mirror(folder);
  return open_repository(folder, "open " + folder.string());
}

RefListing refs_of(git_repository* mirror) {
  RefListing listing;
  git_reference_iterator* made = nullptr;
  git::check(::git_reference_iterator_new(&made, mirror), "list the refs of the mirror");
  const git::References references(made);
  git_reference* next = nullptr;
  while (::git_reference_next(&next, references.get()) == 0) {
    const git::Reference reference(next);
    git_object* peeled = nullptr;
    if (::git_reference_peel(&peeled, next, GIT_OBJECT_COMMIT) != 0) continue;
    const git::Object commit(peeled);
    const std::string name = ::git_reference_name(next);
    const std::string id = git::format_id(*::git_object_id(peeled));
    if (name.starts_with(kBranchPrefix)) listing.branches[name.substr(kBranchPrefix.size())] = id;
    if (name.starts_with(kTagPrefix)) listing.tags[name.substr(kTagPrefix.size())] = id;
  }
  return listing;
}

void lend_objects(git_repository* mirror, const fs::path& remote, const std::string& shown_as,
                  const RefListing& listing, const ChosenRef& chosen) {
  const std::string attempt = "fetch " + chosen.commit + " from " + shown_as;
  const git::Repository origin = open_repository(remote, attempt);
  check_commit(origin.get(), shown_as, listing, chosen);
  git_odb* opened = nullptr;
  git::check(::git_repository_odb(&opened, mirror), attempt);
  const git::Objects objects(opened);
  const fs::path lent = fs::path(::git_repository_commondir(origin.get())) / "objects";
  git::check(::git_odb_add_disk_alternate(objects.get(), lent.c_str()), attempt);
}

}  // namespace hubcell::fetch
