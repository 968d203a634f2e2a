// The bytes of a value as a worker might write them: of every kind, nested, shared, with tensors in blocks; here and
// there a field lies.
#pragma once

#include "shared/wire/codec.h"
#include "tests/fuzz/random.h"

namespace hubcell::fuzz {

// Where blocks may lie that are told rightly.
struct BlockRange {
  std::uint64_t begin = 0;  // at channel::kBlockAlignment
  std::uint64_t bytes = 0;
};

// Appends a block table and a value. One field of about `honest_fields` lies.
void write_any_value(wire::SpanWriter& writer, Random& random, BlockRange range,
                     std::uint64_t honest_fields = 300);
// The same, of `count` values, of which the last is a dict whose keys are texts, as a state is.
void write_any_values(wire::SpanWriter& writer, Random& random, BlockRange range, std::size_t count,
                      std::uint64_t honest_fields = 300);

}  // namespace hubcell::fuzz
