#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <cstring>

namespace hubcell::fuzz {
namespace {

using Difference = ByteString::difference_type;

struct Part {
  std::size_t begin;
  std::size_t bytes;
};

// Short for the most part: a field, a node.
Part choose_part(std::size_t size, Random& random) {
  const std::size_t begin = random.below(size);
  const std::size_t longest = random.one_in(4) ? size - begin : std::min<std::size_t>(size - begin, 16);
  return {.begin = begin, .bytes = 1 + random.below(longest)};
}

void put_number(ByteString& input, std::uint64_t number, std::size_t width, Random& random) {
  if (input.size() < width) return;
  std::memcpy(input.data() + random.below(input.size() - width + 1), &number, width);
}

// A number beside the one that is there: counts and offsets that are off by little.
void shift_number(ByteString& input, Random& random) {
  std::uint32_t number = 0;
  if (input.size() < sizeof number) return;
  std::byte* place = input.data() + random.below(input.size() - sizeof number + 1);
  std::memcpy(&number, place, sizeof number);
  number += static_cast<std::uint32_t>(random.below(9)) - 4;
  std::memcpy(place, &number, sizeof number);
}

void insert(ByteString& input, std::span<const std::byte> part, Random& random) {
  const auto place = input.begin() + static_cast<Difference>(random.below(input.size() + 1));
  input.insert(place, part.begin(), part.end());
}

void insert_part_of(ByteString& input, std::span<const std::byte> source, Random& random) {
  if (source.empty()) return;
  const Part part = choose_part(source.size(), random);
  const ByteString copied(source.begin() + static_cast<Difference>(part.begin),
                          source.begin() + static_cast<Difference>(part.begin + part.bytes));
  insert(input, copied, random);
}

void erase_part(ByteString& input, Random& random) {
  const Part part = choose_part(input.size(), random);
  const auto begin = input.begin() + static_cast<Difference>(part.begin);
  input.erase(begin, begin + static_cast<Difference>(part.bytes));
}

}  // namespace

void mutate(ByteString& input, std::span<const std::byte> other, Random& random) {
  if (input.empty()) return insert_part_of(input, other, random);
  std::byte& byte = input[random.below(input.size())];
  switch (random.below(10)) {
    case 0:
      byte = static_cast<std::byte>(random.next());
      break;
    case 1:  // tags, flags, small counts
      byte = static_cast<std::byte>(random.below(32));
      break;
    case 2:
      byte ^= static_cast<std::byte>(1U << random.below(8));
      break;
    case 3:
      put_number(input, random.edge(), 4, random);
      break;
    case 4:
      put_number(input, random.edge(), 8, random);
      break;
    case 5:
      shift_number(input, random);
      break;
    case 6:
      erase_part(input, random);
      break;
    case 7:
      input.resize(random.below(input.size() + 1));
      break;
    case 8:
      insert_part_of(input, input, random);
      break;
    default:
      insert_part_of(input, other, random);
      break;
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
}

}  // namespace hubcell::fuzz
