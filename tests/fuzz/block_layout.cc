// lay_out and place_copies, of tensors that lie in one piece of memory as the input says: overlapping, strided,
// expanded, empty.
#include "shared/value/block_layout.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/value/value_codec.h"
#include "tests/fuzz/target.h"

namespace hubcell::fuzz {
namespace {

constexpr std::size_t kTensorsMax = 6;
constexpr std::size_t kDimensionsMax = 4;
constexpr std::size_t kOriginBytes = 1024;
constexpr std::size_t kTargetBytes = 1 << 14;
constexpr std::byte kStale{0xee};  // lies in a block before it is written

// Reads the input as numbers; 0 after its end.
class Numbers {
 public:
  explicit Numbers(std::span<const std::byte> bytes) : left_(bytes) {}
  std::int64_t below(unsigned bound) {
    if (left_.empty()) return 0;
    const auto number = static_cast<unsigned>(left_[0]);
    left_ = left_.subspan(1);
    return number % bound;
  }
  bool at_end() const { return left_.empty(); }

 private:
  std::span<const std::byte> left_;
};

// No byte of it is 0: what was not sent is.
std::vector<std::byte>& origin() {
  static std::vector<std::byte> bytes = [] {
    std::vector<std::byte> filled(kOriginBytes);
    for (std::size_t i = 0; i < filled.size(); ++i)
      filled[i] = static_cast<std::byte>(1 + i % 255);
    return filled;
  }();
  return bytes;
}

// Error(Usage) where the shape cannot be.
Tensor read_tensor(Numbers& numbers) {
  const auto dtype = static_cast<DType>(numbers.below(static_cast<unsigned>(kDTypeLast) + 1));
  const auto item = static_cast<std::int64_t>(item_bytes(dtype));
  std::vector<std::int64_t> shape(static_cast<std::size_t>(numbers.below(kDimensionsMax + 1)));
  std::vector<std::int64_t> strides(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    shape[i] = numbers.below(6);
    strides[i] = numbers.below(16);
  }
  const std::int64_t begin = numbers.below(64) * item;
  return Tensor::strided(dtype, shape, strides, nullptr, origin().data() + begin);
}

std::vector<Tensor> read_tensors(std::span<const std::byte> input) {
  Numbers numbers(input);
  std::vector<Tensor> tensors;
  while (!numbers.at_end() && tensors.size() < kTensorsMax) {
    const Tensor tensor = read_tensor(numbers);
    const bool fits =
        tensor.count() == 0 || tensor.data() + tensor.extent_bytes() <= origin().data() + kOriginBytes;
    if (fits) tensors.push_back(tensor);
  }
  return tensors;
}

struct Target {
  std::vector<std::byte> bytes = std::vector<std::byte>(kTargetBytes, kStale);
  std::vector<std::span<std::byte>> blocks;

