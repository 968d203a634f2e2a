// The call that a command line describes: its arguments, and what of a load is called. For every command that loads and calls.
#pragma once

#include <string>
#include <vector>

#include <hubcell/hub.h>

#include "tools/cli/options.h"
#include "tools/cli/pick.h"

namespace hubcell::cli {

// Arguments in the order of the command line, by position or by name.
struct CallArguments {
  Arguments positional;
  Keywords named;

  void add(const std::string& name, Value value);
};

// Those of the entrypoint: -a.
CallArguments entry_arguments(const Options& options);

// Those of -x that torch makes or reads, with the content of files: read before anything is loaded, so that a missing one is told
// at once. Throws Error(System).
std::vector<InputSpec> read_specs(const Options& options);

// Those of the call: -x. What `specs` describe is made in the worker of `repository`, all at once, so that the input seed applies once.
CallArguments make_arguments(Hub& hub, const std::string& repository, const Options& options,
                             const std::vector<InputSpec>& specs);

// What --pick leads to in what was loaded from `repository`. Throws Error(Usage) where that cannot be called.
Object callable_of(const Target& target, const std::string& repository, const Options& options);

// The second of two repositories: "@ref" is another ref of the first, which `hub` is asked for then.
std::string second_repository(Hub& hub, const Options& options);

// Calls the object, or its method --call.
Value call_object(const Object& object, CallArguments arguments, const Options& options);

}  // namespace hubcell::cli
