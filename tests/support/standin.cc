// A stand-in for an interpreter: speaks the template's and the worker's side of the protocol in C++ alone, so
// that client and supervisor can be tested under ThreadSanitizer, and with workers that crash, stall or lie
// on request.
//
// It is started as the interpreter (`HubOptions::python`) and ignores the arguments that a Python would run.
// Every entrypoint loads to handle 1. Calls of it do what their name says:
//   echo ARGS -> tuple; hold ARG keeps the argument; segfault; exit N; stall (deaf to SIGINT); wait (till
//   cancelled); fail -> an exception; lie_frame, lie_block, lie_release: break the protocol;
//   pid; setattr NAME VALUE, which fails where it says refused_by PID to that process; recall NAME -> what was set;
//   print N lines; write DESCRIPTOR TEXT; flood DESCRIPTOR without end;
//   share TEXT -> the number of a segment of weights that begins so; share_mapped, share_unwritten, share_unasked, drop_unknown:
//   lie about weights; name_segment NUMBER [COUNT] -> tensors that lie there.
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <thread>

#include <hubcell/error.h>

#include "shared/channel/call_frame.h"
#include "shared/channel/worker_channel.h"
#include "shared/posix/memory.h"
#include "shared/posix/process.h"
#include "shared/wire/frame.h"
#include "shared/wire/limits.h"

namespace hubcell {
namespace {

class StandinWorker {
 public:
  StandinWorker(posix::UniqueFd memory, int control)
      : channel_(std::move(memory), control), control_(control) {}

  void run() {
    while (!channel_.is_closed()) {
      const auto request = channel_.next();
      channel_.take_released();
      if (request) serve(*request);
    }
  }

 private:
  void serve(const channel::WorkerChannel::Request& request) {
    channel::CallResponse response;
    const ValueReadContext context{
        .map_block = [this](const Block& block) { return channel_.map_argument(block); },
        .bind_handle = [](std::uint64_t) { return nullptr; }};
    {
      const channel::CallRequest call = channel::decode_request(request.frame, context);
      lie_ = call.name;
      perform(request, call, response);
    }
    response.released_blocks = channel_.take_released_arguments();
    if (lie_ == "lie_release") response.released_blocks.push_back(12345);
    const ValueWriteContext places{.place_tensors = [this](std::span<const Tensor* const> tensors) {
      PlacedTensors placed;
      for (const Tensor* tensor : tensors) {
        placed.tensors.push_back(
            {.block = static_cast<std::uint32_t>(placed.blocks.size()), .begin = 0, .strides = {}});
        placed.blocks.push_back(channel_.lend(tensor->owner()));
        if (lie_ == "lie_block") placed.blocks.back().offset = 64;
        if (lie_ == "name_segment")
          placed.blocks.back() = {.segment = segment_, .offset = 0, .bytes = kSegmentBytes};
      }
      return placed;
    }};
    std::vector<std::byte> bytes = channel::encode_response(response, places);
    if (lie_ == "lie_frame") bytes.assign(100, std::byte{0xff});
    channel_.answer(request, bytes);
  }

  void perform(const channel::WorkerChannel::Request& request, const channel::CallRequest& call,
               channel::CallResponse& response) {
    if (call.verb == channel::Verb::Load) {
      Handle handle;
      handle.id = 1;
      handle.class_name = "standin.Model";
      handle.is_callable = true;
      response.value = handle;
    } else if (call.name == "echo" || call.name == "lie_block") {
      response.value = Tuple{copy_tensors(call.arguments)};
    } else if (call.name == "hold") {
      held_ = call.arguments;
    } else if (call.name == "segfault") {
      std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would handle it
      ::raise(SIGSEGV);
    } else if (call.name == "exit") {
      ::_exit(static_cast<int>(call.arguments.at(0).integer()));
    } else if (call.name == "stall") {
      std::signal(SIGINT, SIG_IGN);
      for (;;)
        ::pause();
    } else if (call.name == "wait") {
      while (!channel_.is_cancelled(request))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      response.failure.emplace();
      response.failure->message = "KeyboardInterrupt";
    } else if (call.name == "fail") {
      fail(response);
    } else if (call.name == "pid") {
      response.value = static_cast<std::int64_t>(::getpid());
    } else if (call.name == "setattr") {
      set(call.arguments.at(0).text(), call.arguments.at(1), response);
    } else if (call.name == "recall") {
      response.value = attributes_[call.arguments.at(0).text()];
    } else if (call.name == "print") {
      for (std::int64_t i = 0; i < call.arguments.at(0).integer(); ++i)
        std::printf("line %d\n", static_cast<int>(i));
      std::fflush(stdout);
    } else if (call.name == "write") {
      write_all(call.arguments.at(0).integer(), call.arguments.at(1).text());
    } else if (call.name.starts_with("share") || call.name == "drop_unknown") {
      response.value = share(call);
    } else if (call.name == "name_segment") {
      segment_ = static_cast<std::uint32_t>(call.arguments.at(0).integer());
      const std::size_t count =
          call.arguments.size() == 1 ? 1 : static_cast<std::size_t>(call.arguments[1].integer());
      response.value = Tuple{copy_tensors(std::vector<Value>(count, Tensor::zeros(DType::UInt8, {8})))};
    } else if (call.name == "flood") {
      for (;;)
        write_all(call.arguments.at(0).integer(), "flood\n");
    }
  }

