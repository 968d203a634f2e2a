// UTF-8 of unknown origin, for people: what is none, and what hides or reorders other text, is made visible, and it is measured in the
// columns of a terminal, not in bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hubcell::text {

// One line of well-formed UTF-8 of which every character is seen. Line ends and tabs become spaces. Bytes that are no UTF-8, control
// characters, and those that set the direction of text or take no room become U+FFFD.
std::string visible(std::string_view text);

// The columns that it takes in a terminal: 2 of each wide character, none of combining marks. Never too few.
std::size_t columns_of(std::string_view text);

// At most so many columns, with "…" at the end, or in the middle, where something was left out. Of `text` that is already visible.
std::string shorten(std::string_view text, std::size_t columns);
std::string shorten_middle(std::string_view text, std::size_t columns);

// Of any text, what a sentence or a table may name: visible, shortened in the middle.
std::string brief(std::string_view text, std::size_t columns = 60);

// In lines of at most so many columns, broken at spaces, and in words only where one alone is longer than a line.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

}  // namespace hubcell::text
