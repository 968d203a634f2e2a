// Stops a worker from even asking whether a file exists: all that it sees is a tree of its own, in memory and read-only, with
// the files and folders that it may read or write bound where they were. Its scratch folder is in memory too, of a bounded size;
// a part of it is its /dev/shm.
//
// The steps: each tree is cloned (open_tree), made read-only and without devices unless it has to be otherwise, and put into
// an empty file system, which then takes the place of the root. Symbolic links on the way to a path are made again, so that
// /bin/x is found where /bin leads to /usr/bin. What lies in a folder later is seen later: grants come that way.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <hubcell/error.h>

#include "shared/posix/unique_fd.h"
#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

constexpr const char* kAdvice = "needs Linux 5.12 or later and mount namespaces; a container may forbid them";
// Where the new tree is put for a moment. It is there, since /proc/self was read before.
constexpr const char* kMountPoint = "/proc";
constexpr int kLinksMax = 40;  // as the kernel follows
constexpr std::uint64_t kTreeBytes = 64 << 20;
constexpr std::uint64_t kBytesForAFile = 16 * 1024;  // as ext4 reckons

// What has to be in the new tree.
class Trees {
 public:
  void add(const std::string& path, bool writable) {
    std::string real;
    int links = 0;
    std::string rest = std::filesystem::path(path).lexically_normal();
    while (!rest.empty()) {
      const std::string part = take_part(rest);
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        real.resize(real.empty() ? 0 : real.rfind('/'));
        continue;
      }
      const std::string next = real + "/" + part;
      std::array<char, PATH_MAX> target{};
      const ssize_t size = ::readlink(next.c_str(), target.data(), target.size());
      if (size < 0) {
        real = next;
        continue;
      }
      if (++links > kLinksMax) return;
      const std::string leads_to(target.data(), static_cast<std::size_t>(size));
      links_[next] = leads_to;
      if (leads_to.starts_with('/')) real.clear();
      rest = leads_to + "/" + rest;
    }
    if (real.empty()) real = "/";
    bool& is_writable = trees_[real];
    is_writable = is_writable || writable;
  }

  // Whether `path`, or something below it, is among them.
  bool has_part_of(const std::string& path) const {
    const auto first = trees_.lower_bound(path);
    return first != trees_.end() && (first->first == path || first->first.starts_with(path + "/"));
  }
  // By path, and so what holds others before them: whether it is writable.
  const std::map<std::string, bool>& trees() const { return trees_; }
  const std::map<std::string, std::string>& links() const { return links_; }

  // Whether a tree above `path` has it already, no less writable.
  bool is_covered(const std::string& path, bool writable) const {
    for (std::size_t end = path.rfind('/'); end != std::string::npos && end > 0;
         end = path.rfind('/', end - 1)) {
      const auto above = trees_.find(path.substr(0, end));
      if (above != trees_.end()) return above->second || !writable;
    }
    return false;
  }

 private:
  static std::string take_part(std::string& rest) {
    const std::size_t end = rest.find('/');
    std::string part = rest.substr(0, end);
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
    return part;
  }

  std::map<std::string, bool> trees_;
  std::map<std::string, std::string> links_;
};

struct Clone {
  std::string path;
  bool is_folder;
  posix::UniqueFd tree;
};

// Empty where there is no such path for this process.
posix::UniqueFd clone_tree(const std::string& path, bool writable, bool is_device) {
  posix::UniqueFd tree(
      ::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return tree;
    refuse_layer("clone " + path + " for a tree of its own", kAdvice);
  }
  mount_attr attributes{};
  attributes.attr_set =
      MOUNT_ATTR_NOSUID | (writable ? 0U : MOUNT_ATTR_RDONLY) | (is_device ? 0U : MOUNT_ATTR_NODEV);
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0)
    refuse_layer("make " + path + " read-only", kAdvice);
  return tree;
}

std::vector<Clone> clone_all(const Trees& trees) {
  std::vector<Clone> clones;
  for (const auto& [path, writable] : trees.trees()) {
    struct stat status {};
    if (trees.is_covered(path, writable) || ::stat(path.c_str(), &status) != 0) continue;
    const bool is_device = S_ISCHR(status.st_mode);
    posix::UniqueFd tree = clone_tree(path, writable, is_device);
    if (tree) clones.push_back({.path = path, .is_folder = S_ISDIR(status.st_mode), .tree = std::move(tree)});
  }
  return clones;
}

// A file system in memory, mounted nowhere yet.
posix::UniqueFd make_file_system(std::uint64_t bytes, const char* mode) {
  const posix::UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  const auto set = [&](const char* key, const std::string& value) {
    return ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
  };
  if (!context || !set("mode", mode) || !set("size", std::to_string(bytes)) ||
      !set("nr_inodes", std::to_string(1 + bytes / kBytesForAFile)) ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    refuse_layer("make a file system in memory", kAdvice);
  }
  posix::UniqueFd made(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!made) refuse_layer("mount a file system in memory", kAdvice);
  return made;
}

// Until it has become the root it can be given up: the machine's files are seen as before.
class EmptyFileSystem {
 public:
  EmptyFileSystem();
  EmptyFileSystem(const EmptyFileSystem&) = delete;
  EmptyFileSystem& operator=(const EmptyFileSystem&) = delete;
  ~EmptyFileSystem() {
    if (root_ && !is_root_) ::umount2(kMountPoint, MNT_DETACH);
  }

