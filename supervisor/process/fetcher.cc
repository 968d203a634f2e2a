#include "supervisor/process/fetcher.h"

#include <csignal>

#include <hubcell/error.h>

#include "shared/posix/process.h"
#include "shared/wire/limits.h"

namespace hubcell::process {
namespace {

constexpr Milliseconds kEndGrace{3000};

std::string describe(const wire::FetchJob& job) {
  return "fetch " + (job.commit ? job.commit->url
                     : job.file ? job.file->url
                     : job.blob ? job.blob->url
                                : "the cache");
}

}  // namespace

Task<wire::FetchResult> run_fetch(asio::io_context& loop, std::string program, wire::FetchJob job,
                                  const Environment& environment,
                                  std::function<void(const wire::FetchEvent&)> report) {
  const std::string what = describe(job);
  const auto deadline = job.commit ? Milliseconds(wire::kFetchDeadline) : Milliseconds(wire::kFileDeadline);
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
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
    if (!co_await wait_readable(loop, ours.get(), left)) {
      throw Error(ErrorCode::Source, what + ": it took longer than " +
                                         std::to_string(deadline.count() / 1000) + " s and was ended");
    }
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
