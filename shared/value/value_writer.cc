#include <cstring>

#include <hubcell/error.h>

#include "shared/value/copied_bytes.h"
#include "shared/value/identity_map.h"
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

// What is to be known of a message before it is written: its tensors, in the order in which they will be, since they are
// placed first; and which values it holds twice.
class Survey {
 public:
  void look_at(const Value& value, std::size_t depth = 1) {
    if (depth > wire::kValueDepthMax) refuse_depth();
    if (value.others_share_it() && was_seen(value.identity())) return;
    if (++nodes_ > wire::kValueNodesMax) refuse_parts();
    if (const std::vector<Value>* items = value.items()) {
      for (const Value& item : *items)
        look_at(item, depth + 1);
    } else if (value.is<Dict>()) {
      for (const auto& [key, item] : value.as<Dict>().items) {
        look_at(key, depth + 1);
        look_at(item, depth + 1);
      }
    } else if (value.is<Slice>()) {
      for (const Value& bound : value.as<Slice>().bounds)
        look_at(bound, depth + 1);
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

  const std::vector<const Tensor*>& tensors() const { return tensors_; }
  bool repeats(const Value& value) const {
    if (!repeats_any_) return false;
    const bool* is_repeated = seen_.find(value.identity());
    return is_repeated != nullptr && *is_repeated;
  }

 private:
  void add(const Tensor& tensor) { tensors_.push_back(&tensor); }

  bool was_seen(const void* identity) {
    bool* const is_repeated = seen_.find(identity);
    if (is_repeated == nullptr) {
      seen_.insert(identity, false);
      return false;
    }
    return *is_repeated = repeats_any_ = true;
  }

  std::vector<const Tensor*> tensors_;
  IdentityMap<bool> seen_;  // whether it was seen more than once
  bool repeats_any_ = false;
  std::size_t nodes_ = 0;
};

class Writing {
 public:
  Writing(wire::SpanWriter& writer, const ValueWriteContext& context, const Survey& survey,
          const PlacedTensors& placed)
      : writer_(writer), context_(context), survey_(survey), placed_(placed) {}

  void write(const Value& value) {
    if (!survey_.repeats(value)) return write_content(value);
    if (const SharedValue* known = shared_.find(value.identity())) return write_reference(*known);
    shared_.insert(value.identity(), {.number = shared_.size()});
    tag(Tag::Shared);
    const std::size_t nodes_before = nodes_;
    const std::size_t deepest_before = std::exchange(deepest_, depth_);
    write_content(value);
    SharedValue& shared = *shared_.find(value.identity());
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
    const TensorLayout& layout = placed_.tensors.at(tensors_written_++);
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
  const Survey& survey_;
  const PlacedTensors& placed_;
  std::size_t tensors_written_ = 0;
  IdentityMap<SharedValue> shared_;
  std::size_t depth_ = 0;
  std::size_t deepest_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

void write_values(wire::SpanWriter& writer, std::span<const Value* const> values,
                  const ValueWriteContext& context) {
  Survey survey;
  for (const Value* value : values)
    survey.look_at(*value);
  PlacedTensors placed;
  if (!survey.tensors().empty()) placed = context.place_tensors(survey.tensors());
  writer(placed.blocks);
  Writing writing(writer, context, survey, placed);
  for (const Value* value : values)
    writing.write(*value);
}

void write_value(wire::SpanWriter& writer, const Value& value, const ValueWriteContext& context) {
  const Value* const values[] = {&value};
  write_values(writer, values, context);
}

namespace {

void copy_into(const Tensor& tensor, const TensorLayout& where, std::byte* block) {
  if (tensor.is_contiguous() && where.strides.empty()) {
    copied_bytes += tensor.bytes();
    std::memcpy(block + where.begin, tensor.data(), tensor.bytes());
    return;
  }
  const Tensor target = placed(tensor, where, block, nullptr);
  if (where.strides == tensor.strides()) {
    copy_elements(without_repeats(tensor), without_repeats(target));
  } else {
    copy_elements(tensor, target);
  }
}

}  // namespace

PlacedTensors place_copies(std::span<const Tensor* const> tensors,
                           const std::function<AllocatedBlock(std::uint64_t bytes)>& allocate) {
  BlockLayout layout = lay_out(tensors);
  PlacedTensors result{.blocks = {}, .tensors = std::move(layout.tensors)};
  result.blocks.reserve(layout.blocks.size());
  std::vector<std::byte*> memory;
  memory.reserve(layout.blocks.size());
  for (const PlannedBlock& planned : layout.blocks) {
    const AllocatedBlock allocated = allocate(planned.bytes);
    if (planned.has_gaps) std::memset(allocated.data, 0, planned.bytes);
    result.blocks.push_back(allocated.block);
    memory.push_back(allocated.data);
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i]->count() != 0) copy_into(*tensors[i], result.tensors[i], memory[result.tensors[i].block]);
  }
  return result;
}

}  // namespace hubcell
