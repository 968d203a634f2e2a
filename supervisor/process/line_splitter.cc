#include "supervisor/process/line_splitter.h"

#include <algorithm>

namespace hubcell::process {
namespace {

// Bytes of the escape sequence "ESC [ ... letter" that `text` begins with; 0 where it does not.
std::size_t escape_sequence_bytes(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const auto end = std::find_if(text.begin() + 2, text.end(), [](char c) { return c < 0x20 || c > 0x3f; });
  return end == text.end() || *end < 0x40 ? 0 : static_cast<std::size_t>(end - text.begin()) + 1;
}

std::string printable(std::string_view line) {
  std::string safe;
  safe.reserve(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (const std::size_t skipped = escape_sequence_bytes(line.substr(i)); skipped != 0) {
      i += skipped - 1;
      continue;
    }
    const auto byte = static_cast<unsigned char>(line[i]);
    const auto next = i + 1 < line.size() ? static_cast<unsigned char>(line[i + 1]) : 0;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;  // U+0080 to U+009F
    safe += (byte < 0x20 && line[i] != '\t') || byte == 0x7f || is_c1 ? '?' : line[i];
    if (is_c1) ++i;
  }
  return safe;
}

// Bytes at the end of `text` that begin a UTF-8 character and do not end it.
std::size_t unfinished_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

void LineSplitter::feed(std::string_view bytes, Time now) {
  while (!bytes.empty()) {
    if (after_return_ && bytes[0] != '\n' && bytes[0] != '\r') end_progress(now);
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    keep(bytes.substr(0, end));
    if (end == bytes.size()) return;
    // What a "\r" ends is known from the next byte alone.
    after_return_ = bytes[end] == '\r';
    if (!after_return_) end_line();
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish() {
  if (!line_.empty()) end_line();
}

void LineSplitter::keep(std::string_view text) {
  const std::size_t kept = std::min(text.size(), line_bytes_max_ - line_.size());
  line_.append(text.substr(0, kept));
  cut_bytes_ += text.size() - kept;
}

void LineSplitter::end_progress(Time now) {
  after_return_ = false;
  const bool is_shown = now >= next_progress_ && !is_blank(printable(line_));
  if (is_shown) {
    next_progress_ = now + kProgressInterval;
    end_line();
  }
  line_.clear();
  cut_bytes_ = 0;
}

void LineSplitter::end_line() {
  if (cut_bytes_ != 0) {
    const std::size_t unfinished = unfinished_bytes(line_);
    line_.resize(line_.size() - unfinished);
    cut_bytes_ += unfinished;
  }
  std::string text = printable(line_);
  if (cut_bytes_ != 0) text += " ... (" + std::to_string(cut_bytes_) + " more bytes of this line)";
  line_.clear();
  cut_bytes_ = 0;
  take_line_(std::move(text));
}

}  // namespace hubcell::process
