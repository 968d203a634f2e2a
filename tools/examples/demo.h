// The parts of hubcell-demo: two versions of one model in one program, and the proof that each answers as
// alone.
#pragma once

#include <string>

#include <hubcell/hub.h>

namespace hubcell::demo {

struct Places {
  std::string examples;  // this folder: scripts and samples
  std::string alone;     // <name>/<version>: the repositories' versions as plain folders
};

// Workers of Debian's interpreter, seed 0.
Hub make_hub();
// Hub::load; meanwhile a terminal says what is being fetched.
Value load_model(Hub& hub, const std::string& repository, const std::string& entry);

// Each prints its part to stdout and tells whether all checks held. Throw Error.
bool show_speech(const Places& places);
bool show_digits(const Places& places);

}  // namespace hubcell::demo
