// Each stream has a coroutine: wait for the pipe, keep to the budget, read, split into lines, show. Lines wait in a
// short queue; while it cannot be shown the pipe is not read, so that it fills and holds up its worker
// alone. A reader that took nothing for kReaderPatience is waited for no longer: from then on the queue is dropped
// whenever it has no room, and everything else goes on.
#include "supervisor/process/output_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

#include "shared/wire/limits.h"

namespace hubcell::process {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kQueueChunksMax = 64;
constexpr std::size_t kNameBytesMax = 256;
// As much as the largest pipe holds.
constexpr int kDrainReadsMax = 64;

// A worker may print this much each second, and this much at once. A line costs some bytes more, which is what it
// costs to look at.
constexpr double kBytesPerSecond = 8 << 20;
constexpr double kBytesAtOnce = 2 << 20;
constexpr double kLineBytes = 64;

constexpr Milliseconds kReaderPatience{1000};
constexpr Milliseconds kRoomInterval{20};

// On a terminal a line begins where the program's progress stands, and takes its place.
std::string label_of(const CallerStreams& streams, wire::WorkerOutput destination, const std::string& name) {
  const bool clears = destination == wire::WorkerOutput::Prefixed && streams.errors.is_terminal();
  return (clears ? "\r\x1b[K[" : "[") + name.substr(0, kNameBytesMax) + "] ";
}

LineSink* output_sink(CallerStreams& streams, wire::WorkerOutput destination) {
  if (destination == wire::WorkerOutput::Discard) return nullptr;
  return destination == wire::WorkerOutput::Prefixed ? &streams.errors : &streams.output;
}

LineSink* errors_sink(CallerStreams& streams, wire::WorkerOutput destination) {
  return destination == wire::WorkerOutput::Discard ? nullptr : &streams.errors;
}

}  // namespace

OutputRelay::OutputRelay(asio::io_context& loop, Pipes pipes, CallerStreams& streams,
                         wire::WorkerOutput destination, const std::string& name)
    : loop_(loop),
      streams_(streams),
      name_(name.substr(0, kNameBytesMax)),
      label_(label_of(streams, destination, name)),
      prefix_(destination == wire::WorkerOutput::Prefixed ? label_ : ""),
      output_(make_stream(std::move(pipes.output), output_sink(streams, destination), &OutputRelay::output_)),
      errors_(make_stream(std::move(pipes.errors), errors_sink(streams, destination), &OutputRelay::errors_)),
      budget_(kBytesPerSecond, kBytesAtOnce) {}

OutputRelay::Stream OutputRelay::make_stream(posix::UniqueFd pipe, LineSink* sink,
                                             Stream OutputRelay::*self) {
  ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  const std::size_t text_bytes_max = wire::kOutputLineBytesMax - kCutMarkBytesMax - prefix_.size() - 1;
  return {.pipe = asio::posix::stream_descriptor(loop_, pipe.release()),
          .sink = sink,
          .splitter = LineSplitter(
              text_bytes_max, [this, self](std::string line) { take_line(this->*self, std::move(line)); }),
          .queue = {}};
}

Task<void> OutputRelay::run() {
  using namespace asio::experimental::awaitable_operators;
  auto output = relay(output_);
  auto errors = relay(errors_);
  co_await (std::move(output) && std::move(errors));
}

Task<void> OutputRelay::relay(Stream& stream) {
  while (stream.pipe.is_open()) {
    if (stream.is_stuck) {
      co_await pause(kRoomInterval);
    } else {
      boost::system::error_code closed;
      co_await stream.pipe.async_wait(asio::posix::descriptor_base::wait_read,
                                      asio::redirect_error(asio::use_awaitable, closed));
    }
    for (auto wait = budget_.wait(Clock::now()); wait.count() > 0; wait = budget_.wait(Clock::now()))
      co_await pause(wait);
    read_some(stream);
    co_await show(stream, Clock::now() + kReaderPatience);
  }
  stream.is_stuck = false;
  co_await show(stream, Clock::now() + kReaderPatience);
}

