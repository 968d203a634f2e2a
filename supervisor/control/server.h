// A supervisor that programs of one user share: lets them in, looks after what runs, and comes to an orderly end.
#pragma once

#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <string>

#include "supervisor/control/host.h"
#include "supervisor/control/log_book.h"
#include "supervisor/control/session.h"

namespace hubcell::control {

struct ServerPlan {
  std::size_t programs_max = 256;            // at a time
  std::chrono::milliseconds unload_idle{0};  // workers that nobody used for so long end; 0: never
  std::chrono::milliseconds drain{10'000};   // what a call may take yet, when it is to end
  bool warm = true;                          // the default interpreter is started before anybody asks for it
  std::string socket_path;                   // removed in the end; empty where it is somebody else's
};

// A program that is connected.
struct Program {
  std::shared_ptr<Session> session;
  std::int64_t pid = 0;
  std::string name;
};

class Server {
 public:
  // Borrows the host, which outlives it.
  Server(Host& host, ServerPlan plan, posix::UniqueFd listener, std::shared_ptr<LogBook> log);
  ~Server();

  // Until it was told to stop, and everything has come to rest or the time for that is over.
  process::Task<void> run();

  // Lets nobody in any more, and ends when no worker does anything. Told twice, it ends at once.
  void stop();
  bool is_stopping() const { return stopping_.happened(); }

  const std::list<Program>& programs() const { return programs_; }
  const LogBook& log() const { return *log_; }
  std::size_t template_count() const { return host_.templates.size(); }
  std::uint64_t weights_bytes() const { return host_.weights->use().bytes; }
  std::chrono::steady_clock::time_point began() const { return began_; }

 private:
  process::Task<void> accept_programs();
  process::Task<void> warm_up();
  process::Task<void> let_in(posix::UniqueFd connection);
  process::Task<void> serve(process::FrameSocket socket, std::int64_t pid);
  std::string refusal_of(const wire::Hello& hello) const;
  process::Task<void> serve_program(process::FrameSocket socket, wire::Frame first, std::int64_t pid);
  process::Task<void> wait_for_signals();
  process::Task<void> look_after_workers();
  process::Task<void> come_to_rest();
  bool is_at_rest() const;

  Host& host_;
  const ServerPlan plan_;
  posix::UniqueFd listener_;
  std::shared_ptr<LogBook> log_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  boost::asio::signal_set signals_;
  std::list<Program> programs_;
  std::size_t connections_ = 0;
  process::Occasion stopping_;
  process::Occasion at_once_;
};

}  // namespace hubcell::control