  int get() const { return root_.get(); }
  void become_root();

 private:
  posix::UniqueFd root_;
  bool is_root_ = false;
};

EmptyFileSystem::EmptyFileSystem() {
  posix::UniqueFd root = make_file_system(kTreeBytes, "755");
  if (::move_mount(root.get(), "", AT_FDCWD, kMountPoint, MOVE_MOUNT_F_EMPTY_PATH) != 0)
    refuse_layer("mount a file system in memory", kAdvice);
  root_ = std::move(root);
}

// Relative to the new root. What is there already will do: a folder below another tree.
void make_folders_above(int root, const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string folder = path.substr(1, end - 1);
    if (::mkdirat(root, folder.c_str(), 0755) != 0 && errno != EEXIST)
      refuse_layer("make " + folder + " in a tree of its own", kAdvice);
  }
}

void put_in_place(int root, const Clone& clone) {
  make_folders_above(root, clone.path);
  const std::string place = clone.path.substr(1);
  if (clone.is_folder) {
    (void)::mkdirat(root, place.c_str(), 0755);
  } else {
    const posix::UniqueFd empty(::openat(root, place.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0644));
  }
  if (::move_mount(clone.tree.get(), "", root, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    refuse_layer("mount " + clone.path + " in a tree of its own", kAdvice);
}

void make_links(int root, const Trees& trees) {
  for (const auto& [path, target] : trees.links()) {
    if (trees.is_covered(path, false)) continue;
    make_folders_above(root, path);
    if (::symlinkat(target.c_str(), root, path.substr(1).c_str()) != 0 && errno != EEXIST)
      refuse_layer("make the link " + path + " in a tree of its own", kAdvice);
  }
}

// In a chroot, where the root is no mount, the old root stays mounted, and out of reach: a process without powers and open
// folders does not leave its root.
void EmptyFileSystem::become_root() {
  if (::fchdir(root_.get()) != 0) refuse_layer("go to a tree of its own", kAdvice);
  if (::syscall(SYS_pivot_root, ".", ".") == 0) {
    if (::umount2(".", MNT_DETACH) != 0) refuse_layer("let go of the machine's files", kAdvice);
  } else if (errno != EINVAL || ::chroot(".") != 0) {
    refuse_layer("make a tree of its own the root", kAdvice);
  }
  is_root_ = true;
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
  if (::mount_setattr(root_.get(), "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0)
    refuse_layer("make a tree of its own read-only", kAdvice);
}

// Over the folder that is there: nobody has the power to take it away again.
void mount_scratch(const Scratch& scratch, bool with_shared_memory) {
  const posix::UniqueFd made = make_file_system(scratch.bytes, "700");
  if (::move_mount(made.get(), "", AT_FDCWD, scratch.folder.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    refuse_layer("mount a scratch folder in memory", kAdvice);
  if (!with_shared_memory) return;
  const std::string shared = shared_memory_of(scratch);
  if (::mkdir(shared.c_str(), 0700) != 0) refuse_layer("make " + shared, kAdvice);
  const posix::UniqueFd part(::open_tree(AT_FDCWD, shared.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!part || (::move_mount(part.get(), "", AT_FDCWD, kSharedMemory, MOVE_MOUNT_F_EMPTY_PATH) != 0 &&
                errno != ENOENT))
    refuse_layer(std::string("mount ") + kSharedMemory, kAdvice);
}

// The files of `trees`, and nothing else, become the process's root. Returns how many trees they are.
std::size_t keep_only(const Trees& trees) {
  const std::vector<Clone> clones = clone_all(trees);
  EmptyFileSystem root;
  for (const Clone& clone : clones)
    put_in_place(root.get(), clone);
  make_links(root.get(), trees);
  // For mount_scratch; where the machine's /dev is seen, it may have none.
  (void)::mkdirat(root.get(), "dev", 0755);
  (void)::mkdirat(root.get(), kSharedMemory + 1, 0755);
  root.become_root();
  return clones.size();
}

Trees trees_of(const posix::LandlockPolicy& files) {
  Trees trees;
  trees.add("/proc/self", false);
  for (const std::string& path : files.readable)
    trees.add(path, false);
  for (const std::string& path : files.executable)
    trees.add(path, false);
  for (const std::string& path : files.writable)
    trees.add(path, true);
  return trees;
}

}  // namespace

std::string enter_own_tree(const posix::LandlockPolicy& files, const Scratch& scratch) {
  std::array<char, PATH_MAX> folder{};
  if (::getcwd(folder.data(), folder.size()) == nullptr) refuse_layer("find the working folder", kAdvice);
  if (::unshare(CLONE_NEWNS) != 0) refuse_layer("enter a mount namespace", kAdvice);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    refuse_layer("keep mounts to itself", kAdvice);
  const Trees trees = trees_of(files);
  std::string seen = "all of the machine's files are seen: its user lets it read them";
  if (!trees.trees().contains("/"))
    seen =
        "nothing to be seen but " + std::to_string(keep_only(trees)) + " of the machine's files and folders";
  // What its user lets it see of the machine's stays.
  if (!scratch.folder.empty()) mount_scratch(scratch, !trees.has_part_of(kSharedMemory));
  if (::chdir(folder.data()) != 0 && ::chdir("/") != 0)
    refuse_layer("go back to the working folder", kAdvice);
  return seen;
}

}  // namespace hubcell::sandbox
