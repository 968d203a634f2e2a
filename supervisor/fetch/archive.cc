#include "supervisor/fetch/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/files.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBytesMax = std::uint64_t{16} << 30;
constexpr std::size_t kEntriesMax = 500'000;
// gzip itself reaches 1,032; what is small may be all zeros.
constexpr std::uint64_t kRatioMax = 1000;
constexpr std::uint64_t kRatioFree = std::uint64_t{64} << 20;
constexpr std::size_t kPathBytesMax = 4096;
constexpr std::size_t kReadBytes = std::size_t{1} << 17;

struct FreeArchive {
  void operator()(archive* opened) const { ::archive_read_free(opened); }
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Source, "unpack the archive: " + why);
}

// Without the first part. Empty for that part itself.
fs::path checked_path(const char* text) {
  if (text == nullptr || *text == '\0' || std::string_view(text).size() > kPathBytesMax)
    refuse("a name is missing or too long");
  const fs::path whole(text);
  if (whole.is_absolute()) refuse("a path leads out of it: " + source::in_quotes(text));
  fs::path inside;
  bool is_first = true;
  for (const fs::path& part : whole) {
    if (part == "..") refuse("a path leads out of it: " + source::in_quotes(text));
    if (part.empty() || part == ".") continue;
    if (!is_first && source::lower_case(part.native()) == ".git")
      refuse("a path has .git in it: " + source::in_quotes(text));
    if (!is_first) inside /= part;
    is_first = false;
  }
  return inside;
}

// Whether a link at `place` that says `target` stays inside, by the text alone.
bool stays_inside(const fs::path& place, const fs::path& target) {
  if (target.empty() || target.is_absolute()) return false;
  const fs::path end = (place.parent_path() / target).lexically_normal();
  return end.empty() || *end.begin() != "..";
}

class Unpacking {
 public:
  Unpacking(const ReadBytes& read, fs::path folder)
      : read_(read),
        folder_(std::move(folder)),
        archive_(::archive_read_new()),
        buffer_(kReadBytes),
        content_(kReadBytes) {
    if (!archive_) refuse("no memory");
    ::archive_read_support_filter_gzip(archive_.get());
    ::archive_read_support_format_tar(archive_.get());
    check(::archive_read_open(archive_.get(), this, nullptr, &Unpacking::more, nullptr));
  }

  void run() {
    for (std::size_t count = 0;;) {
      archive_entry* entry = nullptr;
      const int outcome = ::archive_read_next_header(archive_.get(), &entry);
      if (outcome == ARCHIVE_EOF) break;
      check(outcome);
      if (++count > kEntriesMax) refuse("it has more than " + std::to_string(kEntriesMax) + " entries");
      take(entry);
    }
    // After everything else: no path goes through one.
    for (const auto& [place, target] : links_)
      posix::checked(::symlink(target.c_str(), (folder_ / place).c_str()), "make the link " + place.string());
    const fs::path root = fs::canonical(folder_);
    for (const auto& [place, target] : links_) {
      const fs::path inside = fs::weakly_canonical(root / place).lexically_relative(root);
      if (inside.empty() || *inside.begin() == "..")
        refuse("links lead out of it: " + source::in_quotes(place.native()));
    }
  }

 private:
  static la_ssize_t more(archive*, void* self, const void** bytes) {
    auto& unpacking = *static_cast<Unpacking*>(self);
    try {
      const std::size_t count = unpacking.read_(unpacking.buffer_);
      unpacking.read_bytes_ += count;
      *bytes = unpacking.buffer_.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {  // libarchive is C
      unpacking.failure_ = std::current_exception();
      return ARCHIVE_FATAL;
    }
  }

  void check(int outcome) {
    if (failure_) std::rethrow_exception(failure_);
    if (outcome == ARCHIVE_OK || outcome == ARCHIVE_WARN) return;
    const char* why = ::archive_error_string(archive_.get());
    refuse(why == nullptr ? "it is damaged" : source::printable(why));
  }

  void take(archive_entry* entry) {
    const fs::path place = checked_path(::archive_entry_pathname(entry));
    if (::archive_entry_hardlink(entry) != nullptr)
      refuse("it has a hard link: " + source::in_quotes(place.native()));
    switch (::archive_entry_filetype(entry)) {
      case AE_IFDIR:
        fs::create_directories(folder_ / place);
        return;
      case AE_IFREG:
        if (place.empty()) refuse("it has a file in the place of its folder");
        return write_file(place, (::archive_entry_perm(entry) & S_IXUSR) != 0);
      case AE_IFLNK: {
        const char* target = ::archive_entry_symlink(entry);
        if (target == nullptr || !stays_inside(place, target))
          refuse("a link leads out of it: " + source::in_quotes(place.native()));
        fs::create_directories((folder_ / place).parent_path());
        links_.emplace_back(place, target);
        return;
      }
      default:
        refuse("it has something that is no file, folder or link: " + source::in_quotes(place.native()));
    }
  }

  void write_file(const fs::path& place, bool is_executable) {
    const fs::path file = folder_ / place;
    fs::create_directories(file.parent_path());
    const posix::UniqueFd opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                        is_executable ? 0777 : 0666));
    if (!opened)
      refuse("write " + source::in_quotes(place.native()) + ": " + std::generic_category().message(errno));
    for (;;) {
      const la_ssize_t count = ::archive_read_data(archive_.get(), content_.data(), content_.size());
      if (count < 0) check(static_cast<int>(count));
      if (count <= 0) return;
      written_ += static_cast<std::uint64_t>(count);
      if (written_ > kBytesMax) refuse("it has more than " + std::to_string(kBytesMax >> 30U) + " GiB");
      if (written_ > kRatioFree && written_ / kRatioMax > read_bytes_)
        refuse("it is a bomb: little that becomes very much");
      const std::string_view bytes(content_.data(), static_cast<std::size_t>(count));
      write_all(opened.get(), bytes, "write " + file.string());
    }
  }

  const ReadBytes& read_;
  const fs::path folder_;
  std::unique_ptr<archive, FreeArchive> archive_;
  std::vector<std::byte> buffer_;
  std::vector<char> content_;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t written_ = 0;
  std::vector<std::pair<fs::path, fs::path>> links_;
  std::exception_ptr failure_;
};

}  // namespace

void unpack_archive(const ReadBytes& read, const fs::path& folder) {
  try {
    Unpacking(read, folder).run();
  } catch (const fs::filesystem_error& failure) {
    refuse(failure.code().message());
  }
}

}  // namespace hubcell::fetch
