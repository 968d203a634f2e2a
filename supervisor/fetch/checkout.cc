#include "supervisor/fetch/checkout.h"

#include <filesystem>

#include <hubcell/error.h>

#include "supervisor/fetch/files.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShortCommitDigits = 8;

void check_hubconf(git_commit* commit, const std::string& id, const std::string& shown_as) {
  git_tree* opened = nullptr;
  git::check(::git_commit_tree(&opened, commit), "read commit " + id + " of " + shown_as);
  const git::Tree tree(opened);
  const git_tree_entry* entry = ::git_tree_entry_byname(tree.get(), "hubconf.py");
  if (entry != nullptr && ::git_tree_entry_type(entry) == GIT_OBJECT_BLOB) return;
  throw Error(ErrorCode::Source, "no hubconf.py in " + shown_as + " at commit " +
                                     id.substr(0, kShortCommitDigits) +
                                     ": it is no torch.hub repository; another branch or tag may be");
}

struct CheckoutProgress {
  Reporter& reporter;
  const std::string& shown_as;
};

void report_checkout_progress(const char* /*path*/, std::size_t done, std::size_t total, void* payload) {
  auto* progress = static_cast<CheckoutProgress*>(payload);
  // The line changes with every file; a tenth of them is enough for a person.
  if (done % (total / 10 + 1) != 0) return;
  progress->reporter.progress("check out " + progress->shown_as + ", file " + std::to_string(done) + " of " +
                              std::to_string(total));
}

}  // namespace

void write_checkout(git_repository* mirror, const source::RepositoryFolder& place, const std::string& commit,
                    const std::string& shown_as, Reporter& reporter) {
  if (fs::exists(place.checkout(commit))) return;
  const std::string attempt = "check out " + commit + " of " + shown_as;
  const git_oid id = git::parse_id(commit);
  git_commit* found = nullptr;
  git::check(::git_commit_lookup(&found, mirror, &id), attempt);
  const git::Commit opened(found);
  check_hubconf(opened.get(), commit, shown_as);
  const Temporary temporary(place.checkouts());
  make_folders(temporary.path());
  // A bare repository has no place for submodules' folders and fails where there is one.
  git::check(::git_repository_set_workdir(mirror, temporary.path().c_str(), 0), attempt);
  CheckoutProgress progress{.reporter = reporter, .shown_as = shown_as};
  git_checkout_options options;
  ::git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
  options.checkout_strategy =
      GIT_CHECKOUT_FORCE | GIT_CHECKOUT_DONT_UPDATE_INDEX | GIT_CHECKOUT_DONT_WRITE_INDEX;
  options.target_directory = temporary.path().c_str();
  options.progress_cb = report_checkout_progress;
  options.progress_payload = &progress;
  const auto* treeish = reinterpret_cast<const git_object*>(opened.get());
  git::check(::git_checkout_tree(mirror, treeish, &options), attempt);
  make_read_only(temporary.path());
  put_in_place(temporary.path(), place.checkout(commit));
}

}  // namespace hubcell::fetch
