// What a recording calls its tensors, and its bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubcell::compare {

inline constexpr std::int64_t kCallFormat = 1;
// Of one call without its tensors: a longer one is not written, and not read.
inline constexpr std::size_t kCallTextBytesMax = std::size_t{4} << 20;

// "call-000007".
std::string name_of_call(std::uint64_t number);
// Its number; none of another name.
std::optional<std::uint64_t> number_of_call(std::string_view name);

}  // namespace hubcell::compare
