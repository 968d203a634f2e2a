#include "shared/value/value_codec.h"

#include "shared/wire/limits.h"

namespace hubcell {
namespace {

// On the wire: append, never reorder. Equal to the variant's indices, which the writer uses.
enum class Tag : std::uint8_t { None, Bool, Int, Float, Str, Bytes, List, Tuple, Dict, Tensor, Handle };
static_assert(static_cast<std::size_t>(Tag::Handle) + 1 == std::variant_size_v<Value::Variant>);

class Writing {
 public:
  Writing(wire::SpanWriter& writer, const BlockPlacer& place_block)
      : writer_(writer), place_block_(place_block) {}

  void write(const Value& value) {
    if (++depth_ > wire::kValueDepthMax) {
      throw Error(ErrorCode::Usage,
                  "send a value: it is nested deeper than " + std::to_string(wire::kValueDepthMax));
    }
    if (++nodes_ > wire::kValueNodesMax) {
      throw Error(ErrorCode::Usage, "send a value: it has more than " + std::to_string(wire::kValueNodesMax) +
                                        " parts; send numbers as one tensor");
    }
    writer_(static_cast<std::uint8_t>(value.variant().index()));
    std::visit([this](const auto& content) { put(content); }, value.variant());
    --depth_;
  }

 private:
  void put(const None&) {}
  void put(bool flag) { writer_(flag); }
  void put(std::int64_t number) { writer_(number); }
  void put(double number) { writer_(number); }
  void put(const std::string& text) { writer_(text); }
  void put(const Bytes& bytes) { writer_(bytes.data); }
  void put(const List& list) { put_items(list.items); }
  void put(const Tuple& tuple) { put_items(tuple.items); }
  void put(const Dict& dict) {
    writer_(static_cast<std::uint32_t>(dict.items.size()));
    for (const auto& [key, item] : dict.items) {
      write(key);
      write(item);
    }
  }
  void put(const Tensor& tensor) {
    writer_(static_cast<std::uint8_t>(tensor.dtype()), tensor.shape());
    if (tensor.bytes() != 0) writer_(place_block_(tensor));
  }
  void put(const Handle& handle) {
    writer_(handle.id, handle.class_name, handle.is_callable, handle.is_module);
  }
  void put_items(const std::vector<Value>& items) {
    writer_(static_cast<std::uint32_t>(items.size()));
    for (const Value& item : items)
      write(item);
  }

  wire::SpanWriter& writer_;
  const BlockPlacer& place_block_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

class Reading {
 public:
  Reading(wire::SpanReader& reader, const ValueReadContext& context) : reader_(reader), context_(context) {}

  Value read() {
    if (++depth_ > wire::kValueDepthMax) wire::malformed("a value is nested too deeply");
    if (++nodes_ > wire::kValueNodesMax) wire::malformed("a value has too many parts");
    Tag tag{};
    reader_(wire::checked_enum(tag, Tag::Handle));
    Value value = read_content(tag);
    --depth_;
    return value;
  }

 private:
  Value read_content(Tag tag) {
    switch (tag) {
      case Tag::None:
        return None{};
      case Tag::Bool:
        return plain<bool>();
      case Tag::Int:
        return plain<std::int64_t>();
      case Tag::Float:
        return plain<double>();
      case Tag::Str:
        return plain<std::string>();
      case Tag::Bytes:
        return Bytes{plain<std::string>()};
      case Tag::List:
        return List{read_items()};
      case Tag::Tuple:
        return Tuple{read_items()};
      case Tag::Dict:
        return read_dict();
      case Tag::Tensor:
        return read_tensor();
      case Tag::Handle:
        return read_handle();
    }
    wire::malformed("an unknown tag");
  }

  template <typename Plain>
  Plain plain() {
    Plain content{};
    reader_(content);
    return content;
  }

  std::vector<Value> read_items() {
    const std::size_t count = reader_.take_count(1);
    std::vector<Value> items;
    for (std::size_t i = 0; i < count; ++i)
      items.push_back(read());
    return items;
  }

  Value read_dict() {
    const std::size_t count = reader_.take_count(2);
    Dict dict;
    for (std::size_t i = 0; i < count; ++i) {
      Value key = read();
      dict.items.emplace_back(std::move(key), read());
    }
    return dict;
  }

  Value read_tensor() {
    DType dtype{};
    std::vector<std::int64_t> shape;
    reader_(wire::checked_enum(dtype, kDTypeLast), shape);
    if (shape.size() > wire::kTensorDimensionsMax) wire::malformed("a tensor has too many dimensions");
    std::size_t bytes = 0;
    try {
      bytes = Tensor(dtype, shape, nullptr, nullptr).bytes();
    } catch (const Error& impossible) {
      wire::malformed(impossible.what());
    }
    if (bytes == 0) return Tensor::zeros(dtype, std::move(shape));
    const auto block = plain<Block>();
    if (block.bytes != bytes) wire::malformed("a tensor's block is not as large as its shape");
    MappedBlock mapped = context_.map_block(block);
    return Tensor(dtype, std::move(shape), std::move(mapped.owner), mapped.data);
  }

  Value read_handle() {
    Handle handle;
    reader_(handle.id, handle.class_name, handle.is_callable, handle.is_module);
    handle.lease = context_.bind_handle(handle.id);
    return handle;
  }

  wire::SpanReader& reader_;
  const ValueReadContext& context_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

void write_value(wire::SpanWriter& writer, const Value& value, const BlockPlacer& place_block) {
  Writing(writer, place_block).write(value);
}

Value read_value(wire::SpanReader& reader, const ValueReadContext& context) {
  return Reading(reader, context).read();
}

}  // namespace hubcell
