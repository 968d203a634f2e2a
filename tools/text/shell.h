// Words as a shell reads them.
#pragma once

#include <string>

namespace hubcell::text {

// The word itself where a shell takes it as it is, else in quotes.
std::string shell_word(const std::string& word);

}  // namespace hubcell::text
