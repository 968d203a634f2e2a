#include "supervisor/process/fetcher.h"

#include <csignal>

#include <hubcell/error.h>

#include "shared/posix/process.h"
#include "shared/posix/process_use.h"
#include "shared/wire/limits.h"

namespace hubcell::process {
namespace {

constexpr Milliseconds kEndGrace{3000};
constexpr int kIdleLooksMax = 4;

// Whether it does something.
class Activity {
 public:
  explicit Activity(pid_t pid) : pid_(pid) {}
  void note_report() { idle_looks_ = 0; }
  // False where it did nothing for too long.
  bool look() {
    const std::chrono::milliseconds time = posix::processor_time_of(pid_);
    idle_looks_ = time == last_time_ ? idle_looks_ + 1 : 0;
    last_time_ = time;
    return idle_looks_ < kIdleLooksMax;
  }

 private:
  pid_t pid_;
  std::chrono::milliseconds last_time_{0};
  int idle_looks_ = 0;
};

std::string describe(const wire::FetchJob& job) {
  return "fetch " + (job.commit    ? job.commit->url
                     : job.file    ? job.file->url
                     : job.blob    ? job.blob->url
                     : job.history ? job.history->url
                                   : "the cache");
}

}  // namespace

Task<wire::FetchResult> run_fetch(asio::io_context& loop, std::string program, wire::FetchJob job,
                                  const Environment& environment,
                                  std::function<void(const wire::FetchEvent&)> report,
                                  Milliseconds look_every) {
  const std::string what = describe(job);
  const auto deadline =
      job.commit || job.history ? Milliseconds(wire::kFetchDeadline) : Milliseconds(wire::kFileDeadline);
  auto [ours, theirs] = posix::make_message_socket_pair();
  const posix::SpawnOptions options{.program = program,
                                    .arguments = {},
                                    .environment = environment.for_fetcher(job.origin),
                                    .directory = "/",
                                    .descriptors = {theirs.get()},
                                    .die_with_parent = true};
  posix::ChildProcess fetcher = posix::spawn(options);
  theirs.reset();
  posix::send_message(ours.get(), wire::encode(job), {});
  const auto end = std::chrono::steady_clock::now() + deadline;
  Activity activity(fetcher.pid());
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
    if (!co_await wait_readable(loop, ours.get(), std::min(left, look_every))) {
      if (std::chrono::steady_clock::now() < end && activity.look()) continue;
      const bool is_late = left <= look_every;
      const auto time = is_late ? deadline : kIdleLooksMax * look_every;
      throw Error(ErrorCode::Source, what + ": it " + (is_late ? "took longer than " : "did nothing for ") +
                                         std::to_string(time.count() / 1000) + " s and was ended");
    }
    activity.note_report();
    const std::optional<posix::Message> message = posix::receive_message(ours.get());
    if (!message) continue;
    if (message->bytes.empty()) {
      // It may have closed the socket and live on.
      if (!co_await wait_readable(loop, fetcher.pidfd(), kEndGrace)) fetcher.kill(SIGKILL);
      throw Error(ErrorCode::Source, what + ": the fetcher " + posix::describe(fetcher.wait()));
    }
    auto event = wire::decode<wire::FetchEvent>(message->bytes);
    if (!event.result) {
      report(event);
      continue;
    }
    if (event.result->unreachable) throw Unreachable(event.result->error_code, event.result->error_message);
    if (!event.result->ok()) throw Error(event.result->error_code, event.result->error_message);
    co_return std::move(*event.result);
  }
}

}  // namespace hubcell::process
