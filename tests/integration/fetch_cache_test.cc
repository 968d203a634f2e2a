// What a fetch leaves in the cache: whole, read-only, shared, and nothing outside of it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <initializer_list>
#include <set>
#include <thread>

#include "shared/posix/landlock.h"
#include "supervisor/fetch/confinement.h"
#include "tests/support/fetch_fixture.h"

namespace hubcell::fetch {
namespace {

TEST_F(Fetch, ACheckoutIsReadOnlyAndKeepsExecutablesAndLinks) {
  write("scripts/run.sh", "#!/bin/sh\n");
  fs::permissions(remote() / "scripts/run.sh", fs::perms::owner_exec, fs::perm_options::add);
  fs::create_symlink("scripts/run.sh", remote() / "link");
  fs::create_symlink("/nonexistent", remote() / "dangling");
  commit("files");
  const fs::path checkout = succeed().commit->checkout;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(checkout)) {
    if (entry.is_symlink()) continue;
    EXPECT_EQ(entry.status().permissions() & fs::perms(0222), fs::perms::none) << entry.path();
  }
  EXPECT_EQ(fs::status(checkout).permissions() & fs::perms(0222), fs::perms::none);
  EXPECT_NE(fs::status(checkout / "scripts/run.sh").permissions() & fs::perms::owner_exec, fs::perms::none);
  EXPECT_EQ(fs::status(checkout / "hubconf.py").permissions() & fs::perms::owner_exec, fs::perms::none);
  EXPECT_EQ(fs::read_symlink(checkout / "link"), "scripts/run.sh");
  EXPECT_EQ(fs::read_symlink(checkout / "dangling"), "/nonexistent");
  EXPECT_FALSE(fs::exists(checkout / ".git"));
}

TEST_F(Fetch, WhatWasFetchedIsFoundWithoutTheRemoteAndInAReadOnlyCache) {
  git(remote(), {"tag", "v1"});
  succeed();
  succeed("v1");
  remove_tree(remote());
  for (const auto& ref :
       std::vector<std::optional<std::string>>{std::nullopt, "trunk", "v1", first_, first_.substr(0, 7)}) {
    const auto cached = source::find_cached(cache(), url(), ref);
    ASSERT_TRUE(cached) << ref.value_or("no ref");
    EXPECT_EQ(cached->commit, first_);
    EXPECT_TRUE(fs::exists(fs::path(cached->folder) / "hubconf.py"));
  }
  make_read_only(cache());
  EXPECT_TRUE(source::find_cached(cache(), url(), "v1"));
}

TEST_F(Fetch, AMovedBranchIsFetchedAgainBesideItsOldCheckout) {
  const wire::FetchResult before = succeed();
  write("hubconf.py", "VERSION = 2\n");
  const std::string moved = commit("moved");
  const wire::FetchResult after = succeed();
  EXPECT_EQ(after.commit->commit, moved);
  EXPECT_EQ(content_of(fs::path(before.commit->checkout) / "hubconf.py"), "VERSION = 1\n");
  EXPECT_EQ(content_of(fs::path(after.commit->checkout) / "hubconf.py"), "VERSION = 2\n");
}

TEST_F(Fetch, TwoFetchesOfOneCommitAtOnceShareACheckout) {
  for (int i = 0; i < 200; ++i)
    write("files/" + std::to_string(i), std::string(static_cast<std::size_t>(i) * 10, 'x'));
  const std::string large = commit("files");
  Fetcher one(job(std::nullopt));
  Fetcher two(job("trunk"));
  const wire::FetchResult first = one.result();
  const wire::FetchResult second = two.result();
  EXPECT_TRUE(first.ok()) << first.error_message;
  EXPECT_TRUE(second.ok()) << second.error_message;
  EXPECT_EQ(first.commit->commit, large);
  EXPECT_EQ(first.commit->checkout, second.commit->checkout);
  EXPECT_TRUE(unfinished().empty());
}

TEST_F(Fetch, AFetchWaitsForTheOneThatHasTheLockAndSaysSo) {
  succeed();
  const int lock = ::open(place().lock_file().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(lock, 0);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(lock, F_SETLK, &whole), 0);
  Fetcher waiting(job(std::nullopt));
  const auto event = waiting.next_event();
  ASSERT_TRUE(event && event->progress);
  EXPECT_EQ(event->progress->what, "wait for another fetch of the/remote");
  ::close(lock);
  EXPECT_TRUE(waiting.result().ok());
}

TEST_F(Fetch, AFetchThatIsKilledAtAnyMomentLeavesTheCacheWhole) {
  std::set<std::string> names{"hubconf.py"};
  for (int i = 0; i < 300; ++i) {
    write("part" + std::to_string(i), std::string(1000, static_cast<char>('a' + i % 26)) + std::to_string(i));
    names.insert("part" + std::to_string(i));
  }
  const std::string large = commit("many files");
  bool finished = false;
  for (int events = 1; !finished; ++events) {
    ASSERT_LT(events, 1000);
    remove_tree(place().checkouts());
    remove_tree(place().index());
    if (events % 2 == 0) remove_tree(place().mirror());
    Fetcher fetcher(job(std::nullopt));
    for (int i = 0; i < events && !finished; ++i) {
      const auto event = fetcher.next_event();
      ASSERT_TRUE(event);
      finished = event->result.has_value();
    }
    fetcher.kill();
    for (const auto& ref : std::vector<std::optional<std::string>>{std::nullopt, "trunk", large}) {
      const auto cached = source::find_cached(cache(), url(), ref);
      if (!cached) continue;
      std::set<std::string> found;
      for (const fs::directory_entry& entry : fs::directory_iterator(cached->folder))
        found.insert(entry.path().filename());
      EXPECT_EQ(found, names) << "killed after event " << events;
    }
  }
  EXPECT_EQ(succeed().commit->commit, large);
  EXPECT_EQ(unfinished(), std::vector<std::string>{});
}

TEST_F(Fetch, WhatAKilledFetchLeftIsRemovedAndABrokenMirrorMadeAnew) {
  succeed();
  const std::string moved = commit("moved");
  const fs::path left = place().checkouts() / ".new-1";
  fs::create_directories(left / "folder");
  std::ofstream(left / "folder" / "file") << "half";
  make_read_only(left);
  fs::create_directories(place().path() / ".new-2" / "objects");
  std::ofstream(place().index() / ".new-3") << "half";
  std::ofstream(place().mirror() / "objects/pack/pack_git2_1234") << "half";
  std::ofstream(place().mirror() / "objects/pack/pack-1234.idx") << "";
  fs::remove(place().mirror() / "HEAD");
  EXPECT_EQ(succeed().commit->commit, moved);
  EXPECT_EQ(unfinished(), std::vector<std::string>{});
}

// A tree as git itself would never write it: lines of mode, name and object.
std::string write_tree(const fs::path& repository, const fs::path& scratch,
                       const std::vector<std::array<std::string, 3>>& entries) {
  std::string bytes;
  for (const auto& [mode, name, id] : entries) {
    bytes += mode + " " + name + '\0';
    for (std::size_t i = 0; i < id.size(); i += 2)
      bytes += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
  }
  std::ofstream(scratch, std::ios::binary) << bytes;
  return git(repository, {"hash-object", "-t", "tree", "-w", "--literally", scratch});
}

TEST_F(Fetch, PathsThatLeadOutOfTheCheckoutAreRefused) {
  const fs::path scratch = folder_.path() / "tree";
  const std::string hubconf = git(remote(), {"rev-parse", "HEAD:hubconf.py"});
  std::ofstream(folder_.path() / "target") << (folder_.path() / "outside").string();
  const std::string target = git(remote(), {"hash-object", "-w", (folder_.path() / "target").string()});
  fs::create_directory(folder_.path() / "outside");
  const std::string evil = write_tree(remote(), scratch, {{"100644", "evil.py", hubconf}});
  const std::array<std::string, 3> entry{"100644", "hubconf.py", hubconf};
  const std::vector<std::vector<std::array<std::string, 3>>> trees{
      {{"40000", "..", evil}, entry},
      {{"40000", ".git", evil}, entry},
      {{"40000", ".GIT", evil}, entry},
      {{"100644", "../evil.py", hubconf}, entry},
      {{"100644", "a/../../evil.py", hubconf}, entry},
      {{"120000", "a", target}, {"40000", "a", evil}, entry},
  };
  for (const auto& entries : trees) {
    const std::string tree = write_tree(remote(), scratch, entries);
    const std::string hostile = git(remote(), {"commit-tree", "-m", "hostile", tree});
    git(remote(), {"update-ref", "refs/heads/hostile", hostile});
    const wire::FetchResult result = run("hostile");
    EXPECT_FALSE(result.ok()) << entries.front()[1];
    EXPECT_FALSE(source::find_cached(cache(), url(), "hostile"));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path() / "outside"));
  EXPECT_EQ(unfinished(), std::vector<std::string>{}) << "what failed is removed at once";
  for (const fs::directory_entry& found : fs::recursive_directory_iterator(folder_.path())) {
    EXPECT_NE(found.path().filename(), "evil.py") << found.path();
  }
}

