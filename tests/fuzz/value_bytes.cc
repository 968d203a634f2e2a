#include "tests/fuzz/value_bytes.h"

#include <algorithm>

#include "shared/channel/layout.h"
#include "shared/value/value_codec.h"
#include "shared/value/value_tags.h"

namespace hubcell::fuzz {
namespace {

constexpr std::size_t kDepthMax = 6;
constexpr std::size_t kNodesMax = 40;

class ValueBytes {
 public:
  ValueBytes(wire::SpanWriter& writer, Random& random, BlockRange range, std::uint64_t honest_fields)
      : writer_(writer), random_(random), range_(range), honest_fields_(honest_fields) {}

  void put_blocks() {
    const std::uint64_t count = random_.below(4);
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t begin =
          random_.below(range_.bytes) / channel::kBlockAlignment * channel::kBlockAlignment;
      const std::uint64_t bytes = 1 + random_.below(std::min<std::uint64_t>(range_.bytes - begin, 512));
      put<std::uint32_t>(0);
      put<std::uint64_t>(range_.begin + begin);
      put<std::uint64_t>(bytes);
      blocks_.push_back(bytes);
    }
  }

  void put_value(std::size_t depth = 1) {
    if (!shared_.empty() && random_.one_in(8)) return put_reference();
    const auto kinds = static_cast<std::uint64_t>(Tag::Handle) + 1;
    auto tag = static_cast<Tag>(random_.below(kinds));
    if (++nodes_ > kNodesMax || depth > kDepthMax) tag = static_cast<Tag>(random_.below(13));
    const bool is_shared = random_.one_in(6);
    if (is_shared) put_tag(Tag::Shared);
    const std::uint32_t number = next_number_;
    if (is_shared) ++next_number_;
    put_tag(tag);
    put_content(tag, depth);
    if (is_shared) shared_.push_back(number);
  }

  void put_values(std::size_t count) {
    for (std::size_t i = 1; i < count; ++i)
      put_value(2);
    put_dict_of_texts();
  }

 private:
  bool lies() { return random_.one_in(honest_fields_); }
  // A number of the wire's width, or a lie.
  template <typename Number>
  void put(std::uint64_t number) {
    writer_(static_cast<Number>(lies() ? random_.edge() : number));
  }
  void put_flag() { put<std::uint8_t>(random_.below(2)); }
  void put_tag(Tag tag) { put<std::uint8_t>(static_cast<std::uint64_t>(tag)); }

  void put_text() {
    const std::uint64_t bytes = random_.below(6);
    put<std::uint32_t>(bytes);
    for (std::uint64_t i = 0; i < bytes; ++i)
      writer_(static_cast<std::uint8_t>('a' + random_.below(26)));
  }

  void put_reference() {
    put_tag(Tag::Reference);
    put<std::uint32_t>(shared_[random_.below(shared_.size())]);
  }

  void put_items(std::size_t depth) {
    const std::uint64_t count = random_.below(4);
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i)
      put_value(depth + 1);
  }

