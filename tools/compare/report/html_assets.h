// The style and the script of the page, as page.css and page.js have them, and what the page's policy says of them.
#pragma once

#include <string>

#include "tools/compare/report/html.h"

namespace hubcell::compare {

extern const Literal kPageStyle;
extern const Literal kPageScript;

// A Content-Security-Policy under which this style and this script run, pictures come from the page itself, and nothing else is loaded,
// run or sent.
std::string page_policy();

}  // namespace hubcell::compare
