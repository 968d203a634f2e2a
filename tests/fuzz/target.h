// What a fuzz target defines, one program each. replay.cc runs it on its corpus and on inputs that it makes up;
// libfuzzer.cc on those that libFuzzer finds.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/random.h"

namespace hubcell::fuzz {

using ByteString = std::vector<std::byte>;

enum class Verdict { Accepted, Refused };

struct Seed {
  std::string name;
  ByteString bytes;
};

// Decodes an input, and stops the process (HUBCELL_CHECK, an exception that is no Error(Protocol)) where the decoder
// breaks a promise. Keeps nothing between two inputs.
Verdict run_input(std::span<const std::byte> input);

// Well-formed inputs, one of each sort: what the corpus is made of.
std::vector<Seed> make_seeds();

// A new input that is well-formed for the most part.
ByteString generate(Random& random);

}  // namespace hubcell::fuzz
