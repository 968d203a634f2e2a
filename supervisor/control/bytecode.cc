#include "supervisor/control/bytecode.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <vector>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/memory.h"
#include "shared/posix/message_socket.h"
#include "shared/posix/system_error.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::control {
namespace {

using process::Task;
namespace fs = std::filesystem;

constexpr std::size_t kArchiveBytesMax = 32 << 20;
constexpr std::uint64_t kMemoryBytes = std::uint64_t{1} << 30;
constexpr process::Milliseconds kCompileDeadline{60'000};

// A template says what it is called: it becomes the name of a file.
bool is_tag(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
  });
}

std::uint64_t archive_bytes(int memory) {
  std::uint64_t bytes = 0;
  const bool is_there = ::pread(memory, &bytes, sizeof bytes, 0) == sizeof bytes;
  return is_there && bytes > sizeof bytes && bytes <= kArchiveBytesMax ? bytes : 0;
}

// It has no name before it is whole.
void store(int memory, const fs::path& place) {
  const std::string attempt = "store " + place.string();
  const std::uint64_t bytes = archive_bytes(memory);
  if (bytes == 0) throw Error(ErrorCode::System, attempt + ": nothing was compiled");
  fs::create_directories(place.parent_path());
  const posix::UniqueFd file(
      posix::checked(::open(place.parent_path().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0444), attempt));
  off_t offset = 0;
  while (static_cast<std::uint64_t>(offset) < bytes) {
    const std::size_t rest = bytes - static_cast<std::uint64_t>(offset);
    if (posix::checked(::sendfile(file.get(), memory, &offset, rest), attempt) == 0) break;
  }
  posix::checked(::fsync(file.get()), attempt);
  const std::string unnamed = "/proc/self/fd/" + std::to_string(file.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, place.c_str(), AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST)
    posix::throw_errno(attempt);
}

posix::UniqueFd open_null() {
  return posix::UniqueFd(posix::checked(::open("/dev/null", O_WRONLY | O_CLOEXEC), "open /dev/null"));
}

// Throws Error. What ends the coroutine ends the process, by its template at the latest.
Task<void> compile(process::asio::io_context& loop, std::shared_ptr<process::TemplateProcess> origin,
                   std::string checkout, fs::path place) {
  const posix::UniqueFd memory = posix::make_sealed_memfd("hubcell-bytecode", kArchiveBytesMax);
  auto [control_ours, control_theirs] = posix::make_message_socket_pair();
  std::vector<posix::UniqueFd> descriptors;
  descriptors.push_back(std::move(control_theirs));
  descriptors.emplace_back(posix::checked(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 3), "duplicate a memfd"));
  descriptors.push_back(open_null());
  descriptors.push_back(open_null());
  wire::ForkWorker order;
  order.name = "compiler";
  order.checkout = checkout;
  order.memory_bytes = kMemoryBytes;
  order.compiles = true;
  auto ended = std::make_shared<process::Occasion>(loop);
  auto status = std::make_shared<posix::ExitStatus>();
  std::function<void(posix::ExitStatus)> on_end = [ended, status](posix::ExitStatus how) {
    *status = how;
    ended->happen();
  };
  const process::ForkedWorker compiler =
      co_await origin->fork_worker(order, std::move(descriptors), std::move(on_end));
  if (!co_await ended->wait(kCompileDeadline)) {
    posix::send_signal(compiler.pidfd.get(), SIGKILL);
    throw Error(ErrorCode::System, "compile " + checkout + ": it took too long");
  }
  if (status->signal != 0 || status->exit_code != 0)
    throw Error(ErrorCode::System, "compile " + checkout + ": the compiler " + posix::describe(*status));
  // One that was removed meanwhile leaves nothing behind.
  if (fs::is_directory(checkout)) store(memory.get(), place);
}

}  // namespace

std::string BytecodeCache::find(const std::string& checkout, const std::string& tag) {
  if (!is_tag(tag)) return "";
  const fs::path archive = source::bytecode_beside(checkout) / tag;
  std::error_code failed;
  return fs::is_regular_file(archive, failed) ? archive.string() : "";
}

void BytecodeCache::provide(process::asio::io_context& loop,
                            const std::shared_ptr<process::TemplateProcess>& origin,
                            const std::string& checkout) {
  const std::string tag = origin->versions().bytecode_tag;
  if (!is_tag(tag) || !find(checkout, tag).empty()) return;
  const fs::path place = source::bytecode_beside(checkout) / tag;
  if (::access(place.parent_path().parent_path().parent_path().c_str(), W_OK) != 0) return;
  if (!tried_.insert(place).second) return;
  auto guarded = [](process::asio::io_context& its_loop, std::shared_ptr<process::TemplateProcess> from,
                    std::string folder, fs::path archive) -> Task<void> {
    try {
      co_await compile(its_loop, std::move(from), std::move(folder), std::move(archive));
    } catch (const std::exception& failure) {
      log::info(failure.what());
    }
  };
  process::asio::co_spawn(loop, guarded(loop, origin, checkout, place), process::asio::detached);
}

}  // namespace hubcell::control
