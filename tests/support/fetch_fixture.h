// The real hubcell-fetch on repositories that git makes in a temporary folder.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include <hubcell/error.h>

#include "shared/posix/message_socket.h"
#include "shared/posix/process.h"
#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/files.h"
#include "supervisor/source/cache.h"
#include "supervisor/source/cache_layout.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::fetch {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline constexpr auto kDeadline = 60s;

inline std::vector<std::string> test_environment() {
  std::vector<std::string> environment{
      "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a",
      "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@localhost",
      "HOME=/nonexistent", "LC_ALL=C",
      // Git waits for the disk after every object otherwise.
      "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.fsync", "GIT_CONFIG_VALUE_0=none"};
  for (const char* name : {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"}) {
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

// Runs git and returns what it printed, without the last line's end.
inline std::string git(const fs::path& folder, const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const posix::UniqueFd read_end(ends[0]);
  posix::UniqueFd write_end(ends[1]);
  posix::ChildProcess child = posix::spawn({.program = HUBCELL_TEST_GIT,
                                            .arguments = arguments,
                                            .environment = test_environment(),
                                            .directory = folder,
                                            .descriptors = {},
                                            .standard_output = write_end.get()});
  write_end.reset();
  std::string printed;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;)
    printed.append(buffer.data(), static_cast<std::size_t>(count));
  const posix::ExitStatus status = child.wait();
  EXPECT_EQ(status.exit_code, 0) << "git " << arguments.front() << " " << posix::describe(status);
  while (printed.ends_with('\n'))
    printed.pop_back();
  return printed;
}

// A running hubcell-fetch.
class Fetcher {
 public:
  explicit Fetcher(const wire::FetchJob& job) {
    auto [ours, theirs] = posix::make_message_socket_pair();
    child_ = posix::spawn({.program = HUBCELL_FETCH,
                           .arguments = {},
                           .environment = test_environment(),
                           .directory = "/",
                           .descriptors = {theirs.get()},
                           .die_with_parent = true});
    socket_ = std::move(ours);
    posix::send_message(socket_.get(), wire::encode(job), {});
  }

  // Empty when it has closed its end.
  std::optional<wire::FetchEvent> next_event() {
    if (!posix::wait_readable(socket_.get(), kDeadline)) {
      ADD_FAILURE() << "nothing came from hubcell-fetch";
      return std::nullopt;
    }
    const auto message = posix::receive_message(socket_.get());
    if (!message || message->bytes.empty()) return std::nullopt;
    return wire::decode<wire::FetchEvent>(message->bytes);
  }

  wire::FetchResult result() {
    while (const auto event = next_event()) {
      if (!event->result) continue;
      EXPECT_EQ(child_.wait().exit_code, 0);
      return *event->result;
    }
    ADD_FAILURE() << "hubcell-fetch " << posix::describe(child_.wait()) << " without a result";
    return {};
  }

  void kill() {
    child_.kill(SIGKILL);
    child_.wait();
  }

 private:
  posix::ChildProcess child_;
  posix::UniqueFd socket_;
};

class Fetch : public testing::Test {
 protected:
  Fetch() {
    fs::create_directory(remote());
    git(remote(), {"init", "--quiet", "--initial-branch=trunk"});
    write("hubconf.py", "VERSION = 1\n");
    first_ = commit("first");
  }

  fs::path remote() const { return folder_.path() / "remote"; }
  fs::path cache() const { return folder_.path() / "cache"; }
  std::string url() const { return "file://" + remote().string(); }
  source::RepositoryFolder place() const { return {cache(), url()}; }

  void write(const std::string& name, const std::string& content) const {
    folder_.write("remote/" + name, content);
  }
  std::string commit(const std::string& message) const {
    git(remote(), {"add", "--all"});
    git(remote(), {"commit", "--quiet", "--allow-empty", "--message", message});
    return git(remote(), {"rev-parse", "HEAD"});
  }
  // A branch with one commit of its own; leaves trunk checked out.
  std::string branch(const std::string& name) const {
    git(remote(), {"checkout", "--quiet", "-b", name});
    write("hubconf.py", "VERSION = '" + name + "'\n");
    std::string made = commit(name);
    git(remote(), {"checkout", "--quiet", "trunk"});
    return made;
  }

  wire::FetchJob job(const std::optional<std::string>& ref) const {
    return {.cache_root = cache(),
            .commit = wire::CommitJob{.url = url(), .name = "the/remote", .ref = ref, .grant = {}},
            .file = std::nullopt,
            .blob = std::nullopt};
  }
  wire::FetchResult run(const std::optional<std::string>& ref = std::nullopt) const {
    return Fetcher(job(ref)).result();
  }
  wire::FetchResult succeed(const std::optional<std::string>& ref = std::nullopt) const {
    wire::FetchResult result = run(ref);
    EXPECT_TRUE(result.commit) << result.error_message;
    const wire::FetchedCommit fetched = result.commit.value_or(wire::FetchedCommit{});
    EXPECT_TRUE(fs::is_regular_file(fs::path(fetched.checkout) / "hubconf.py")) << fetched.checkout;
    const auto cached = source::find_cached(cache(), url(), ref);
    EXPECT_TRUE(cached && cached->commit == fetched.commit && cached->ref == fetched.ref &&
                cached->folder == fetched.checkout);
    return result;
  }
  // The message of a fetch that must fail, and must have left nothing to be found.
  std::string refusal(const std::optional<std::string>& ref = std::nullopt) const {
    return refusal_of(job(ref));
  }
  std::string refusal_of(const wire::FetchJob& wrong) const {
    const wire::FetchResult result = Fetcher(wrong).result();
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.error_code, ErrorCode::Source) << result.error_message;
    EXPECT_EQ(result.error_message.find('\n'), std::string::npos);
    EXPECT_FALSE(source::find_cached(cache(), wrong.commit->url, wrong.commit->ref));
    return result.error_message;
  }

  // Everything in the cache that has a name which only unfinished things have.
  std::vector<std::string> unfinished() const {
    std::vector<std::string> found;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(cache())) {
      const std::string name = entry.path().filename();
      if (name.starts_with(source::kTemporaryPrefix) || name.starts_with("pack_git2") ||
          name.ends_with(".lock"))
        found.push_back(entry.path());
    }
    return found;
  }

  tests::TemporaryFolder folder_;
  std::string first_;
};

inline std::string content_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline testing::AssertionResult says(const std::string& message, const std::string& words) {
  if (message.find(words) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << message << "' does not say '" << words << "'";
}

}  // namespace hubcell::fetch
