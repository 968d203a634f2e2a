// Where the rest of hubcell lies, as seen from a program that the client library is part of.
#pragma once

#include <string>

namespace hubcell::client {

// The path of hubcell-supervisor: in the folder that HUBCELL_LIBEXEC names; without it beside the program or library that this
// code is in, as built and as installed; else in the tree that CMake found when the program was built. Throws Error(System)
// where none of these has it.
std::string find_supervisor();
// The folder that it lies in.
std::string find_libexec();

// The libexec folder of the tree that the program was built with; empty in hubcell's own programs, which lie beside
// theirs. In installed_libexec.cc, which is compiled in the project that builds the program.
const char* installed_libexec();

}  // namespace hubcell::client