TEST_F(Fetch, SubmodulesStayEmptyFolders) {
  git(remote(), {"update-index", "--add", "--cacheinfo", "160000," + first_ + ",sub"});
  write(".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = " + url() + "\n");
  git(remote(), {"add", ".gitmodules"});
  git(remote(), {"commit", "--quiet", "--message", "submodule"});
  const fs::path checkout = succeed().commit->checkout;
  EXPECT_TRUE(fs::is_directory(checkout / "sub"));
  EXPECT_TRUE(fs::is_empty(checkout / "sub"));
  EXPECT_FALSE(fs::exists(checkout / ".git"));
}

TEST_F(Fetch, ClonesOfEveryKindAreRemotes) {
  const std::string second = commit("second");
  const std::vector<std::pair<std::string, std::vector<std::string>>> clones{
      {"bare.git", {"clone", "--quiet", "--mirror", remote(), "bare.git"}},
      {"shallow", {"clone", "--quiet", "--depth=1", url(), "shallow"}},
      {"shared", {"clone", "--quiet", "--shared", remote(), "shared"}},
      {"with space, 100%", {"clone", "--quiet", remote(), "with space, 100%"}},
      {"tree", {"-C", remote(), "worktree", "add", "--quiet", "--detach", folder_.path() / "tree"}},
  };
  for (const auto& [name, arguments] : clones) {
    git(folder_.path(), arguments);
    wire::FetchJob clone = job(std::nullopt);
    clone.commit->url = "file://" + (folder_.path() / name).string();
    const wire::FetchResult result = Fetcher(clone).result();
    EXPECT_TRUE(result.ok()) << name << ": " << result.error_message;
    EXPECT_EQ(result.commit->commit, second) << name;
  }
  wire::FetchJob old = job(first_);
  old.commit->url = "file://" + (folder_.path() / "shallow").string();
  EXPECT_TRUE(says(refusal_of(old), "contains the commit")) << "a shallow clone does not have it";
}

