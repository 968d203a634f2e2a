// A bisection as JSON, for scripts.
//
//     {"repo", "good": COMMIT, "bad": COMMIT, "commits": between them, "first_bad": COMMIT or null, "changes": of it, or null,
//      "candidates": [COMMIT...], "trials": [{"commit", "subject", "verdict": "good" | "bad" | "skip", "reason", "seconds", "step"}...],
//      "skipped": [{"commit", "reason"}...], "evaluations", "steps", "seconds", "interrupted"}
//     COMMIT: {"commit", "author", "time", "offset_minutes", "subject", "parents"}
//     changes: {"files": [{"path", "old_path", "status", "added", "removed", "binary"}...], "files_changed", "lines_added", "lines_removed"}
#pragma once

#include <nlohmann/json.hpp>

#include <hubcell/bisect.h>

namespace hubcell::compare {

// Text of the repository is as it came: dump() needs an error handler for what is no UTF-8.
nlohmann::ordered_json to_json(const Bisection& bisection);

}  // namespace hubcell::compare
