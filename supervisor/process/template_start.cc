// Three steps can fail: the system runs the program, our boot.py runs in it and loads the extension, the
// extension imports torch. After each the other side says so on the socket; where it says nothing, what it
// printed is the best explanation there is.
#include "supervisor/process/template_start.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <sstream>

#include <hubcell/error.h>

namespace hubcell::process {
namespace {

// How long a process that closed its socket may take to be gone, before it is killed.
constexpr Milliseconds kEndGrace{3000};
constexpr std::size_t kPrintedBytesMax = 64 * 1024;  // a pipe's own bound
constexpr std::size_t kLineBytesMax = 300;
constexpr const char* kAdvice = "give the path of a python3 (CPython 3.9 or later) that has torch";

// What lies in the pipe, without waiting.
std::string take_printed(int pipe) {
  ::fcntl(pipe, F_SETFL, O_NONBLOCK);
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kPrintedBytesMax) {
    const ssize_t count = ::read(pipe, buffer.data(), buffer.size());
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

// The line that says most, without control characters: Python's tracebacks and libraries that abort end with it, other
// programs begin with it. Empty where nothing was printed.
std::string telling_line(const std::string& text, bool is_starting) {
  std::istringstream lines(text);
  std::string first, last;
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (first.empty()) first = line;
    last = line;
  }
  std::string line = is_starting || first.starts_with("Traceback") ? last : first;
  line.resize(std::min(line.size(), kLineBytesMax));
  for (char& letter : line) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = ' ';
  }
  return line;
}

[[noreturn]] void give_up(const std::string& what, const StartedTemplate& started, bool is_starting) {
  const std::string words = telling_line(take_printed(started.output.get()), is_starting);
  throw Error(ErrorCode::Usage, what + (words.empty() ? "" : "; it printed: " + words) + "; " + kAdvice);
}

std::string seconds(std::chrono::seconds deadline) {
  return std::to_string(deadline.count()) + " s";
}

posix::ChildProcess spawn_python(const posix::SpawnOptions& options) {
  try {
    return posix::spawn(options);
  } catch (const Error& failure) {
    const std::string text = failure.what();
    const std::size_t reason = text.rfind(": ");
    throw Error(ErrorCode::Usage, "the system cannot run it (" +
                                      (reason == std::string::npos ? text : text.substr(reason + 2)) + "); " +
                                      kAdvice);
  }
}

}  // namespace

Task<StartedTemplate> start_template(asio::io_context& loop, std::string python, std::string extension_path,
                                     std::vector<std::string> environment) {
  auto [socket_ours, socket_theirs] = posix::make_message_socket_pair();
  auto [output_ours, output_theirs] = posix::make_pipe();
  const std::string boot = std::filesystem::path(extension_path).replace_filename("boot.py");
  // No PDEATHSIG: when the supervisor ends, the template has folders to remove before it goes.
  const posix::SpawnOptions options{.program = std::move(python),
                                    .arguments = {boot, std::move(extension_path)},
                                    .environment = std::move(environment),
                                    .directory = "/",
                                    .descriptors = {socket_theirs.get()},
                                    .standard_output = output_theirs.get(),
                                    .standard_error = output_theirs.get()};
  StartedTemplate started{.process = spawn_python(options),
                          .socket = FrameSocket(loop, std::move(socket_ours)),
                          .output = std::move(output_ours),
                          .versions = {}};
  socket_theirs.reset();
  output_theirs.reset();

  if (!co_await started.socket.readable(wire::kInterpreterStartDeadline)) {
    give_up("it did not start as a Python within " + seconds(wire::kInterpreterStartDeadline), started,
            false);
  }
  std::optional<wire::Frame> frame = co_await started.socket.receive();
  const bool is_starting = frame && frame->tag() == wire::Tag::TemplateStarting;
  if (is_starting) {
    if (!co_await started.socket.readable(wire::kTemplateStartDeadline)) {
      give_up("importing torch took longer than " + seconds(wire::kTemplateStartDeadline), started, true);
    }
    frame = co_await started.socket.receive();
  }
  if (!frame) {
    // It may have closed the socket and live on.
    const bool has_ended = co_await wait_readable(loop, started.process.pidfd(), kEndGrace);
    if (!has_ended) started.process.kill(SIGKILL);
    const posix::ExitStatus status = started.process.wait();
    if (has_ended && status.signal == SIGKILL) {
      throw Error(ErrorCode::System,
                  "it " + posix::describe(status) +
                      " while it started: by somebody, or because the machine has no memory "
                      "left; try again");
    }
    give_up("it " + posix::describe(status) +
                (is_starting ? " while it imported torch" : " before it ran our code"),
            started, is_starting);
  }
  if (frame->tag() == wire::Tag::WorkerFailed) {
    throw Error(ErrorCode::Usage, frame->as<wire::WorkerFailed>().message);
  }
  started.versions = frame->as<wire::TemplateReady>();
  co_return started;
}

}  // namespace hubcell::process
