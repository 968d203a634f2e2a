// read_value, and write_value of all that it lets through.
#include "shared/value/value_codec.h"

#include <cstdio>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/value_bytes.h"
#include "tests/fuzz/value_checks.h"
#include "tests/support/sample_values.h"

namespace hubcell::fuzz {
namespace {

std::optional<Value> read(std::span<const std::byte> bytes, Memory& memory) {
  try {
    wire::SpanReader reader(bytes);
    return read_value(reader, memory.reader());
  } catch (const Error& refusal) {
    HUBCELL_CHECK(refusal.code() == ErrorCode::Protocol);
    return std::nullopt;
  }
}

// What was read can be written, but for a copy without gaps that needs more room than the original.
std::optional<ByteString> write(const Value& value, Memory& memory) {
  try {
    wire::SpanWriter writer;
    write_value(writer, value, memory.writer());
    return writer.take_bytes();
  } catch (const Error& refusal) {
    HUBCELL_CHECK(refusal.code() == ErrorCode::System);
    return std::nullopt;
  }
}

}  // namespace

Verdict run_input(std::span<const std::byte> input) {
  static Memory first, second, third;
  first.reset();
  second.reset();
  third.reset();
  const std::optional<Value> value = read(input, first);
  if (!value) return Verdict::Refused;
  check_value(*value, first);
  const std::optional<ByteString> written = write(*value, second);
  if (!written) return Verdict::Accepted;
  const std::optional<Value> copy = read(*written, second);
  HUBCELL_CHECK(copy.has_value());
  check_value(*copy, second);
  if (!is_small(*value)) return Verdict::Accepted;
  check_same(*copy, *value);
  // The copy has no gaps left to close.
  const std::optional<ByteString> rewritten = write(*copy, third);
  HUBCELL_CHECK(rewritten.has_value());
  const std::optional<Value> again = read(*rewritten, third);
  HUBCELL_CHECK(again.has_value());
  const std::string difference = tests::difference(*again, *copy);
  if (!difference.empty())
    std::fprintf(stderr, "what is written twice is not the same: %s\n", difference.c_str());
  HUBCELL_CHECK(difference.empty());
  return Verdict::Accepted;
}

std::vector<Seed> make_seeds() {
  std::vector<Seed> seeds;
  for (const auto& [name, value] : tests::sample_values({DType::Float32, DType::Float8E5M2})) {
    Memory memory;
    wire::SpanWriter writer;
    write_value(writer, value, memory.writer());
    std::string file = name;
    for (char& letter : file)
      if (letter == ' ' || letter == ',') letter = '_';
    seeds.push_back({.name = file, .bytes = writer.take_bytes()});
  }
  return seeds;
}

ByteString generate(Random& random) {
  wire::SpanWriter writer;
  write_any_value(writer, random, {.begin = 0, .bytes = kMemoryBytes});
  return writer.take_bytes();
}

}  // namespace hubcell::fuzz
