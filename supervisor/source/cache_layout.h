// Where things lie in the cache. The supervisor reads by it (cache.h), the fetcher writes by it.
//
//     <hub dir>/hubcell/repositories/<remote>/   one folder for each remote, named after its URL
//         lock                  held (fcntl) by the fetcher that changes anything beside it; never removed
//         mirror.git/           bare repository with the history that came from another machine; of a folder's, nothing (fetch/mirror.h)
//         checkouts/<commit>/   the commit's files, read-only
//         public                if it was once reached without a token: workers may have it, too
//         manifests/<commit>    what the checkout consists of (manifest.h)
//         bytecode/<commit>/<tag>   code of its Python files, for the Pythons of that tag (worker/hub/bytecode.py)
//         index/<ref>           what that ref meant when it was fetched last; index/HEAD for the default branch
//     <hub dir>/hubcell/blobs/<url>/             a file that workers had fetched, and what is known about it
//         content, record
//     <hub dir>/hubcell/checkpoints/<name>       what is known about <hub dir>/checkpoints/<name>, if we fetched it
//     <hub dir>/hubcell/locks/<url or path>      held while a worker's file, or one to that path, is downloaded
//     <hub dir>/hubcell/grants/<worker>/         links to what one worker may read, gone with it
//
// Everything is made under a name that begins with kTemporaryPrefix, in the folder where it belongs, and
// put in place by rename; the entry of the index comes last. So whatever has its own name is whole, and a
// reader needs no lock. What a killed fetcher left under a temporary name, the next one removes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace hubcell::source {

inline constexpr const char* kTemporaryPrefix = ".new-";
// The index' name for "no ref given", and the one ref that means the same.
inline constexpr const char* kDefaultRef = "HEAD";

class RepositoryFolder {
 public:
  RepositoryFolder(const std::filesystem::path& cache_root, const std::string& url);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path lock_file() const { return path_ / "lock"; }
  std::filesystem::path mirror() const { return path_ / "mirror.git"; }
  std::filesystem::path checkouts() const { return path_ / "checkouts"; }
  std::filesystem::path checkout(const std::string& commit) const { return checkouts() / commit; }
  std::filesystem::path manifests() const { return path_ / "manifests"; }
  std::filesystem::path manifest(const std::string& commit) const { return manifests() / commit; }
  std::filesystem::path bytecodes() const { return path_ / "bytecode"; }
  std::filesystem::path bytecode(const std::string& commit) const { return bytecodes() / commit; }
  std::filesystem::path index() const { return path_ / "index"; }
  std::filesystem::path public_mark() const { return path_ / "public"; }
  std::filesystem::path index_entry(const std::optional<std::string>& ref) const;

 private:
  std::filesystem::path path_;
};

// RepositoryFolder::bytecode, by the commit's checkout.
std::filesystem::path bytecode_beside(const std::filesystem::path& checkout);

// A worker's file, named after its URL.
class BlobFolder {
 public:
  BlobFolder(const std::filesystem::path& cache_root, const std::string& url);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path content() const { return path_ / "content"; }
  std::filesystem::path record() const { return path_ / "record"; }

 private:
  std::filesystem::path path_;
};

// torch.hub's folder of downloaded files, and what we know about one of them.
std::filesystem::path checkpoints_folder(const std::filesystem::path& cache_root);
std::filesystem::path checkpoint_record(const std::filesystem::path& cache_root, const std::string& name);
// The lock of what is downloaded: of a URL, or to a path.
std::filesystem::path lock_of(const std::filesystem::path& cache_root, const std::string& what);
std::filesystem::path grants_folder(const std::filesystem::path& cache_root);

// What is known about a downloaded file.
struct FileRecord {
  std::string url = {};
  std::string sha256 = {};  // 64 hexadecimal digits
  std::uint64_t bytes = 0;

  std::string to_text() const;
  // Empty where `text` is no record.
  static std::optional<FileRecord> from_text(const std::string& text);
};

// What stands in a file of the index.
struct IndexEntry {
  std::string ref;     // for people: as it was asked for, or the default branch's name
  std::string commit;  // 40 hexadecimal digits

  std::string to_text() const;
  // Empty where `text` is no entry.
  static std::optional<IndexEntry> from_text(const std::string& text);
};

// `text` as a relative path of letters, digits and "-._+=~" only: '/' becomes '_', ':' becomes '+', other
// bytes become '=' and two digits. Texts that differ have paths that differ, and none lies below another's;
// one too long for a file name continues in a folder, whose name ends with '~'.
std::filesystem::path path_of_text(const std::string& text);
// The text that has this path.
std::string text_of_path(const std::filesystem::path& path);

}  // namespace hubcell::source