TEST_F(Fetch, VeryLongRefsHaveAPlaceInTheIndex) {
  const std::string name = std::string(150, 'a') + "/" + std::string(100, 'b');
  const std::string long_branch = branch(name);
  EXPECT_EQ(succeed(name).commit->commit, long_branch);
}

// Runs `attempt` in a child, confined as a fetcher is where `confined` says so; what it returned.
bool attempt_in_child(bool confined, const fs::path& cache, const fs::path& remote,
                      const std::function<bool()>& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (confined) confine({.readable = {remote}, .writable = {cache}});
    ::_exit(attempt() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(Fetch, ConfinementLeavesTheCacheAndTheRemote) {
  if (posix::landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  fs::create_directory(cache());
  const fs::path outside = folder_.write("outside", "secret");
  const auto opens = [](const fs::path& path, int flags) {
    return [path, flags] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666) >= 0; };
  };
  const auto connects = [] {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Nobody listens: without confinement the attempt is made, and refused by the other side.
    return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 || errno != EACCES;
  };
  std::vector<std::function<bool()>> forbidden{opens(outside, O_RDONLY), opens(outside, O_WRONLY),
                                               opens(remote() / "hubconf.py", O_WRONLY),
                                               opens(remote() / "new", O_WRONLY | O_CREAT)};
  if (posix::landlock_abi() >= 4) forbidden.emplace_back(connects);
  for (std::size_t i = 0; i < forbidden.size(); ++i) {
    EXPECT_FALSE(attempt_in_child(true, cache(), remote(), forbidden[i])) << "attempt " << i;
    EXPECT_TRUE(attempt_in_child(false, cache(), remote(), forbidden[i])) << "attempt " << i;
  }
  EXPECT_TRUE(attempt_in_child(true, cache(), remote(), opens(remote() / "hubconf.py", O_RDONLY)));
  EXPECT_TRUE(attempt_in_child(true, cache(), remote(), opens(cache() / "new", O_WRONLY | O_CREAT)));
}

TEST_F(Fetch, ConfinedNothingIsStartedButThreads) {
#ifdef HUBCELL_SANITIZED
  GTEST_SKIP() << "a sanitizer ends by a process that traces this one";
#endif
  fs::create_directory(cache());
  const auto forks = [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    return child > 0;
  };
  const auto runs_a_program = [] { return ::execl("/bin/true", "true", nullptr) == 0; };
  const auto signals_its_parent = [] { return ::kill(::getppid(), 0) == 0; };
  for (const std::function<bool()>& forbidden :
       std::initializer_list<std::function<bool()>>{forks, runs_a_program, signals_its_parent}) {
    EXPECT_FALSE(attempt_in_child(true, cache(), remote(), forbidden));
    EXPECT_TRUE(attempt_in_child(false, cache(), remote(), forbidden));
  }
  EXPECT_TRUE(attempt_in_child(true, cache(), remote(), [] {
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    return ran;
  }));
}

}  // namespace
}  // namespace hubcell::fetch
