#include <algorithm>
#include <utility>

#include <hubcell/error.h>

#include "shared/value/value_codec.h"
#include "shared/value/value_tags.h"
#include "shared/wire/limits.h"

namespace hubcell {
namespace {

// Of the smallest block in the table.
constexpr std::size_t kBlockBytesMin = 20;
// Room that is made before so many values have been seen.
constexpr std::size_t kReservedMax = 64;

class Reading {
 public:
  Reading(wire::SpanReader& reader, const ValueReadContext& context) : reader_(reader), context_(context) {}

  void read_blocks() {
    const std::size_t count = reader_.take_count(kBlockBytesMin);
    blocks_.reserve(std::min(count, kReservedMax));
    for (std::size_t i = 0; i < count; ++i) {
      const auto block = plain<Block>();
      blocks_.push_back({.bytes = block.bytes, .mapped = context_.map_block(block)});
    }
  }

  Value read() {
    Tag tag = read_tag();
    if (tag == Tag::Reference) return read_reference();
    if (tag != Tag::Shared) return read_content(tag);
    tag = read_tag();
    // Kinds that are kept in place are copied by each reference: a long text would grow without bound.
    if (tag < kTagFirstShared) wire::malformed("a mark on a value that cannot be shared");
    const std::size_t number = shared_.size();
    shared_.emplace_back();
    const std::size_t nodes_before = nodes_;
    const std::size_t deepest_before = std::exchange(deepest_, depth_);
    Value value = read_content(tag);
    shared_[number] = {
        .is_complete = true, .value = value, .nodes = nodes_ - nodes_before, .depth = deepest_ - depth_};
    deepest_ = std::max(deepest_, deepest_before);
    return value;
  }

 private:
  struct NamedBlock {
    std::uint64_t bytes;
    MappedBlock mapped;
  };
  struct SharedValue {
    bool is_complete = false;
    Value value;
    std::size_t nodes = 0;  // what it adds wherever it is repeated
    std::size_t depth = 0;
  };

  Tag read_tag() {
    Tag tag{};
    reader_(wire::checked_enum(tag, kTagLast));
    return tag;
  }

  void count_nodes(std::size_t nodes) {
    if ((nodes_ += nodes) > wire::kValueNodesMax) wire::malformed("a value has too many parts");
  }
  void reach_depth(std::size_t depth) {
    if (depth > wire::kValueDepthMax) wire::malformed("a value is nested too deeply");
    deepest_ = std::max(deepest_, depth);
  }

  Value read_reference() {
    const auto number = plain<std::uint32_t>();
    if (number >= shared_.size() || !shared_[number].is_complete) {
      wire::malformed("a value refers to one that does not precede it");
    }
    reach_depth(depth_ + shared_[number].depth);
    count_nodes(shared_[number].nodes);
    return shared_[number].value;
  }

  Value read_content(Tag tag) {
    reach_depth(++depth_);
    count_nodes(1);
    Value value = read_kind(tag);
    --depth_;
    return value;
  }

  Value read_kind(Tag tag) {
    switch (tag) {
      case Tag::None:
        return None{};
      case Tag::Ellipsis:
        return Ellipsis{};
      case Tag::Bool:
        return plain<bool>();
      case Tag::Int:
        return plain<std::int64_t>();
      case Tag::Float:
        return plain<double>();
      case Tag::Complex: {
        const auto real = plain<double>();
        return std::complex<double>(real, plain<double>());
      }
      case Tag::Str:
        return plain<std::string>();
      case Tag::Bytes:
        return Bytes{plain<std::string>()};
      case Tag::BigInt:
        return read_big_int();
      case Tag::Range:
        return read_range();
      case Tag::Path:
        return Path{plain<std::string>()};
      case Tag::TorchConstant:
        return TorchConstant{plain<std::string>()};
      case Tag::Scalar:
        return read_scalar();
      case Tag::List:
        return List{read_items()};
      case Tag::Tuple:
        return Tuple{read_items()};
      case Tag::NamedTuple:
        return read_named_tuple();
      case Tag::Set: {
        const bool is_frozen = plain<bool>();
        return Set{.items = read_items(), .is_frozen = is_frozen};
      }
      case Tag::Dict:
        return read_dict();
      case Tag::Slice:
        return read_slice();
      case Tag::Device: {
        auto type = plain<std::string>();
        return Device{.type = std::move(type), .index = plain<std::optional<std::int64_t>>()};
      }
      case Tag::Size:
        return Size{plain<std::vector<std::int64_t>>()};
      case Tag::Tensor:
        return read_tensor();
      case Tag::Array:
        return Array{read_tensor()};
      case Tag::Image:
        return read_image();
      case Tag::File: {
        auto name = plain<std::string>();
        return File{.name = std::move(name), .content = read_bytes_tensor()};
      }
      case Tag::Handle:
        return read_handle();
      case Tag::Shared:
      case Tag::Reference:
        break;
    }
    wire::malformed("a mark or a reference where a value should be");
  }

  template <typename Plain>
  Plain plain() {
    Plain content{};
    reader_(content);
    return content;
  }

  DType read_dtype() {
    DType dtype{};
    reader_(wire::checked_enum(dtype, kDTypeLast));
    return dtype;
  }

  std::vector<Value> read_items() {
    const std::size_t count = reader_.take_count(1);
    std::vector<Value> items;
    items.reserve(std::min(count, kReservedMax));
    for (std::size_t i = 0; i < count; ++i)
      items.push_back(read());
    return items;
  }