  static void fail(channel::CallResponse& response) {
    response.failure.emplace();
    response.failure->message = "ValueError: on request";
    response.failure->remote =
        RemoteException{"builtins.ValueError", "ValueError", "on request", "Traceback ..."};
  }

  void set(const std::string& name, const Value& value, channel::CallResponse& response) {
    if (name == "refused_by" && value.integer() == ::getpid()) return fail(response);
    attributes_[name] = value;
  }

  wire::Frame ask(const auto& body) {
    wire::send_frame(control_, ++requests_, body);
    // Where that was a lie there is no answer, but an end.
    return wire::wait_frame(control_, std::chrono::seconds(60)).value();
  }

  Value share(const channel::CallRequest& call) {
    if (call.name == "drop_unknown") ask(wire::DropSegments{.segments = {99}});
    if (call.name == "share_unasked") ask(wire::OfferSegments{});
    wire::Frame made = ask(wire::WantSegments{.bytes = {kSegmentBytes}});
    const std::vector<posix::UniqueFd> segments = made.take_descriptors(1);
    std::optional<posix::Mapping> kept;
    if (call.name == "share_mapped") kept = posix::Mapping::of(segments[0].get(), kSegmentBytes);
    std::string content = call.arguments.empty() ? "" : call.arguments[0].text();
    content.resize(kSegmentBytes);
    if (call.name != "share_unwritten" && ::pwrite(segments[0].get(), content.data(), content.size(), 0) !=
                                              static_cast<ssize_t>(content.size()))
      ::_exit(1);
    return static_cast<std::int64_t>(ask(wire::OfferSegments{}).as<wire::SegmentsShared>().segments.at(0));
  }

  static void write_all(std::int64_t descriptor, std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::write(static_cast<int>(descriptor), text.data(), text.size());
      if (count < 0 && errno != EINTR) ::_exit(1);
      text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
  }

  std::vector<Value> copy_tensors(const std::vector<Value>& arguments) {
    std::vector<Value> copies;
    for (const Value& argument : arguments) {
      if (!argument.is<Tensor>()) {
        copies.push_back(argument);
        continue;
      }
      const Tensor& tensor = argument.tensor();
      MappedBlock block = channel_.allocate_answer(tensor.bytes());
      std::memcpy(block.data, tensor.data(), tensor.bytes());
      copies.emplace_back(Tensor(tensor.dtype(), tensor.shape(), std::move(block.owner), block.data));
    }
    return copies;
  }

  static constexpr std::int64_t kSegmentBytes = 64 << 10;

  channel::WorkerChannel channel_;
  const int control_;
  std::uint64_t requests_ = 0;
  std::uint32_t segment_ = 0;
  std::vector<Value> held_;
  std::map<std::string, Value> attributes_;
  std::string lie_;
};

[[noreturn]] void run_worker(std::vector<posix::UniqueFd> descriptors) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, [](int) {});
  ::dup2(descriptors[2].get(), STDOUT_FILENO);
  ::dup2(descriptors[3].get(), STDERR_FILENO);
  descriptors[2].reset();
  descriptors[3].reset();
  const int control = descriptors[0].get();
  wire::send_frame(control, 0, wire::WorkerReady{});
  StandinWorker(std::move(descriptors[1]), control).run();
  ::_exit(0);
}

class StandinTemplate {
 public:
  void run() {
    wire::send_frame(kSocket, 0, wire::TemplateReady{.python_version = "standin", .torch_version = "none"});
    for (;;) {
      wait();
      reap();
      while (auto message = posix::receive_message(kSocket)) {
        if (message->bytes.empty()) return;
        fork_worker(wire::Frame(std::move(*message)));
      }
    }
  }

 private:
  static constexpr int kSocket = 3;

  void wait() {
    std::vector<pollfd> entries{{.fd = kSocket, .events = POLLIN, .revents = 0}};
    for (const auto& [worker, child] : children_)
      entries.push_back({.fd = child.pidfd(), .events = POLLIN, .revents = 0});
    ::poll(entries.data(), entries.size(), -1);
  }

  void reap() {
    for (auto child = children_.begin(); child != children_.end();) {
      if (!posix::has_ended(child->second.pidfd())) {
        ++child;
        continue;
      }
      const posix::ExitStatus status = child->second.wait();
      wire::send_frame(
          kSocket, 0,
          wire::WorkerEnded{.worker = child->first, .exit_code = status.exit_code, .signal = status.signal});
      child = children_.erase(child);
    }
  }

  void fork_worker(wire::Frame frame) {
    const auto order = frame.as<wire::ForkWorker>();
    std::vector<posix::UniqueFd> descriptors = frame.take_descriptors(4);
    const pid_t pid = ::fork();
    if (pid == 0) run_worker(std::move(descriptors));
    posix::ChildProcess child = posix::ChildProcess::adopt(pid);
    const int pidfd = child.pidfd();
    wire::send_frame(kSocket, 0, wire::WorkerForked{.worker = order.worker, .pid = pid},
                     std::span(&pidfd, 1));
    children_.emplace(order.worker, std::move(child));
  }

  std::map<std::uint64_t, posix::ChildProcess> children_;
};

}  // namespace
}  // namespace hubcell

int main() {
  hubcell::StandinTemplate().run();
  return 0;
}
