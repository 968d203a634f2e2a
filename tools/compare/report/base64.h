// Base64 (RFC 4648), for pictures inside a page and for hashes in its policy.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hubcell::compare {

std::string base64(std::span<const std::uint8_t> bytes);
// Of the bytes that hex digits stand for.
std::string base64_of_hex(std::string_view digits);

}  // namespace hubcell::compare