  Value read_big_int() {
    BigInt number{plain<std::string>()};
    std::string_view digits = number.hex;
    if (digits.starts_with('-')) digits.remove_prefix(1);
    const bool is_hex = digits.starts_with("0x") && digits.size() > 2 &&
                        digits.substr(2).find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!is_hex) wire::malformed("an int is no hexadecimal number");
    return number;
  }

  Value read_range() {
    Range range;
    reader_(range.start, range.stop, range.step);
    if (range.step == 0) wire::malformed("a range goes nowhere");
    return range;
  }

  Value read_scalar() {
    Scalar scalar{.dtype = read_dtype()};
    const auto bytes = reader_.take(item_bytes(scalar.dtype));
    std::ranges::copy(bytes, scalar.bytes.begin());
    return scalar;
  }

  Value read_named_tuple() {
    NamedTuple tuple;
    reader_(tuple.type, tuple.fields);
    tuple.items = read_items();
    if (tuple.items.size() != tuple.fields.size())
      wire::malformed("a named tuple has not one name for each item");
    return tuple;
  }

  Value read_dict() {
    Dict dict;
    dict.is_ordered = plain<bool>();
    const std::size_t count = reader_.take_count(2);
    for (std::size_t i = 0; i < count; ++i) {
      Value key = read();
      dict.items.emplace_back(std::move(key), read());
    }
    return dict;
  }

  Value read_slice() {
    Slice slice{read_items()};
    if (slice.bounds.size() != 3) wire::malformed("a slice has not three bounds");
    return slice;
  }

  Tensor read_tensor() {
    const DType dtype = read_dtype();
    const auto flags = plain<std::uint8_t>();
    auto shape = plain<std::vector<std::int64_t>>();
    if ((flags & ~kTensorFlagsAll) != 0) wire::malformed("a tensor has an unknown flag");
    if (shape.size() > wire::kTensorDimensionsMax) wire::malformed("a tensor has too many dimensions");
    std::vector<std::int64_t> strides;
    if ((flags & kStrided) != 0) strides = plain<std::vector<std::int64_t>>();
    Tensor tensor = locate(dtype, std::move(shape), (flags & kStrided) != 0 ? &strides : nullptr);
    if ((flags & (kRequiresGrad | kParameter)) == 0) return tensor;
    return tensor.with_grad((flags & kRequiresGrad) != 0, (flags & kParameter) != 0);
  }

  // `strides` null: contiguous.
  Tensor locate(DType dtype, std::vector<std::int64_t> shape, const std::vector<std::int64_t>* strides) {
    try {
      const Tensor shape_only = strides == nullptr
                                    ? Tensor(dtype, shape, nullptr, nullptr)
                                    : Tensor::strided(dtype, shape, *strides, nullptr, nullptr);
      if (shape_only.count() == 0) return Tensor::zeros(dtype, std::move(shape));
      const auto [owner, data] = find_memory(shape_only);
      if (strides == nullptr) return Tensor(dtype, std::move(shape), owner, data);
      return Tensor::strided(dtype, std::move(shape), *strides, owner, data);
    } catch (const Error& impossible) {
      if (impossible.code() == ErrorCode::Protocol) throw;
      wire::malformed(impossible.what());
    }
  }

  std::pair<std::shared_ptr<void>, std::byte*> find_memory(const Tensor& tensor) {
    const auto index = plain<std::uint32_t>();
    const auto begin = plain<std::uint64_t>();
    if (index >= blocks_.size()) wire::malformed("a tensor lies in a block that is not in the table");
    const NamedBlock& block = blocks_[index];
    const std::uint64_t extent = tensor.extent_bytes();
    if (begin % std::min<std::size_t>(item_bytes(tensor.dtype()), 8) != 0 || extent > block.bytes ||
        begin > block.bytes - extent) {
      wire::malformed("a tensor does not lie within its block");
    }
    return {block.mapped.owner, block.mapped.data + begin};
  }

  Tensor read_bytes_tensor() {
    Tensor bytes = read_tensor();
    if (bytes.dtype() != DType::UInt8 || bytes.shape().size() != 1 || !bytes.is_contiguous())
      wire::malformed("bytes are no tensor of bytes");
    return bytes;
  }

  Value read_image() {
    Image image;
    reader_(image.mode, image.width, image.height, image.palette_mode, image.palette.data);
    if (image.width < 0 || image.height < 0) wire::malformed("an image has a negative size");
    image.pixels = read_bytes_tensor();
    return image;
  }

  Value read_handle() {
    Handle handle;
    reader_(handle.id, handle.class_name, handle.is_callable, handle.is_module, handle.name);
    handle.lease = context_.bind_handle(handle.id);
    return handle;
  }

  wire::SpanReader& reader_;
  const ValueReadContext& context_;
  std::vector<NamedBlock> blocks_;
  std::vector<SharedValue> shared_;
  std::size_t depth_ = 0;
  std::size_t deepest_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

std::vector<Value> read_values(wire::SpanReader& reader, std::size_t count, const ValueReadContext& context) {
  Reading reading(reader, context);
  reading.read_blocks();
  std::vector<Value> values;
  values.reserve(std::min(count, kReservedMax));
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(reading.read());
  return values;
}

Value read_value(wire::SpanReader& reader, const ValueReadContext& context) {
  return std::move(read_values(reader, 1, context).front());
}

}  // namespace hubcell
