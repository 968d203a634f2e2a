#include "supervisor/fetch/reporter.h"

#include <algorithm>
#include <cctype>
#include <exception>

#include <hubcell/error.h>

#include "shared/posix/message_socket.h"

namespace hubcell::fetch {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr std::size_t kTextBytesMax = 4096;

// Parts of it may come from a repository.
void make_one_line(std::string& text) {
  if (text.size() > kTextBytesMax) text.resize(kTextBytesMax);
  std::ranges::replace_if(
      text, [](char letter) { return std::iscntrl(static_cast<unsigned char>(letter)) != 0; }, ' ');
}

}  // namespace

bool Reporter::progress(const std::string& what, std::uint64_t done, std::uint64_t total) noexcept {
  try {
    last_done_ = done;
    last_total_ = total;
    const auto now = std::chrono::steady_clock::now();
    if (what == last_what_ && now < next_send_) return true;
    last_what_ = what;
    next_send_ = now + kInterval;
    const wire::FetchEvent event{.progress = wire::FetchProgress{.what = what, .done = done, .total = total}};
    return posix::send_message(socket_, wire::encode(event), {});
  } catch (const std::exception&) {
    return false;
  }
}

void Reporter::entry(wire::CacheEntry entry) {
  for (std::string* text : {&entry.name, &entry.refs, &entry.path, &entry.complaint})
    make_one_line(*text);
  const wire::FetchEvent event{.entry = std::move(entry)};
  if (!posix::send_message(socket_, wire::encode(event), {}))
    throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
}

void Reporter::result(wire::FetchResult result) {
  make_one_line(result.error_message);
  result.unreachable = unreachable_ && !result.ok();
  for (std::string& warning : result.warnings)
    make_one_line(warning);
  const wire::FetchEvent event{.result = std::move(result)};
  posix::send_message(socket_, wire::encode(event), {});
}

}  // namespace hubcell::fetch
