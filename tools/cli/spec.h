// What `-a` and `-x` mean: arguments of the entrypoint as values, and call inputs as values, files or recipes
// that torch follows in the worker.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <hubcell/hub.h>

namespace hubcell::cli {

// `-a VALUE` or `-a NAME=VALUE`: VALUE is JSON, Python's None, True or False, file:PATH, else a string.
struct NamedArgument {
  std::string name;  // empty: by position
  Value value;
};
NamedArgument parse_argument(const std::string& text);

// `-x SPEC` or `-x NAME=SPEC`.
struct CallInput {
  std::string name;  // empty: by position
  std::variant<Value, InputSpec>
      input;  // `json:VALUE` and `file:PATH`, or what the worker makes; a file's content is read later
};
// Throws UsageError on a spec that nobody could make: "rand:3xx4", "notes.txt".
CallInput parse_input(const std::string& text);
bool is_file(const InputSpec& spec);
// With the content where the spec is a file. Throws Error(System).
InputSpec with_content(const InputSpec& spec);

// A Value of JSON text; Error(Usage) says why there is none.
Value value_of_json(std::string_view text);

}  // namespace hubcell::cli
