#include "supervisor/fetch/manage.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include <hubcell/error.h>

#include "supervisor/fetch/cache_lock.h"
#include "supervisor/fetch/confinement.h"
#include "supervisor/fetch/files.h"
#include "supervisor/fetch/sha256.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_below(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) return fs::exists(path, failed) ? fs::file_size(path, failed) : 0;
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path, failed))
    if (entry.is_regular_file(failed) && !entry.is_symlink(failed)) bytes += entry.file_size(failed);
  return bytes;
}

// Reading a file leaves a trace in most file systems (relatime: once a day), so that a load writes nothing itself.
std::int64_t last_use_of(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return 0;
  return std::max(status.st_atim.tv_sec, status.st_mtim.tv_sec);
}

// Every file below `folder`, at any depth.
template <typename Visit>
void for_each_file(const fs::path& folder, Visit visit) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, failed))
    if (entry.is_regular_file(failed)) visit(entry.path());
}

// What differs from the manifest, the first of it.
std::string complaint_about(const fs::path& checkout, const fs::path& manifest_file) {
  const auto expected = source::manifest_of_text(read_whole_file(manifest_file));
  if (!expected) return "it has no manifest by which that could be told";
  const source::Manifest found = manifest_of_folder(checkout);
  for (const auto& [path, what] : *expected) {
    const auto here = found.find(path);
    if (here == found.end()) return "it lacks " + path;
    if (here->second != what) return "it has another " + path;
  }
  for (const auto& [path, what] : found)
    if (!expected->contains(path)) return "it has " + path + " beside";
  return "";
}

class Management {
 public:
  Management(const wire::CacheJob& job, const fs::path& root, Reporter& reporter)
      : job_(job), root_(root), reporter_(reporter) {}

  void run() {
    for_each_repository([&](const source::RepositoryFolder& place, const std::string& url) {
      if (job_.everything || job_.url == url) take_repository(place, url);
    });
    if (job_.ref) return;
    for_each_file(root_ / "blobs", [&](const fs::path& file) {
      if (file.filename() == "record") take_blob(file);
    });
    const fs::path records = root_ / "checkpoints";
    for_each_file(records, [&](const fs::path& file) {
      take_checkpoint(source::text_of_path(file.lexically_relative(records)), file);
    });
  }

 private:
  template <typename Visit>
  void for_each_repository(Visit visit) {
    const fs::path folder = root_ / "repositories";
    std::vector<std::string> urls;
    std::error_code failed;
    for (auto entry = fs::recursive_directory_iterator(folder, failed),
              end = fs::recursive_directory_iterator();
         entry != end; entry.increment(failed)) {
      if (!fs::exists(entry->path() / "index", failed)) continue;
      urls.push_back(source::text_of_path(entry->path().lexically_relative(folder)));
      entry.disable_recursion_pending();
    }
    for (const std::string& url : urls)
      visit(source::RepositoryFolder(root_, url), url);
  }

  void take_repository(const source::RepositoryFolder& place, const std::string& url) {
    std::optional<CacheLock> lock;
    if (job_.action == wire::CacheAction::Remove)
      lock.emplace(place.lock_file(), "fetch of " + url, reporter_);
    std::map<std::string, std::vector<fs::path>> index_files;  // by commit
    std::map<std::string, std::string> refs;
    for_each_file(place.index(), [&](const fs::path& file) {
      const auto entry = source::IndexEntry::from_text(read_whole_file(file));
      const std::string name = source::text_of_path(file.lexically_relative(place.index()));
      if (!entry || (job_.ref && name != *job_.ref && entry->commit != *job_.ref)) return;
      index_files[entry->commit].push_back(file);
      refs[entry->commit] += (refs[entry->commit].empty() ? "" : ", ") + name;
    });
    for (const auto& [commit, files] : index_files) {
      const fs::path checkout = place.checkout(commit);
      report({.kind = wire::CacheKind::Checkout,
              .name = url,
              .refs = refs[commit],
              .commit = commit,
              .path = checkout,
              .bytes = bytes_below(checkout) + bytes_below(place.bytecode(commit)),
              .last_use_s = last_use_of(checkout / "hubconf.py"),
              .complaint = verifies() ? complaint_about(checkout, place.manifest(commit)) : ""});
      if (job_.action == wire::CacheAction::Remove) remove_checkout(place, commit, files);
    }
    if (job_.ref) return;
    if (fs::exists(place.mirror()))
      report({.kind = wire::CacheKind::Mirror,
              .name = url,
              .path = place.mirror(),
              .bytes = bytes_below(place.mirror()),
              .last_use_s = last_use_of(place.mirror() / "HEAD")});
    if (job_.action != wire::CacheAction::Remove) return;
    for (const fs::path& rest : {place.index(), place.checkouts(), place.manifests(), place.bytecodes(),
                                 place.mirror(), place.public_mark()})
      remove_tree(rest);
  }

