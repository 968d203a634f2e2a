// Changes to an input that decoders stumble over: other counts and tags, parts that are missing, repeated or
// another input's.
#pragma once

#include "tests/fuzz/target.h"

namespace hubcell::fuzz {

inline constexpr std::size_t kInputBytesMax = 4096;

// One change; `other` gives parts.
void mutate(ByteString& input, std::span<const std::byte> other, Random& random);

}  // namespace hubcell::fuzz
