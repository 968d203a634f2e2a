#include <cstring>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <hubcell/error.h>

#include "shared/value/value_codec.h"
#include "shared/value/value_tags.h"
#include "shared/wire/limits.h"

namespace hubcell {
namespace {

[[noreturn]] void refuse_depth() {
  throw Error(ErrorCode::Usage,
              "send a value: it is nested deeper than " + std::to_string(wire::kValueDepthMax));
}

[[noreturn]] void refuse_parts() {
  throw Error(ErrorCode::Usage, "send a value: it has more than " + std::to_string(wire::kValueNodesMax) +
                                    " parts; send numbers as one tensor");
}

// The tensors of a value, each once: they are placed before anything is written.
class Tensors {
 public:
  void collect(const Value& value, std::size_t depth = 1) {
    if (depth > wire::kValueDepthMax) refuse_depth();
    if (value.others_share_it() && !seen_.insert(value.identity()).second) return;
    if (++nodes_ > wire::kValueNodesMax) refuse_parts();
    if (const std::vector<Value>* items = value.items()) {
      for (const Value& item : *items)
        collect(item, depth + 1);
    } else if (value.is<Dict>()) {
      for (const auto& [key, item] : value.as<Dict>().items) {
        collect(key, depth + 1);
        collect(item, depth + 1);
      }
    } else if (value.is<Slice>()) {
      for (const Value& bound : value.as<Slice>().bounds)
        collect(bound, depth + 1);
    } else if (value.is<Tensor>()) {
      add(value.tensor());
    } else if (value.is<Array>()) {
      add(value.as<Array>().elements);
    } else if (value.is<Image>()) {
      add(value.as<Image>().pixels);
    } else if (value.is<File>()) {
      add(value.as<File>().content);
    }
  }

  const std::vector<const Tensor*>& all() const { return all_; }
  std::size_t index_of(const Tensor& tensor) const { return index_.at(&tensor); }

 private:
  void add(const Tensor& tensor) {
    if (index_.emplace(&tensor, all_.size()).second) all_.push_back(&tensor);
  }

  std::vector<const Tensor*> all_;
  std::unordered_map<const Tensor*, std::size_t> index_;
  std::unordered_set<const void*> seen_;
  std::size_t nodes_ = 0;
};

class Writing {
 public:
  Writing(wire::SpanWriter& writer, const ValueWriteContext& context, const Tensors& tensors,
          const PlacedTensors& placed)
      : writer_(writer), context_(context), tensors_(tensors), placed_(placed) {}

  void write(const Value& value) {
    if (!value.others_share_it()) return write_content(value);
    const auto [entry, is_new] = shared_.emplace(value.identity(), SharedValue{.number = shared_.size()});
    SharedValue& shared = entry->second;
    if (!is_new) return write_reference(shared);
    tag(Tag::Shared);
    const std::size_t nodes_before = nodes_;
    const std::size_t deepest_before = std::exchange(deepest_, depth_);
    write_content(value);
    shared.nodes = nodes_ - nodes_before;
    shared.depth = deepest_ - depth_;
    deepest_ = std::max(deepest_, deepest_before);
  }

 private:
  struct SharedValue {
    std::size_t number = 0;
    std::size_t nodes = 0;  // what it adds wherever it is repeated
    std::size_t depth = 0;
  };

  void tag(Tag tag) { writer_(static_cast<std::uint8_t>(tag)); }

  // Counts what the receiver walks through, so that few bytes never stand for an endless walk.
  void write_reference(const SharedValue& shared) {
    if (depth_ + shared.depth > wire::kValueDepthMax) refuse_depth();
    deepest_ = std::max(deepest_, depth_ + shared.depth);
    if ((nodes_ += shared.nodes) > wire::kValueNodesMax) refuse_parts();
    tag(Tag::Reference);
    writer_(static_cast<std::uint32_t>(shared.number));
  }

  void write_content(const Value& value) {
    if (++depth_ > wire::kValueDepthMax) refuse_depth();
    deepest_ = std::max(deepest_, depth_);
    if (++nodes_ > wire::kValueNodesMax) refuse_parts();
    writer_(static_cast<std::uint8_t>(value.kind()));
    value.visit([this](const auto& content) { put(content); });
    --depth_;
  }

