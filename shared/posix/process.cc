// Between vfork and exec only async-signal-safe calls run, on memory that was prepared before: a program with threads may
// call this. The child borrows that memory instead of copying its page tables, which takes a process that has imported torch
// 10 ms, and each page that it writes afterwards a fault. So it changes nothing there but its own scratch copies, and until
// its signals are its own no handler of the caller's may run in it. A failed exec is reported through a close-on-exec pipe, so
// that the caller gets the error of the exec and not a child that ends at once.
#include "shared/posix/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/posix/system_error.h"

namespace hubcell::posix {
namespace {

std::vector<char*> to_pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings)
    pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Everything the child needs, allocated before the fork.
struct ExecPlan {
  const char* program;
  const char* directory;
  char* const* arguments;
  char* const* environment;
  int* descriptors;  // scratch copy, changed by the child
  int descriptor_count;
  int standard_output;
  int standard_error;
  bool die_with_parent;
  pid_t parent;
  int report;
};

// Moves `fd` out of the range that the passed descriptors will take. -1 on failure.
int move_up(int fd, int floor) {
  return fd >= floor ? fd : ::fcntl(fd, F_DUPFD_CLOEXEC, floor);
}

[[noreturn]] void report_and_exit(int report) {
  const int error_number = errno;
  (void)!::write(report, &error_number, sizeof(error_number));
  ::_exit(127);
}

// What exec would do, but before signals are let in again. What is ignored stays so, but for the two that programs rely on.
void forget_handlers() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0) continue;
    if (action.sa_handler == SIG_IGN && signal != SIGPIPE && signal != SIGCHLD) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
}

[[noreturn]] void run_child(ExecPlan& plan) {
  const int floor = 3 + plan.descriptor_count;
  plan.report = move_up(plan.report, floor);
  const int null = move_up(::open("/dev/null", O_RDONLY | O_CLOEXEC), floor);
  const int output = move_up(plan.standard_output >= 0 ? plan.standard_output : STDERR_FILENO, floor);
  const int error = move_up(plan.standard_error >= 0 ? plan.standard_error : STDERR_FILENO, floor);
  for (int i = 0; i < plan.descriptor_count; ++i)
    plan.descriptors[i] = move_up(plan.descriptors[i], floor);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  // Where the caller closed its own, every write of the child's is refused: the number must not go to something else.
  ::dup2(output >= 0 ? output : null, STDOUT_FILENO);
  ::dup2(error >= 0 ? error : null, STDERR_FILENO);
  for (int i = 0; i < plan.descriptor_count; ++i) {
    if (plan.descriptors[i] < 0 || ::dup2(plan.descriptors[i], 3 + i) < 0) report_and_exit(plan.report);
  }
  ::syscall(SYS_close_range, static_cast<unsigned>(floor), ~0U, CLOSE_RANGE_CLOEXEC);
  forget_handlers();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.die_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) report_and_exit(plan.report);
    if (::getppid() != plan.parent) ::_exit(127);
  }
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) report_and_exit(plan.report);
  ::execve(plan.program, plan.arguments, plan.environment);
  report_and_exit(plan.report);
}

// Of the calling thread, which no handler interrupts meanwhile.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// The caller sleeps until the child has called exec or ended. In a function of its own, since what vfork's child leaves on
// the stack lies above this frame alone.
[[gnu::noinline]] pid_t start_child(ExecPlan& plan) {
  const SignalsBlocked blocked;
  const pid_t pid = ::vfork();
  if (pid == 0) run_child(plan);
  return pid;
}

}  // namespace

std::string describe(const ExitStatus& status) {
  if (status.signal == 0) return "exited with code " + std::to_string(status.exit_code);
  const char* name = ::sigabbrev_np(status.signal);
  const char* text = ::sigdescr_np(status.signal);
  return std::string("was killed by SIG") + (name == nullptr ? std::to_string(status.signal) : name) +
         (text == nullptr ? "" : std::string(" (") + text + ")");
}

// In a program that ignores SIGCHLD a child that has ended is reaped at once, and there is no process to open. The end
// of a pipe whose writer is closed looks like the pidfd of one that has ended: readable, and deaf to signals.
ChildProcess ChildProcess::adopt(pid_t pid) {
  ChildProcess child(pid, {});
  child.pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (child.pidfd_) return child;
  if (errno != ESRCH) throw_errno("open a pidfd of process " + std::to_string(pid));
  child.pidfd_ = make_pipe().first;
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  kill(SIGKILL);
  wait();
}

void ChildProcess::kill(int signal) const {
  if (pid_ <= 0) return;
  if (pidfd_) {
    send_signal(pidfd_.get(), signal);
  } else {
    ::kill(pid_, signal);
  }
}

ExitStatus ChildProcess::wait() {
  HUBCELL_CHECK(pid_ > 0);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    // A program that ignores SIGCHLD, or reaps whatever ends, was faster: how it ended is not known.
    if (errno == ECHILD) break;
    if (errno != EINTR) throw_errno("wait for process " + std::to_string(pid_));
  }
  pid_ = -1;
  pidfd_.reset();
  if (WIFSIGNALED(status)) return {.exit_code = 0, .signal = WTERMSIG(status)};
  return {.exit_code = WEXITSTATUS(status), .signal = 0};
}

ChildProcess spawn(const SpawnOptions& options) {
  std::vector<std::string> arguments{options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  const std::vector<char*> argument_pointers = to_pointers(arguments);
  const std::vector<char*> environment_pointers = to_pointers(options.environment);
  std::vector<int> descriptors = options.descriptors;
  auto [report_read, report_write] = make_pipe();
  ExecPlan plan{.program = options.program.c_str(),
                .directory = options.directory.empty() ? nullptr : options.directory.c_str(),
                .arguments = argument_pointers.data(),
                .environment = environment_pointers.data(),
                .descriptors = descriptors.data(),
                .descriptor_count = static_cast<int>(descriptors.size()),
                .standard_output = options.standard_output,
                .standard_error = options.standard_error,
                .die_with_parent = options.die_with_parent,
                .parent = ::getpid(),
                .report = report_write.get()};
  const pid_t pid = checked(start_child(plan), "fork");
  ChildProcess child = ChildProcess::adopt(pid);
  report_write.reset();
  int error_number = 0;
  ssize_t count = -1;
  do {
    count = ::read(report_read.get(), &error_number, sizeof(error_number));
  } while (count < 0 && errno == EINTR);
  if (count == static_cast<ssize_t>(sizeof(error_number)))
    throw_errno("start " + options.program, error_number);
  return child;
}

std::pair<UniqueFd, UniqueFd> make_pipe() {
  int ends[2];
  checked(::pipe2(ends, O_CLOEXEC), "make a pipe");
  return {above_standard(UniqueFd(ends[0])), above_standard(UniqueFd(ends[1]))};
}

UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(
      checked(::syscall(SYS_pidfd_open, pid, 0), "open a pidfd of process " + std::to_string(pid))));
}

bool send_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

unsigned fork_count() {
  static std::atomic<unsigned> count{0};
  [[maybe_unused]] static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++count; });
  return count.load(std::memory_order_relaxed);
}

bool has_ended(int pidfd) {
  pollfd entry{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

std::size_t thread_count() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(threads), end(threads)));
}

}  // namespace hubcell::posix
