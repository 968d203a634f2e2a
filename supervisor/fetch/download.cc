#include "supervisor/fetch/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/local_remote.h"
#include "supervisor/fetch/network_remote.h"
#include "supervisor/fetch/sha256.h"

namespace hubcell::fetch {
namespace {

// In a row, without getting any further.
constexpr int kBreaksMax = 4;
// Of a server that lets go again and again.
constexpr int kBreaksInAllMax = 100;
constexpr std::chrono::milliseconds kPause{100};  // after a break, times their number
constexpr std::size_t kReadBytes = std::size_t{1} << 18;

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "bytes 100-999/1000": first byte and whole length.
std::optional<std::pair<std::uint64_t, std::uint64_t>> content_range(const std::string& text) {
  const std::size_t dash = text.find('-'), slash = text.find('/');
  if (!text.starts_with("bytes ") || dash == std::string::npos || slash == std::string::npos)
    return std::nullopt;
  const auto first = number_of(text.substr(6, dash - 6)), whole = number_of(text.substr(slash + 1));
  if (!first || !whole) return std::nullopt;
  return std::pair(*first, *whole);
}

class Transfers {
 public:
  Transfers(const Download& wanted, const HttpSettings& settings, NewFile& file, Reporter& reporter)
      : wanted_(wanted), settings_(settings), file_(file), reporter_(reporter), buffer_(kReadBytes) {}

  std::string run() {
    int breaks = 0;
    int breaks_in_all = 0;
    for (std::uint64_t furthest = 0;;) {
      const auto began = std::chrono::steady_clock::now();
      try {
        transfer();
        return hash_.take();
      } catch (const Error& broken) {
        if (!is_receiving_ || broken.code() != ErrorCode::Source) throw;
        breaks = gets_further(furthest, std::chrono::steady_clock::now() - began) ? 1 : breaks + 1;
        furthest = std::max(furthest, file_.bytes());
        if (breaks > kBreaksMax || ++breaks_in_all > kBreaksInAllMax) {
          throw Error(ErrorCode::Source,
                      std::string(broken.what()) + " (after " + std::to_string(file_.bytes()) +
                          (total_ > 0 ? " of " + std::to_string(total_) : "") + " bytes, and " +
                          (breaks > kBreaksMax ? "no further in " + std::to_string(kBreaksMax) + " tries)"
                                               : std::to_string(kBreaksInAllMax) + " breaks)"));
        }
        log::info(wanted_.shown_as + ": " + broken.what() + "; going on");
      }
      std::this_thread::sleep_for(kPause * breaks);
    }
  }

 private:
  // A server that trickles keeps whoever waits for it for ever, also where each try brings a little.
  bool gets_further(std::uint64_t furthest, std::chrono::steady_clock::duration time) const {
    const std::uint64_t gained = file_.bytes() > furthest ? file_.bytes() - furthest : 0;
    const double enough =
        static_cast<double>(settings_.slow_bytes_per_second) * std::chrono::duration<double>(time).count();
    return gained > 0 && (time < settings_.slow_for || static_cast<double>(gained) >= enough);
  }

  void transfer() {
    is_receiving_ = false;
    HttpRequest request{.url = wanted_.url, .headers = {"Accept-Encoding: identity"}};
    if (file_.bytes() > 0 && !validator_.empty()) {
      request.headers.push_back("Range: bytes=" + std::to_string(file_.bytes()) + "-");
      request.headers.push_back("If-Range: " + validator_);
    }
    HttpTransfer transfer(settings_, request);
    is_receiving_ = true;
    begin(transfer.response());
    for (;;) {
      const std::size_t count = transfer.read(buffer_);
      if (count == 0) break;
      take(std::span(buffer_).first(count));
    }
    if (total_ > 0 && file_.bytes() != total_)
      throw Error(ErrorCode::Source, "the transfer ended at byte " + std::to_string(file_.bytes()) + " of " +
                                         std::to_string(total_));
  }

  void begin(const HttpResponse& response) {
    if (response.status == 206) {
      const auto range = content_range(response.header("content-range"));
      const bool was_asked_for = range && file_.bytes() > 0 && range->first == file_.bytes();
      if (was_asked_for && (total_ == 0 || total_ == range->second)) {
        total_ = range->second;
        return;
      }
      restart();
      throw Error(ErrorCode::Source, "the server answers with another part than it was asked for");
    }
    if (response.status != 200) {
      is_receiving_ = response.status == 416 && file_.bytes() > 0;
      restart();
      throw Error(ErrorCode::Source, describe_status(response));
    }
    restart();
    total_ = number_of(response.header("content-length")).value_or(0);
    if (total_ > wanted_.bytes_max) refuse_size();
    if (total_ > file_.free_bytes()) {
      throw Error(ErrorCode::System,
                  "it has " + std::to_string(total_) + " bytes, and the disk has room for " +
                      std::to_string(file_.free_bytes()) + "; make room or set TORCH_HOME");
    }
    // A weak validator promises less than equal bytes.
    validator_ = response.header("etag");
    if (validator_.empty() || validator_.starts_with("W/")) validator_ = response.header("last-modified");
  }

  void restart() {
    if (file_.bytes() == 0) return;
    file_.clear();
    hash_.take();
  }

  void take(std::span<const std::byte> bytes) {
    if (bytes.size() > wanted_.bytes_max - file_.bytes()) refuse_size();
    file_.append(bytes);
    hash_.add(bytes);
    if (!reporter_.progress("download " + wanted_.shown_as, file_.bytes(), total_))
      throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
  }

  [[noreturn]] void refuse_size() {
    is_receiving_ = false;
    throw Error(ErrorCode::Source, "it has more than " + std::to_string(wanted_.bytes_max) + " bytes");
  }

  const Download& wanted_;
  const HttpSettings& settings_;
  NewFile& file_;
  Reporter& reporter_;
  std::vector<std::byte> buffer_;
  Sha256 hash_;
  std::uint64_t total_ = 0;    // 0: the server does not say
  std::string validator_;      // for If-Range
  bool is_receiving_ = false;  // what goes wrong now may go well the next time
};

std::string copy_local(const Download& wanted, NewFile& file, Reporter& reporter) {
  const std::filesystem::path path = local_path(wanted.url);
  const posix::UniqueFd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) {
    throw Error(ErrorCode::Source,
                errno == ENOENT ? "there is no such file" : std::generic_category().message(errno));
  }
  std::vector<std::byte> buffer(kReadBytes);
  Sha256 hash;
  for (;;) {
    const ssize_t count = ::read(opened.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (posix::checked(count, "read " + path.string()) == 0) return hash.take();
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(count));
    file.append(bytes);
    hash.add(bytes);
    reporter.progress("copy " + wanted.shown_as, file.bytes());
  }
}

}  // namespace

std::string download(const Download& wanted, const HttpSettings& settings, NewFile& file,
                     Reporter& reporter) {
  try {
    if (!is_network_url(wanted.url)) return copy_local(wanted, file, reporter);
    return Transfers(wanted, settings, file, reporter).run();
  } catch (const Error& failure) {
    throw failure.context("download " + without_credentials(wanted.url));
  }
}

}  // namespace hubcell::fetch