  // Another ref may lead to the same commit.
  static void remove_checkout(const source::RepositoryFolder& place, const std::string& commit,
                              const std::vector<fs::path>& index_files) {
    for (const fs::path& file : index_files)
      fs::remove(file);
    bool is_used = false;
    for_each_file(place.index(), [&](const fs::path& file) {
      const auto entry = source::IndexEntry::from_text(read_whole_file(file));
      is_used = is_used || (entry && entry->commit == commit);
    });
    if (is_used) return;
    remove_tree(place.checkout(commit));
    remove_tree(place.manifest(commit));
    remove_tree(place.bytecode(commit));
  }

  void take_blob(const fs::path& record_file) {
    const auto record = source::FileRecord::from_text(read_whole_file(record_file));
    if (!record || (!job_.everything && job_.file != record->url)) return;
    const source::BlobFolder place(root_, record->url);
    std::optional<CacheLock> lock;
    if (job_.action == wire::CacheAction::Remove)
      lock.emplace(source::lock_of(root_, record->url), "download of " + record->url, reporter_);
    report_file(wire::CacheKind::File, *record, place.content());
    if (job_.action == wire::CacheAction::Remove) remove_tree(place.path());
  }

  void take_checkpoint(const std::string& name, const fs::path& record_file) {
    const auto record = source::FileRecord::from_text(read_whole_file(record_file));
    if (!record || (!job_.everything && job_.file != record->url)) return;
    const fs::path file = source::checkpoints_folder(root_) / name;
    report_file(wire::CacheKind::Checkpoint, *record, file);
    if (job_.action != wire::CacheAction::Remove) return;
    remove_tree(file);
    remove_tree(record_file);
  }

  void report_file(wire::CacheKind kind, const source::FileRecord& record, const fs::path& file) {
    std::string complaint;
    std::error_code failed;
    if (!fs::is_regular_file(file, failed)) {
      complaint = "it is gone";
    } else if (verifies() && sha256_of_file(file) != record.sha256) {
      complaint = "its content is not what came from there";
    }
    report({.kind = kind,
            .name = record.url,
            .commit = record.sha256,
            .path = file,
            .bytes = bytes_below(file),
            .last_use_s = last_use_of(file),
            .complaint = complaint});
  }

  bool verifies() const { return job_.action == wire::CacheAction::Verify; }

  void report(wire::CacheEntry entry) {
    ++reported_;
    reporter_.entry(std::move(entry));
  }

 public:
  std::size_t reported() const { return reported_; }

 private:
  const wire::CacheJob& job_;
  const fs::path& root_;
  Reporter& reporter_;
  std::size_t reported_ = 0;
};

}  // namespace

source::Manifest manifest_of_folder(const fs::path& folder) {
  source::Manifest manifest;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().lexically_relative(folder);
    if (entry.is_symlink()) {
      manifest[path] = "link " + fs::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      const bool is_executable = (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
      manifest[path] = sha256_of_file(entry.path()) + (is_executable ? " x" : " -");
    }
  }
  return manifest;
}

wire::FetchResult manage_cache(const wire::CacheJob& job, const fs::path& cache_root, Reporter& reporter) {
  confine({.writable = {cache_root, source::checkpoints_folder(cache_root)}});
  Management management(job, cache_root, reporter);
  management.run();
  wire::FetchResult result;
  result.managed = management.reported();
  return result;
}

}  // namespace hubcell::fetch
