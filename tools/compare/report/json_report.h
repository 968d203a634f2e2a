// A comparison as JSON, for scripts. Names of fields are a promise: they are added to, and not changed.
//
// Figures that were not measured are absent or null, and say why in `note`. NaN and infinities are the strings "nan", "inf" and "-inf". Single
// figures stand under `figures` by the names that conditions use (figures.h).
#pragma once

#include <nlohmann/json.hpp>

#include <hubcell/comparison.h>

namespace hubcell::compare {

nlohmann::ordered_json to_json(const Comparison& comparison);
// {"id", "author", "time", "subject"}; {"path", "status", "added", "removed"}
nlohmann::ordered_json to_json(const Commit& commit);
nlohmann::ordered_json to_json(const FileChange& change);

}  // namespace hubcell::compare
