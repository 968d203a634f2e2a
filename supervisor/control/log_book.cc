#include "supervisor/control/log_book.h"

#include <algorithm>
#include <chrono>

#include "shared/wire/limits.h"

namespace hubcell::control {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;

std::size_t bytes_of(const wire::LogLine& line) {
  return sizeof line + line.worker.size() + line.text.size();
}

}  // namespace

void LogBook::note(wire::LogKind kind, std::string_view worker, std::string_view text) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  wire::LogLine line{.time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                     .kind = kind,
                     .worker = std::string(worker.substr(0, wire::kOutputLineBytesMax)),
                     .text = std::string(text.substr(0, wire::kOutputLineBytesMax))};
  bytes_ += bytes_of(line);
  lines_.push_back(std::move(line));
  for (; bytes_ > kBytesMax; ++first_) {
    bytes_ -= bytes_of(lines_.front());
    lines_.pop_front();
  }
}

const wire::LogLine* LogBook::find(std::uint64_t& number) const {
  number = std::max(number, first_);
  return number - first_ < lines_.size() ? &lines_[number - first_] : nullptr;
}

}  // namespace hubcell::control
