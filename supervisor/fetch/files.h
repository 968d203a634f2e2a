// Folders and files of the cache: made under a temporary name, put in place by rename.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hubcell::fetch {

// A name in `folder` of something that is renamed there once it is whole. Removes what has the name in the
// end.
class Temporary {
 public:
  explicit Temporary(const std::filesystem::path& folder);
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// mkdir -p. Throws Error(System) that says what to do.
void make_folders(const std::filesystem::path& folder);

// Takes the right to write from everything below `folder` and from itself; executable files stay executable,
// links are left alone. Writes it all to disk first.
void make_read_only(const std::filesystem::path& folder);

// The content of a small file; empty where it cannot be read.
std::string read_whole_file(const std::filesystem::path& file);

// write(2), all of it. `attempt` is what an error says.
void write_all(int file, std::string_view content, const std::string& attempt);

// Removes `path` and everything below it, read-only folders too. Nothing happens where it does not exist.
void remove_tree(const std::filesystem::path& path);

// Removes what a killed fetcher left in `folder` under temporary names.
void remove_temporaries(const std::filesystem::path& folder);

// Renames; a folder that is there already under the name `to` must be empty or missing.
void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to);

// Writes a small file, at `folder` / `name`, so that a reader sees the old content or the new one, whole.
// `name` may have folders in it, which are made; the temporary file lies in `folder`.
void write_whole_file(const std::filesystem::path& folder, const std::filesystem::path& name,
                      const std::string& content);

}  // namespace hubcell::fetch
