#include "worker/spare.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

#include <hubcell/error.h>

#include "shared/wire/frame.h"
#include "worker/sandbox/layers.h"

namespace hubcell::worker {
namespace {

constexpr std::chrono::hours kLookEvery{1};
constexpr std::size_t kNameBytes = 16;  // as prctl has it

// Of a process in lists, for as long as it lives.
class ProcessName {
 public:
  explicit ProcessName(const char* name) {
    ::prctl(PR_GET_NAME, before_.data());
    ::prctl(PR_SET_NAME, name);
  }
  ProcessName(const ProcessName&) = delete;
  ProcessName& operator=(const ProcessName&) = delete;
  ~ProcessName() { ::prctl(PR_SET_NAME, before_.data()); }

 private:
  std::array<char, kNameBytes> before_{};
};

// The template's end of the socket is the last: it has ended.
wire::Frame wait_for_order(int socket) {
  const ProcessName name("hubcell-spare");
  for (;;) {
    if (std::optional<wire::Frame> frame = wire::wait_frame(socket, kLookEvery)) return std::move(*frame);
  }
}

}  // namespace

bool Spare::order(const wire::ForkWorker& order, const std::vector<posix::UniqueFd>& descriptors) const {
  std::vector<int> borrowed;
  for (const posix::UniqueFd& descriptor : descriptors)
    borrowed.push_back(descriptor.get());
  return !posix::has_ended(process.pidfd()) && wire::send_frame(socket.get(), 0, order, borrowed);
}

void take_descriptors(WorkerStart& start, std::vector<posix::UniqueFd> descriptors) {
  start.control = std::move(descriptors[0]);
  start.memory = std::move(descriptors[1]);
  start.output = std::move(descriptors[2]);
  start.errors = std::move(descriptors[3]);
}

void wait_as_spare(posix::UniqueFd socket, WorkerStart start, const PythonSteps& steps,
                   const sandbox::SeccompProgram& seccomp) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != start.parent) ::_exit(0);
  try {
    sandbox::close_descriptors({socket.get()});
    steps.rehearse();
    if (posix::thread_count() != 1) ::_exit(0);  // it could not enter the sandbox
    wire::Frame frame = wait_for_order(socket.get());
    start.order = frame.as<wire::ForkWorker>();
    take_descriptors(start, frame.take_descriptors(4));
  } catch (const Error&) {
    ::_exit(0);
  }
  socket.reset();
  run_worker(std::move(start), steps, seccomp);
}

}  // namespace hubcell::worker