  void put(const None&) {}
  void put(const Ellipsis&) {}
  void put(bool flag) { writer_(flag); }
  void put(std::int64_t number) { writer_(number); }
  void put(double number) { writer_(number); }
  void put(const std::complex<double>& number) { writer_(number.real(), number.imag()); }
  void put(const std::string& text) { writer_(text); }
  void put(const Bytes& bytes) { writer_(bytes.data); }
  void put(const BigInt& number) { writer_(number.hex); }
  void put(const Range& range) { writer_(range.start, range.stop, range.step); }
  void put(const Path& path) { writer_(path.text); }
  void put(const TorchConstant& constant) { writer_(constant.name); }
  void put(const Scalar& scalar) {
    writer_(static_cast<std::uint8_t>(scalar.dtype));
    writer_.append(scalar.bytes.data(), item_bytes(scalar.dtype));
  }
  void put(const List& list) { put_items(list.items); }
  void put(const Tuple& tuple) { put_items(tuple.items); }
  void put(const NamedTuple& tuple) {
    writer_(tuple.type, tuple.fields);
    put_items(tuple.items);
  }
  void put(const Set& set) {
    writer_(set.is_frozen);
    put_items(set.items);
  }
  void put(const Dict& dict) {
    writer_(dict.is_ordered, static_cast<std::uint32_t>(dict.items.size()));
    for (const auto& [key, item] : dict.items) {
      write(key);
      write(item);
    }
  }
  void put(const Slice& slice) { put_items(slice.bounds); }
  void put(const Device& device) { writer_(device.type, device.index); }
  void put(const Size& size) { writer_(size.sizes); }
  void put(const Tensor& tensor) {
    const TensorLayout& layout = placed_.tensors[tensors_.index_of(tensor)];
    const bool is_strided = !tensor.is_contiguous();
    const auto flags =
        static_cast<std::uint8_t>((is_strided ? kStrided : 0) | (tensor.requires_grad() ? kRequiresGrad : 0) |
                                  (tensor.is_parameter() ? kParameter : 0));
    writer_(static_cast<std::uint8_t>(tensor.dtype()), flags, tensor.shape());
    if (is_strided) writer_(layout.strides);
    if (tensor.count() != 0) writer_(layout.block, layout.begin);
  }
  void put(const Array& array) { put(array.elements); }
  void put(const Image& image) {
    writer_(image.mode, image.width, image.height, image.palette_mode, image.palette.data);
    put(image.pixels);
  }
  void put(const File& file) {
    writer_(file.name);
    put(file.content);
  }
  void put(const Handle& handle) {
    const std::uint64_t number = context_.number_handle ? context_.number_handle(handle) : handle.id;
    writer_(number, handle.class_name, handle.is_callable, handle.is_module, handle.name);
  }
  void put_items(const std::vector<Value>& items) {
    writer_(static_cast<std::uint32_t>(items.size()));
    for (const Value& item : items)
      write(item);
  }

  wire::SpanWriter& writer_;
  const ValueWriteContext& context_;
  const Tensors& tensors_;
  const PlacedTensors& placed_;
  std::unordered_map<const void*, SharedValue> shared_;
  std::size_t depth_ = 0;
  std::size_t deepest_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

void write_value(wire::SpanWriter& writer, const Value& value, const ValueWriteContext& context) {
  Tensors tensors;
  tensors.collect(value);
  PlacedTensors placed;
  if (!tensors.all().empty()) placed = context.place_tensors(tensors.all());
  writer(placed.blocks);
  Writing(writer, context, tensors, placed).write(value);
}

PlacedTensors place_copies(std::span<const Tensor* const> tensors,
                           const std::function<AllocatedBlock(std::uint64_t bytes)>& allocate) {
  BlockLayout layout = lay_out(tensors);
  PlacedTensors result{.blocks = {}, .tensors = std::move(layout.tensors)};
  std::vector<std::byte*> memory;
  for (std::size_t i = 0; i < layout.block_bytes.size(); ++i) {
    const AllocatedBlock allocated = allocate(layout.block_bytes[i]);
    if (layout.has_gaps[i]) std::memset(allocated.data, 0, layout.block_bytes[i]);
    result.blocks.push_back(allocated.block);
    memory.push_back(allocated.data);
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i]->count() == 0) continue;
    const TensorLayout& where = result.tensors[i];
    const Tensor target = placed(*tensors[i], where, memory[where.block], nullptr);
    if (where.strides == tensors[i]->strides()) {
      copy_elements(without_repeats(*tensors[i]), without_repeats(target));
    } else {
      copy_elements(*tensors[i], target);
    }
  }
  return result;
}

}  // namespace hubcell