  void put_dict_of_texts() {
    put_tag(Tag::Dict);
    put_flag();
    const std::uint64_t count = random_.below(3);
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      put_tag(Tag::Str);
      put_text();
      put_value(3);
    }
  }

  void put_content(Tag tag, std::size_t depth) {
    switch (tag) {
      case Tag::None:
      case Tag::Ellipsis:
        return;
      case Tag::Bool:
        return put_flag();
      case Tag::Int:
      case Tag::Float:
        return put<std::uint64_t>(random_.next());
      case Tag::Complex:
        put<std::uint64_t>(random_.next());
        return put<std::uint64_t>(random_.next());
      case Tag::Str:
      case Tag::Bytes:
      case Tag::Path:
      case Tag::TorchConstant:
        return put_text();
      case Tag::BigInt:
        writer_(std::string(random_.one_in(2) ? "-0x1f" : "0x10000000000000000"));
        return;
      case Tag::Range:
        for (int i = 0; i < 3; ++i)
          put<std::uint64_t>(random_.next());
        return;
      case Tag::Scalar:
        return put_scalar();
      case Tag::List:
      case Tag::Tuple:
        return put_items(depth);
      default:
        return put_larger(tag, depth);
    }
  }

  void put_larger(Tag tag, std::size_t depth) {
    switch (tag) {
      case Tag::NamedTuple:
        return put_named_tuple(depth);
      case Tag::Set:
        put_flag();
        return put_items(depth);
      case Tag::Dict:
        return put_dict_of_any(depth);
      case Tag::Slice:
        put<std::uint32_t>(3);
        for (int i = 0; i < 3; ++i)
          put_value(depth + 1);
        return;
      case Tag::Device:
        put_text();
        return put<std::uint8_t>(0);
      case Tag::Size:
        return put_numbers(random_.below(4), 5);
      case Tag::Tensor:
      case Tag::Array:
        return put_tensor();
      case Tag::Image:
        put_text();
        put<std::uint64_t>(random_.below(4));
        put<std::uint64_t>(random_.below(4));
        put_text();
        put_text();
        return put_bytes_tensor();
      case Tag::File:
        put_text();
        return put_bytes_tensor();
      case Tag::Handle:
        put<std::uint64_t>(random_.next());
        put_text();
        put_flag();
        return put_flag();
      default:
        return;
    }
  }

  void put_named_tuple(std::size_t depth) {
    put_text();
    const std::uint64_t count = random_.below(3);
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i)
      put_text();
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i)
      put_value(depth + 1);
  }

  void put_dict_of_any(std::size_t depth) {
    put_flag();
    const std::uint64_t count = random_.below(3);
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < 2 * count; ++i)
      put_value(depth + 1);
  }

  void put_scalar() {
    const auto dtype = random_.below(static_cast<std::uint64_t>(kDTypeLast) + 1);
    put<std::uint8_t>(dtype);
    for (std::size_t i = 0; i < item_bytes(static_cast<DType>(dtype)); ++i)
      writer_(static_cast<std::uint8_t>(random_.next()));
  }

  void put_numbers(std::uint64_t count, std::uint64_t bound) {
    put<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i)
      put<std::uint64_t>(random_.below(bound));
  }

  void put_tensor() {
    put<std::uint8_t>(random_.below(static_cast<std::uint64_t>(kDTypeLast) + 1));
    const std::uint64_t flags = random_.below(8);
    put<std::uint8_t>(flags);
    const std::uint64_t dimensions = random_.below(4);
    put<std::uint32_t>(dimensions);
    for (std::uint64_t i = 0; i < dimensions; ++i)
      put<std::uint64_t>(random_.one_in(16) ? 0 : 1 + random_.below(4));
    if ((flags & kStrided) != 0) put_numbers(dimensions, 8);
    put_place();
  }

  void put_bytes_tensor() {
    put<std::uint8_t>(static_cast<std::uint64_t>(DType::UInt8));
    put<std::uint8_t>(0);
    put<std::uint32_t>(1);
    put<std::uint64_t>(1 + random_.below(12));
    put_place();
  }

  void put_place() {
    const std::uint64_t block = blocks_.empty() ? 0 : random_.below(blocks_.size());
    put<std::uint32_t>(block);
    put<std::uint64_t>(blocks_.empty() ? 0 : random_.below(1 + blocks_[block] / 4) / 8 * 8);
  }

  wire::SpanWriter& writer_;
  Random& random_;
  BlockRange range_;
  std::uint64_t honest_fields_;
  std::vector<std::uint64_t> blocks_;  // bytes
  std::vector<std::uint32_t> shared_;  // numbers of what is complete
  std::uint32_t next_number_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

void write_any_value(wire::SpanWriter& writer, Random& random, BlockRange range,
                     std::uint64_t honest_fields) {
  ValueBytes bytes(writer, random, range, honest_fields);
  bytes.put_blocks();
  bytes.put_value();
}

void write_any_values(wire::SpanWriter& writer, Random& random, BlockRange range, std::size_t count,
                      std::uint64_t honest_fields) {
  ValueBytes bytes(writer, random, range, honest_fields);
  bytes.put_blocks();
  bytes.put_values(count);
}

}  // namespace hubcell::fuzz
