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

// Parts of it may come from a repository. What is cut is cut between two characters where it is UTF-8.
void make_one_line(std::string& text, std::size_t bytes_max = kTextBytesMax) {
  if (text.size() > bytes_max) {
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
      --end;
    text.resize(end);
  }
  std::ranges::replace_if(
      text, [](char letter) { return std::iscntrl(static_cast<unsigned char>(letter)) != 0; }, ' ');
}

void make_fit(wire::CommitRecord& commit) {
  make_one_line(commit.author, wire::kHistoryTextBytesMax);
  make_one_line(commit.subject, wire::kHistoryTextBytesMax);
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
  send(wire::FetchEvent{.entry = std::move(entry)});
}

void Reporter::history(wire::HistoryPart part) {
  for (wire::CommitRecord& commit : part.commits)
    make_fit(commit);
  for (wire::FileRecord& file : part.files) {
    make_one_line(file.path, wire::kHistoryPathBytesMax);
    make_one_line(file.old_path, wire::kHistoryPathBytesMax);
  }
  send(wire::FetchEvent{.history = std::move(part)});
}

void Reporter::send(const wire::FetchEvent& event) {
  if (!posix::send_message(socket_, wire::encode(event), {}))
    throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
}

void Reporter::result(wire::FetchResult result) {
  if (result.history) {
    make_fit(result.history->a);
    make_fit(result.history->b);
  }
  make_one_line(result.error_message);
  result.unreachable = unreachable_ && !result.ok();
  for (std::string& warning : result.warnings)
    make_one_line(warning);
  const wire::FetchEvent event{.result = std::move(result)};
  posix::send_message(socket_, wire::encode(event), {});
}

}  // namespace hubcell::fetch
