// Fetchers that hang, lie and die: scripts in the place of hubcell-fetch, whose socket is descriptor 3.
#include "supervisor/process/fetcher.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/support/temporary_folder.h"

namespace hubcell::process {
namespace {

namespace fs = std::filesystem;

constexpr Milliseconds kLookEvery{500};

class Fetcher : public testing::Test {
 protected:
  // What the job ends with. The fetcher's pid is in pid().
  Error run(const std::string& script) {
    const fs::path program = folder_.path() / "fetcher";
    std::ofstream(program) << "#!/bin/sh\necho $$ > " << pid_file().string() << "\n" << script << "\n";
    fs::permissions(program, fs::perms::owner_all);
    asio::io_context loop;
    std::optional<Error> failure;
    asio::co_spawn(loop, take_failure(loop, program, failure), asio::detached);
    loop.run();
    return failure.value_or(Error(ErrorCode::Usage, "it did not fail"));
  }

  bool is_gone() const {
    std::int64_t pid = 0;
    std::ifstream(pid_file()) >> pid;
    EXPECT_NE(pid, 0);
    return !fs::exists("/proc/" + std::to_string(pid));
  }

 private:
  static Task<void> take_failure(asio::io_context& loop, std::string program, std::optional<Error>& failure) {
    wire::FetchJob job;
    job.file = wire::FileJob{.url = "https://h/f", .folder = "/nowhere", .name = "f"};
    const Environment environment({"PATH=/usr/bin:/bin"});
    try {
      co_await run_fetch(loop, std::move(program), std::move(job), environment, nullptr, kLookEvery);
    } catch (const Error& failed) {
      failure = failed;
    }
  }

  fs::path pid_file() const { return folder_.path() / "pid"; }

  tests::TemporaryFolder folder_;
};

TEST_F(Fetcher, IsEndedWhenItStandsStill) {
  const Error failure = run("exec sleep 600");
  EXPECT_EQ(failure.code(), ErrorCode::Source);
  EXPECT_STREQ(failure.what(), "fetch https://h/f: it did nothing for 2 s and was ended");
  EXPECT_TRUE(is_gone());
}

TEST_F(Fetcher, IsLeftAloneWhileItComputes) {
  // After longer than one that stands still gets.
  EXPECT_STREQ(run("ulimit -S -t 4; while :; do :; done").what(),
               "fetch https://h/f: the fetcher was killed by SIGXCPU (CPU time limit exceeded)");
}

TEST_F(Fetcher, ThatDiesIsNamedSo) {
  EXPECT_STREQ(run("exit 7").what(), "fetch https://h/f: the fetcher exited with code 7");
  EXPECT_STREQ(run("kill -SEGV $$").what(),
               "fetch https://h/f: the fetcher was killed by SIGSEGV (Segmentation fault)");
}

TEST_F(Fetcher, ThatClosesItsSocketIsEnded) {
  const Error failure = run("exec 3>&-; exec sleep 600");
  EXPECT_STREQ(failure.what(), "fetch https://h/f: the fetcher was killed by SIGKILL (Killed)");
  EXPECT_TRUE(is_gone());
}

TEST_F(Fetcher, ThatLiesIsEnded) {
  const Error failure = run("echo nonsense >&3; exec sleep 600");
  EXPECT_EQ(failure.code(), ErrorCode::Protocol);
  EXPECT_TRUE(is_gone());
}

}  // namespace
}  // namespace hubcell::process
