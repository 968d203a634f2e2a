// Answers as JSON: the OUT forms that scripts rely on.
//
//     {"type": "tensor", "dtype", "shape", "sha256", "sum", "mean", "min", "max", "data": up to 64 elements,
//     flat}
//     {"type": "tuple", "items": [OUT...]}    {"type": "dict", "items": [[OUT, OUT]...]}
//     {"type": "handle", "class", "repr"}     {"type": "bytes", "bytes", "sha256"}
//     null, true, 1, 0.5, "text", [OUT...]
//
// Numbers are printed so that the same double is read back; float16, bfloat16 and float32 are exact as
// doubles. NaN and infinities are the strings "nan", "inf", "-inf"; complex numbers [re, im].
#pragma once

#include <nlohmann/json.hpp>

#include <hubcell/value.h>

namespace hubcell::cli {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kJsonElementsMax = 64;

// Asks the worker for the repr of each handle.
Json to_json(const Value& value);
Json to_json(double number);
// One line; text of the worker that is not UTF-8 is replaced where it is wrong.
std::string dump(const Json& json);

}  // namespace hubcell::cli
