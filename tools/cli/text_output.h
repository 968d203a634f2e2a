// Answers as people read them: tensors in a few lines, tuples and dicts as trees, handles by their repr.
//
// Text of a worker is shown with its control characters spelt out: it must not steer the terminal.
#pragma once

#include <string>
#include <vector>

#include <hubcell/value.h>

#include "tools/cli/topk.h"
#include "tools/text/style.h"

namespace hubcell::cli {

// Ends with a newline. Asks the worker for the repr of each handle.
std::string to_text(const Value& value, const text::Style& style);
std::string to_text(const std::vector<RankedRow>& rows, const text::Style& style);

}  // namespace hubcell::cli
