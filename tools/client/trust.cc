#include "tools/client/trust.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"

namespace hubcell::client {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTrustedOwners{"facebookresearch", "facebookincubator", "pytorch", "fairinternal"};
constexpr std::string_view kSuffix = ".git";

bool is_word(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !text.empty() && text.find_first_not_of(kLetters) == std::string_view::npos;
}

// The content, under a lock: half a line may be another repository's name.
class LockedList {
 public:
  LockedList(const std::string& path, int flags)
      : path_(path), file_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (file_)
      posix::checked(::flock(file_.get(), (flags & O_RDWR) != 0 ? LOCK_EX : LOCK_SH), "lock " + path);
  }
  explicit operator bool() const { return static_cast<bool>(file_); }

  std::string read() const {
    std::string content;
    std::array<char, 4096> part{};
    for (ssize_t count = 0;
         (count = ::pread(file_.get(), part.data(), part.size(), static_cast<off_t>(content.size()))) != 0;) {
      if (count < 0 && errno == EINTR) continue;
      content.append(part.data(), static_cast<std::size_t>(posix::checked(count, "read " + path_)));
    }
    return content;
  }
  // In place: others wait for the lock of this very file.
  void replace(const std::string& content) const {
    for (std::size_t place = 0; place < content.size();) {
      const ssize_t count =
          ::pwrite(file_.get(), content.data() + place, content.size() - place, static_cast<off_t>(place));
      if (count < 0 && errno == EINTR) continue;
      place += static_cast<std::size_t>(posix::checked(count, "write " + path_));
    }
    posix::checked(::ftruncate(file_.get(), static_cast<off_t>(content.size())), "write " + path_);
  }

 private:
  const std::string path_;
  posix::UniqueFd file_;
};

std::string stripped(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(" \t\r"), end = line.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
}

std::set<std::string> lines_of(const std::string& content) {
  std::set<std::string> lines;
  std::istringstream stream(content);
  for (std::string line; std::getline(stream, line);)
    if (const std::string text = stripped(line); !text.empty()) lines.insert(text);
  return lines;
}

// Of a list that cannot be read: none, so that the caller is asked.
std::set<std::string> read_lines(const std::string& path) {
  try {
    const LockedList list(path, O_RDONLY);
    if (list) return lines_of(list.read());
  } catch (const Error& unreadable) {
    log::debug(unreadable.what());
  }
  return {};
}

void add_line(const std::string& path, const std::string& line) {
  fs::create_directories(fs::path(path).parent_path());
  const LockedList list(path, O_RDWR | O_CREAT);
  if (!list) posix::throw_errno("write " + path);
  std::string content = list.read();
  if (lines_of(content).contains(line)) return;
  if (!content.empty() && !content.ends_with('\n')) content += '\n';
  list.replace(content + line + "\n");
}

bool remove_line(const std::string& path, const std::string& line) {
  const LockedList list(path, O_RDWR);
  if (!list) {
    if (errno == ENOENT) return false;
    posix::throw_errno("write " + path);
  }
  std::string kept;
  bool was_there = false;
  std::istringstream stream(list.read());
  for (std::string text; std::getline(stream, text);) {
    const bool is_it = stripped(text) == line;
    was_there = was_there || is_it;
    if (!is_it) kept += text + "\n";
  }
  if (was_there) list.replace(kept);
  return was_there;
}

bool is_readable_in_one_way(const std::string& torch_line) {
  return std::ranges::count(torch_line, '_') == 1;
}

}  // namespace

std::optional<GithubName> github_name(const std::string& repository) {
  // What the supervisor takes for owner/name, with a ref behind ':' or '@'.
  const std::size_t end = std::min(repository.find_first_of(":@"), repository.size());
  const std::size_t slash = repository.find('/');
  if (repository.starts_with('.') || slash >= end || end + 1 == repository.size()) return std::nullopt;
  GithubName found{.owner = repository.substr(0, slash),
                   .name = repository.substr(slash + 1, end - slash - 1),
                   .ref = repository.substr(std::min(end + 1, repository.size()))};
  if (found.name.size() > kSuffix.size() && found.name.ends_with(kSuffix))
    found.name.resize(found.name.size() - kSuffix.size());
  if (!is_word(found.owner) || !is_word(found.name) || found.name == "." || found.name == "..")
    return std::nullopt;
  return found;
}

TrustList::TrustList(std::string hub_folder)
    : hub_folder_(std::move(hub_folder)),
      our_file_(hub_folder_ + "/hubcell/trusted"),
      torch_file_(hub_folder_ + "/trusted_list") {}

bool TrustList::trusts(const GithubName& repository) const {
  return std::ranges::find(kTrustedOwners, repository.owner) != kTrustedOwners.end() ||
         read_lines(our_file_).contains(repository.line()) ||
         (is_readable_in_one_way(repository.torch_line()) &&
          read_lines(torch_file_).contains(repository.torch_line())) ||
         was_downloaded(repository);
}

// A folder of torch.hub's own, owner_name_ref. A link of that name is hubcell's.
bool TrustList::was_downloaded(const GithubName& repository) const {
  std::string ref = repository.ref;
  std::ranges::replace(ref, '/', '_');
  const std::vector<std::string> refs =
      ref.empty() ? std::vector<std::string>{"main", "master"} : std::vector{ref};
  return std::ranges::any_of(refs, [&](const std::string& one) {
    const std::string name = repository.torch_line() + "_" + one;
    std::error_code ignored;
    return std::ranges::count(name, '_') == 2 &&
           fs::is_directory(fs::symlink_status(fs::path(hub_folder_) / name, ignored));
  });
}

std::vector<std::string> TrustList::names() const {
  std::set<std::string> names = read_lines(our_file_);
  for (std::string line : read_lines(torch_file_)) {
    if (is_readable_in_one_way(line)) names.insert(line.replace(line.find('_'), 1, "/"));
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> TrustList::add(const GithubName& repository) const {
  std::vector<std::string> failures;
  for (const auto& [path, line] :
       {std::pair(our_file_, repository.line()), std::pair(torch_file_, repository.torch_line())}) {
    try {
      add_line(path, line);
    } catch (const fs::filesystem_error& failed) {
      failures.push_back(path + ": " + failed.code().message());
    } catch (const Error& failed) {
      failures.emplace_back(failed.what());
    }
  }
  return failures;
}

bool TrustList::remove(const GithubName& repository) const {
  const bool from_ours = remove_line(our_file_, repository.line());
  return remove_line(torch_file_, repository.torch_line()) || from_ours;
}

}  // namespace hubcell::client
