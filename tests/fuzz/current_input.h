// Keeps the input that just runs, so that it is not lost with the process: whatever ends it, a file says what it was.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hubcell::fuzz {

// From now on the end of the process by a signal, a sanitizer or a hang of `hang_seconds` leaves the current input in
// `path`, and says so. Call once, before any input.
void keep_current_input(const std::string& path, unsigned hang_seconds);
// Borrows the bytes until the next call.
void set_current_input(std::span<const std::byte> input);
// Some input has ended since the last call: nothing hangs.
void note_progress();

}  // namespace hubcell::fuzz
