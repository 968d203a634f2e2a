// What is left when somebody is killed in the middle of calls: nothing.
//
// A program (a forked child) loads models and has calls in flight; one of its processes gets SIGKILL; all
// others must be gone within two seconds, with nothing of theirs in /dev/shm.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hubcell/hub.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "shared/posix/message_socket.h"
#include "tests/support/process_tree.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_repository.h"

namespace hubcell {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kGoneWithin = 2s;
constexpr auto kFoldersGoneWithin = 30s;
constexpr auto kStartDeadline = 60s;

// Lines between the program and the test, through a pipe.
class LinePipe {
 public:
  LinePipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~LinePipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void write(const std::string& line) const {
    [[maybe_unused]] const auto written = ::write(ends_[1], (line + "\n").data(), line.size() + 1);
  }
  // One line, or "" when none came in time.
  std::string read(std::chrono::milliseconds deadline) const {
    std::string line;
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (posix_wait(end)) {
      char next = 0;
      if (::read(ends_[0], &next, 1) != 1 || next == '\n') return line;
      line += next;
    }
    return "";
  }

 private:
  bool posix_wait(std::chrono::steady_clock::time_point end) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    return left.count() > 0 && posix::wait_readable(ends_[0], left);
  }
  int ends_[2] = {-1, -1};
};

// Those of /dev/shm, without the files that tests beside this one make there themselves.
std::set<std::string> shared_memory_names() {
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev/shm")) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("hubcell-test-")) names.insert(name);
  }
  return names;
}

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    tests::write_test_repository(one_, "one");
    tests::write_test_repository(two_, "two");
  }
  ~ProcessTest() override {
    if (program_ > 0) {
      ::kill(program_, SIGKILL);
      ::waitpid(program_, nullptr, 0);
    }
  }

  // Loads both models, leaves a call in flight in each, tells the workers' pids, and then how the first call
  // ended.
  [[noreturn]] void be_program() const {
    ::setenv("TMPDIR", temporary_.path().c_str(), 1);
    if (without_standard_descriptors_) {
      for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        ::close(descriptor);
    }
    try {
      Hub hub({.python = "/usr/bin/python3"});
      const Object first = hub.load(one_.path(), "net");
      const Object second = hub.load(two_.path(), "net");
      Future spinning = first.call_async("spin");
      Future napping = second.call_async("nap", {60.0});
      lines_.write(std::to_string(first.info().pid) + " " + std::to_string(second.info().pid));
      spinning.get();
      lines_.write("the call was answered");
    } catch (const Error& error) {
      lines_.write(error.code() == ErrorCode::WorkerDied ? "worker died" : error.what());
    }
    ::_exit(0);
  }

  void start_program() {
    shared_memory_before_ = shared_memory_names();
    program_ = ::fork();
    if (program_ == 0) be_program();
    std::istringstream pids(lines_.read(kStartDeadline));
    pids >> first_worker_ >> second_worker_;
    ASSERT_GT(second_worker_, 0) << "the program did not start";
    template_ = tests::parent_of(first_worker_);
    supervisor_ = tests::parent_of(template_);
    ASSERT_EQ(tests::parent_of(second_worker_), template_);
    ASSERT_NE(tests::parent_of(supervisor_), program_) << "the supervisor is not the program's child";
  }

  void expect_all_gone() {
    for (const auto& [name, pid] :
         {std::pair{"first worker", first_worker_}, std::pair{"second worker", second_worker_},
          std::pair{"template", template_}, std::pair{"supervisor", supervisor_}}) {
      EXPECT_TRUE(tests::ends_within(pid, kGoneWithin)) << name;
    }
    EXPECT_EQ(shared_memory_names(), shared_memory_before_);
  }

  void end_program() {
    ::waitpid(program_, nullptr, 0);
    program_ = 0;
  }

  // Scratch folders that lie below the program's temporary folder.
  std::size_t scratch_folders() const {
    const fs::path root = temporary_.path() / ("hubcell-" + std::to_string(::geteuid()));
    std::size_t count = 0;
    std::error_code gone;
    for (const fs::directory_entry& entry : fs::directory_iterator(root, gone))
      count += entry.path().extension() != ".lock" ? 1 : 0;
    return count;
  }

  bool scratch_folders_are(std::size_t count) const {
    const auto end = std::chrono::steady_clock::now() + kFoldersGoneWithin;
    while (scratch_folders() != count && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(5ms);
    return scratch_folders() == count;
  }

  bool without_standard_descriptors_ = false;
  tests::TemporaryFolder one_;
  tests::TemporaryFolder two_;
  tests::TemporaryFolder temporary_;
  LinePipe lines_;
  pid_t program_ = 0;
  pid_t first_worker_ = 0;
  pid_t second_worker_ = 0;
  pid_t template_ = 0;
  pid_t supervisor_ = 0;
  std::set<std::string> shared_memory_before_;
};