  PlacedTensors place(std::span<const Tensor* const> tensors) {
    std::ranges::fill(bytes, kStale);
    blocks.clear();
    std::size_t used = 0;
    return place_copies(tensors, [&](std::uint64_t wanted) {
      if (wanted > bytes.size() - used) throw Error(ErrorCode::System, "no more room");
      blocks.push_back(std::span(bytes).subspan(used, wanted));
      const AllocatedBlock allocated{.block = {.segment = 0, .offset = used, .bytes = wanted},
                                     .data = bytes.data() + used};
      used = std::min((used + wanted + 63) / 64 * 64, bytes.size());
      return allocated;
    });
  }
};

Tensor placed_in(const Target& target, const Tensor& tensor, const TensorLayout& layout) {
  HUBCELL_CHECK(layout.block < target.blocks.size());
  const std::span<std::byte> block = target.blocks[layout.block];
  const Tensor copy = placed(tensor, layout, block.data(), nullptr);
  HUBCELL_CHECK(layout.begin <= block.size() && copy.extent_bytes() <= block.size() - layout.begin);
  HUBCELL_CHECK(layout.begin % std::min<std::size_t>(item_bytes(tensor.dtype()), 8) == 0 ||
                copy.count() == 0);
  return copy;
}

void check_elements(const Tensor& copy, const Tensor& original) {
  const Tensor one = copy.contiguous(), other = original.contiguous();
  HUBCELL_CHECK(std::memcmp(one.data(), other.data(), one.bytes()) == 0);
}

// Tensors whose ranges meet keep their distance, in one block.
void check_pair(const std::vector<Tensor>& tensors, const std::vector<Tensor>& copies,
                const PlacedTensors& result, std::size_t i, std::size_t j) {
  const std::byte *one = tensors[i].data(), *other = tensors[j].data();
  const bool meet = one < other + tensors[j].extent_bytes() && other < one + tensors[i].extent_bytes();
  if (meet) {
    HUBCELL_CHECK(result.tensors[i].block == result.tensors[j].block);
    HUBCELL_CHECK(copies[j].data() - copies[i].data() == other - one);
    HUBCELL_CHECK(copies[i].strides() == tensors[i].strides());
  } else if (result.tensors[i].block == result.tensors[j].block) {
    HUBCELL_CHECK(copies[j].data() - copies[i].data() == other - one);
  }
}

void mark_elements(const Tensor& tensor, const Target& target, std::vector<bool>& sent) {
  std::vector<std::int64_t> position(tensor.shape().size(), 0);
  const std::vector<std::int64_t> strides = tensor.strides();
  for (std::size_t count = 0; count < tensor.count(); ++count) {
    std::int64_t offset = tensor.data() - target.bytes.data();
    for (std::size_t i = 0; i < position.size(); ++i)
      offset += position[i] * strides[i] * static_cast<std::int64_t>(item_bytes(tensor.dtype()));
    for (std::size_t i = 0; i < item_bytes(tensor.dtype()); ++i)
      sent[static_cast<std::size_t>(offset) + i] = true;
    for (std::size_t i = position.size(); i-- > 0 && ++position[i] == tensor.shape()[i];)
      position[i] = 0;
  }
}

// What lies between elements is zero: neither the sender's memory nor what the block held before.
void check_gaps(const Target& target, const std::vector<bool>& sent) {
  for (const std::span<std::byte> block : target.blocks) {
    for (const std::byte& byte : block) {
      const auto offset = static_cast<std::size_t>(&byte - target.bytes.data());
      HUBCELL_CHECK(sent[offset] || byte == std::byte{0});
    }
  }
}

void check_placed(const std::vector<Tensor>& tensors, Target& target) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& tensor : tensors)
    pointers.push_back(&tensor);
  const PlacedTensors result = target.place(pointers);
  HUBCELL_CHECK(result.tensors.size() == tensors.size() && result.blocks.size() == target.blocks.size());
  std::vector<Tensor> copies = tensors;
  std::vector<bool> sent(kTargetBytes);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].count() == 0) continue;
    copies[i] = placed_in(target, tensors[i], result.tensors[i]);
    check_elements(copies[i], tensors[i]);
    mark_elements(copies[i], target, sent);
    for (std::size_t j = 0; j < i; ++j)
      if (tensors[j].count() != 0) check_pair(tensors, copies, result, i, j);
  }
  check_gaps(target, sent);
}

}  // namespace

Verdict run_input(std::span<const std::byte> input) {
  static Target target;
  try {
    const std::vector<Tensor> tensors = read_tensors(input);
    check_placed(tensors, target);
    return tensors.empty() ? Verdict::Refused : Verdict::Accepted;
  } catch (const Error& refusal) {
    HUBCELL_CHECK(refusal.code() == ErrorCode::Usage || refusal.code() == ErrorCode::System);
    return Verdict::Refused;
  }
}

// dtype, dimensions, a size and a stride for each, begin.
std::vector<Seed> make_seeds() {
  const auto bytes = [](std::initializer_list<int> numbers) {
    ByteString text;
    for (const int number : numbers)
      text.push_back(static_cast<std::byte>(number));
    return text;
  };
  return {{.name = "contiguous", .bytes = bytes({8, 2, 2, 3, 3, 1, 0})},
          {.name = "transposed", .bytes = bytes({8, 2, 3, 1, 2, 3, 0})},
          {.name = "expanded", .bytes = bytes({8, 2, 4, 0, 3, 1, 0})},
          {.name = "scalar", .bytes = bytes({9, 0, 1})},
          {.name = "empty", .bytes = bytes({8, 2, 0, 1, 5, 1, 0})},
          {.name = "overlapping", .bytes = bytes({8, 2, 4, 4, 4, 1, 0, 8, 1, 4, 5, 0, 1, 1, 5, 3, 7})},
          {.name = "gaps", .bytes = bytes({8, 1, 4, 7, 0, 8, 1, 4, 7, 3})},
          {.name = "overlaps_itself", .bytes = bytes({5, 2, 5, 1, 5, 1, 0})}};
}

ByteString generate(Random& random) {
  ByteString bytes(random.below(40));
  for (std::byte& byte : bytes)
    byte = static_cast<std::byte>(random.one_in(3) ? random.below(6) : random.next());
  return bytes;
}

}  // namespace hubcell::fuzz
