// Bytes that JSON text cannot hold as they are.
#pragma once

#include <string>
#include <string_view>

namespace hubcell::compare {

// How deep values are nested at most that are written, and read; what goes to a worker is not nested deeper either.
inline constexpr int kCallDepthMax = 64;

// As JSON readers want it: no surrogates, no overlong forms, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);
std::string hex_of(std::string_view bytes);
// Throws Error(Usage) where it is no hexadecimal text.
std::string bytes_of_hex(std::string_view hex);

}  // namespace hubcell::compare