Task<void> OutputRelay::pause(Milliseconds duration) {
  asio::steady_timer timer(loop_, duration);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> OutputRelay::show(Stream& stream, Time end) {
  while (!show_now(stream)) {
    stream.is_stuck = stream.is_stuck || Clock::now() >= end;
    if (stream.is_stuck) {
      while (!stream.queue.empty())
        drop_oldest(stream);
      co_return;
    }
    co_await pause(kRoomInterval);
  }
  stream.is_stuck = false;
}

// False where the reader has to read first.
bool OutputRelay::show_now(Stream& stream) {
  using Result = LineSink::Result;
  if (stream.sink == nullptr) return true;
  if (stream.dropped_lines != 0) {
    const std::string dropped =
        note(std::to_string(stream.dropped_lines) + " lines were dropped: the reader does not keep up");
    if (!stream.sink->has_room() || streams_.errors.write(dropped) == Result::NoRoom) return false;
    stream.dropped_lines = 0;
  }
  for (; !stream.queue.empty(); stream.queue.pop_front()) {
    if (stream.sink->write(stream.queue.front().text) == Result::NoRoom) return false;
  }
  return stream.sink->flush() != Result::NoRoom;
}

void OutputRelay::drain() {
  drain(output_);
  drain(errors_);
}

// A worker that prints without end does not hold the loop.
void OutputRelay::drain(Stream& stream) {
  for (int reads = 0; reads < kDrainReadsMax && read_some(stream); ++reads)
    show_now(stream);
}

// Lines that were begun are shown too.
void OutputRelay::drain_to_end() {
  drain();
  for (Stream* stream : {&output_, &errors_}) {
    stream->splitter.finish();
    show_now(*stream);
  }
}

void OutputRelay::close() {
  drain_to_end();
  boost::system::error_code ignored;
  for (Stream* stream : {&output_, &errors_})
    static_cast<void>(stream->pipe.close(ignored));
}

Task<void> OutputRelay::finish(Time end) {
  drain_to_end();
  co_await show(output_, end);
  co_await show(errors_, end);
}

// False where nothing was there to be read. At its end the pipe is closed.
bool OutputRelay::read_some(Stream& stream) {
  if (!stream.pipe.is_open()) return false;
  std::array<char, kReadBytes> buffer;
  const ssize_t count = ::read(stream.pipe.native_handle(), buffer.data(), buffer.size());
  if (count > 0) {
    budget_.spend(static_cast<double>(count));
    stream.splitter.feed(std::string_view(buffer.data(), static_cast<std::size_t>(count)), Clock::now());
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  // What a worker wrote last to its standard error explains its end: it is the last line. The kernel closes the two in
  // any order.
  if (&stream == &errors_) {
    drain(output_);
    output_.splitter.finish();
  }
  stream.splitter.finish();
  boost::system::error_code ignored;
  static_cast<void>(stream.pipe.close(ignored));
  return false;
}

void OutputRelay::take_line(Stream& stream, std::string line) {
  budget_.spend(kLineBytes);
  if (stream.sink != nullptr && shown_bytes_ <= kShownBytesMax) {
    std::string text = prefix_ + line + "\n";
    shown_bytes_ += text.size();
    enqueue(stream, std::move(text));
    if (shown_bytes_ > kShownBytesMax) {
      enqueue(errors_, note("it prints too much: the rest is not shown"));
      show_now(errors_);
    }
  }
  if (streams_.reader) streams_.reader(name_, line);
  tail_.push_back(std::move(line));
  if (tail_.size() > wire::kOutputTailLines) tail_.pop_front();
}

// Behind what waits already; the oldest makes room for the newest, which explains an end better.
void OutputRelay::enqueue(Stream& stream, std::string text) {
  std::deque<Chunk>& queue = stream.queue;
  if (queue.empty() || queue.back().text.size() + text.size() > wire::kOutputLineBytesMax) {
    if (queue.size() == kQueueChunksMax) drop_oldest(stream);
    queue.emplace_back();
  }
  queue.back().text += text;
  ++queue.back().lines;
}

void OutputRelay::drop_oldest(Stream& stream) {
  stream.dropped_lines += stream.queue.front().lines;
  stream.queue.pop_front();
}

}  // namespace hubcell::process
