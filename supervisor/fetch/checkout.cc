#include "supervisor/fetch/checkout.h"

#include <filesystem>

#include <hubcell/error.h>

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShortCommitDigits = 8;

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

void check_out(git_repository* mirror, const std::string& commit, const fs::path& folder,
               const std::string& shown_as, Reporter& reporter) {
  const std::string attempt = "check out " + commit + " of " + shown_as;
  const git_oid id = git::parse_id(commit);
  git_commit* found = nullptr;
  git::check(::git_commit_lookup(&found, mirror, &id), attempt);
  const git::Commit opened(found);
  // A bare repository has no place for submodules' folders and fails where there is one.
  git::check(::git_repository_set_workdir(mirror, folder.c_str(), 0), attempt);
  CheckoutProgress progress{.reporter = reporter, .shown_as = shown_as};
  git_checkout_options options;
  ::git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
  options.checkout_strategy =
      GIT_CHECKOUT_FORCE | GIT_CHECKOUT_DONT_UPDATE_INDEX | GIT_CHECKOUT_DONT_WRITE_INDEX;
  options.target_directory = folder.c_str();
  options.progress_cb = report_checkout_progress;
  options.progress_payload = &progress;
  const auto* treeish = reinterpret_cast<const git_object*>(opened.get());
  git::check(::git_checkout_tree(mirror, treeish, &options), attempt);
}

void require_hubconf(const fs::path& folder, const std::string& commit, const std::string& shown_as) {
  const fs::file_status found = fs::symlink_status(folder / "hubconf.py");
  if (fs::is_regular_file(found) || fs::is_symlink(found)) return;
  throw Error(ErrorCode::Source, "no hubconf.py in " + shown_as + " at commit " +
                                     commit.substr(0, kShortCommitDigits) +
                                     ": it is no torch.hub repository; another branch or tag may be");
}

}  // namespace hubcell::fetch
