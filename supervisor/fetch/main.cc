// hubcell-fetch: one fetch, one process. It is the only program that reads foreign repositories.
//
// Descriptor 3 is a socket on which the FetchJob comes and the FetchEvents go
// (shared/wire/fetch_messages.h). Whatever goes wrong is told there, in one line; the exit code is 0 where a
// result was sent.
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <exception>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/message_socket.h"
#include "supervisor/fetch/fetch.h"
#include "supervisor/fetch/reporter.h"

namespace {

using namespace hubcell;

constexpr int kSocket = 3;
constexpr std::chrono::seconds kJobDeadline{30};

wire::FetchJob receive_job() {
  if (!posix::wait_readable(kSocket, kJobDeadline))
    throw Error(ErrorCode::Protocol, "hubcell-fetch: no job came within 30 s");
  const std::optional<posix::Message> message = posix::receive_message(kSocket);
  if (!message || message->bytes.empty())
    throw Error(ErrorCode::Protocol, "hubcell-fetch: the supervisor has closed its end before it sent a job");
  return wire::decode<wire::FetchJob>(message->bytes);
}

wire::FetchResult failed(ErrorCode code, const std::string& message) {
  wire::FetchResult result;
  result.error_code = code;
  result.error_message = message;
  return result;
}

wire::FetchResult run(fetch::Reporter& reporter) {
  try {
    return fetch::fetch(receive_job(), reporter);
  } catch (const Error& error) {
    return failed(error.code(), error.what());
  } catch (const std::exception& error) {
    return failed(ErrorCode::System, std::string("fetch: ") + error.what());
  }
}

}  // namespace

int main() {
  // The terminal's Ctrl-C is the program's to handle: its end is the supervisor's, and that is ours.
  for (const int ignored : {SIGINT, SIGHUP, SIGPIPE, SIGQUIT})
    std::signal(ignored, SIG_IGN);
  fetch::Reporter reporter(kSocket);
  try {
    reporter.result(run(reporter));
  } catch (const std::exception& error) {
    log::error(error.what());
    return 1;
  }
  return 0;
}
