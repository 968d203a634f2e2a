// What a worker prints, line by line, to the streams of the program that it works for.
//
// Bounded in every direction: a line in length, a worker in bytes for each second and in all. One that prints faster
// waits in its own write and busies nobody else. A reader that is slow is waited for; while one does not
// read at all, lines are dropped, counted, and the count is said when there is room again. What the relay itself
// says goes to standard error. The last lines are kept for the message about the worker's end.
#pragma once

#include <deque>
#include <string>

#include "shared/wire/messages.h"
#include "supervisor/process/line_sink.h"
#include "supervisor/process/line_splitter.h"
#include "supervisor/process/loop.h"
#include "supervisor/process/rate_budget.h"

namespace hubcell::process {

// Of all that one worker prints.
inline constexpr std::size_t kShownBytesMax = 8 << 20;

// Borrows the streams. Loop thread only.
class OutputRelay {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // The reading ends of a worker's standard output and standard error.
  struct Pipes {
    posix::UniqueFd output;
    posix::UniqueFd errors;
  };

  OutputRelay(asio::io_context& loop, Pipes pipes, CallerStreams& streams, wire::WorkerOutput destination,
              const std::string& name);

  // Runs until both pipes have ended or were closed, and what came through them is shown.
  Task<void> run();
  // Reads what lies in the pipes, without waiting.
  void drain();
  // Drains, and gives the pipes up.
  void close();
  // Drains, and waits until everything is shown, until `end` at most.
  Task<void> finish(Time end);
  // Of both streams, in the order in which they were read.
  const std::deque<std::string>& tail() const { return tail_; }

 private:
  // Whole lines, as many as one write takes.
  struct Chunk {
    std::string text;
    std::size_t lines = 0;
  };
  struct Stream {
    asio::posix::stream_descriptor pipe;
    LineSink* sink;  // null: nothing is shown
    LineSplitter splitter;
    std::deque<Chunk> queue;
    std::size_t dropped_lines = 0;
    bool is_stuck = false;  // its reader was waited for in vain
  };

  Stream make_stream(posix::UniqueFd pipe, LineSink* sink, Stream OutputRelay::*self);
  Task<void> relay(Stream& stream);
  Task<void> show(Stream& stream, Time end);
  bool show_now(Stream& stream);
  Task<void> pause(Milliseconds duration);
  void drain(Stream& stream);
  void drain_to_end();
  bool read_some(Stream& stream);
  void take_line(Stream& stream, std::string line);
  void enqueue(Stream& stream, std::string text);
  void drop_oldest(Stream& stream);
  std::string note(const std::string& text) const { return label_ + "(" + text + ")\n"; }

  asio::io_context& loop_;
  CallerStreams& streams_;
  std::string name_;
  std::string label_;   // before what the relay itself says
  std::string prefix_;  // before each line
  Stream output_;
  Stream errors_;
  RateBudget budget_;
  std::deque<std::string> tail_;
  std::size_t shown_bytes_ = 0;
};

}  // namespace hubcell::process