TEST_F(ProcessTest, AKilledProgramTakesEverythingWithIt) {
  start_program();
  ASSERT_EQ(scratch_folders(), 2U);
  ::kill(program_, SIGKILL);
  end_program();
  expect_all_gone();
  EXPECT_TRUE(scratch_folders_are(0));
}

TEST_F(ProcessTest, AProgramThatClosedItsStandardDescriptorsTakesEverythingWithItToo) {
  without_standard_descriptors_ = true;
  start_program();
  ::kill(program_, SIGKILL);
  end_program();
  expect_all_gone();
}

TEST_F(ProcessTest, AKilledSupervisorTakesItsWorkersAlongAndTheCallerIsTold) {
  start_program();
  ::kill(supervisor_, SIGKILL);
  EXPECT_EQ(lines_.read(kGoneWithin), "worker died");
  end_program();
  expect_all_gone();
  EXPECT_TRUE(scratch_folders_are(0));
}

TEST_F(ProcessTest, AKilledTemplateTakesItsWorkersAlongAndTheSupervisorSweeps) {
  start_program();
  ::kill(template_, SIGKILL);
  EXPECT_EQ(lines_.read(kGoneWithin), "worker died");
  end_program();
  expect_all_gone();
  EXPECT_TRUE(scratch_folders_are(0));
}

TEST_F(ProcessTest, ATemplateThatWasKilledIsReplacedForTheNextLoad) {
  Hub hub({.python = "/usr/bin/python3"});
  const Object net = hub.load(one_.path(), "net");
  const pid_t before = tests::parent_of(static_cast<pid_t>(net.info().pid));
  ::kill(before, SIGKILL);
  ASSERT_TRUE(tests::ends_within(static_cast<pid_t>(net.info().pid), kGoneWithin));
  const Object again = hub.load(one_.path(), "net");
  EXPECT_NE(tests::parent_of(static_cast<pid_t>(again.info().pid)), before);
  EXPECT_EQ(again.call("nap", {0.0}).text(), "one");
}

TEST_F(ProcessTest, AFolderThatIsHardToRemoveIsRemoved) {
  ::setenv("TMPDIR", temporary_.path().c_str(), 1);
  {
    Hub hub({.python = "/usr/bin/python3"});
    Object(hub.load(one_.path(), "net")).call("clutter");
  }
  ::unsetenv("TMPDIR");
  EXPECT_TRUE(scratch_folders_are(0));
}

TEST_F(ProcessTest, AClosedHubLeavesNothing) {
  pid_t worker = 0;
  {
    Hub hub({.python = "/usr/bin/python3"});
    worker = static_cast<pid_t>(Object(hub.load(one_.path(), "net")).info().pid);
    template_ = tests::parent_of(worker);
    supervisor_ = tests::parent_of(template_);
  }
  for (const pid_t pid : {worker, template_, supervisor_})
    EXPECT_TRUE(tests::ends_within(pid, kGoneWithin)) << pid;
}

}  // namespace
}  // namespace hubcell
