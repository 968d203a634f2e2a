// What can be a ref: git's rules for branches and tags, and what begins a commit.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/url_text.h"

namespace hubcell::source {

// Digits of a whole commit, and the fewest that may stand for one.
inline constexpr std::size_t kCommitDigits = 40;
inline constexpr std::size_t kCommitDigitsMin = 7;

// Why `ref` cannot be a branch, tag or commit, as the end of a sentence; empty where it can.
std::string why_no_ref(std::string_view ref);

// kCommitDigitsMin to kCommitDigits hexadecimal digits.
bool may_begin_commit(std::string_view ref);
// kCommitDigits lower-case hexadecimal digits: a commit as the cache writes it.
bool is_commit(std::string_view text);
using hubcell::lower_case;

// `text` with control characters replaced, and shortened where it is long: fit for a message.
std::string printable(std::string_view text);
// The same in quotes.
std::string in_quotes(std::string_view text);

}  // namespace hubcell::source
