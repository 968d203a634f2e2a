// Values as Python would write them: in paths, in messages, and to find the same key in two dicts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <hubcell/value.h>

namespace hubcell::compare {

// "'out'", "(1, 2.5)", "torch.float32"; tensors, handles and their like are described: "<a tensor float32 [2]>". At most about
// `bytes_max` bytes, cut with an ellipsis. Control characters, quotes and bytes that are no UTF-8 are escaped.
std::string repr(const Value& value, std::size_t bytes_max);

// The same text for equal values, and different ones for others as far as text tells (not what tensors hold). Adds its
// work to `work`: about one for each value in it and for each 4 KiB of text; past `work_max` what follows no longer counts.
std::string identity_text(const Value& value, std::uint64_t& work, std::uint64_t work_max);

// At most `bytes_max` bytes of it, cut with an ellipsis between two characters.
std::string shortened(std::string text, std::size_t bytes_max);

}  // namespace hubcell::compare
