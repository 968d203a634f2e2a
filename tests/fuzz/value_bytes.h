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
// The same, where the value is a tuple of the parts: of `count` of them any, and a dict in the place `dict_at`.
struct TupleOf {
  std::size_t count;
  std::size_t tuple_at;  // >= count: none
  std::size_t dict_at;   // >= count: none; its keys are texts
};
void write_any_tuple(wire::SpanWriter& writer, Random& random, BlockRange range, TupleOf parts,
                     std::uint64_t honest_fields = 300);

}  // namespace hubcell::fuzz
