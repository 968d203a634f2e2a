#include "tools/compare/traffic/copied_value.h"

#include <cstring>
#include <unordered_map>

namespace hubcell::compare {
namespace {

// What a value holds right below it: other values, and a tensor of its own.
struct Parts {
  std::vector<const Value*> values;
  const Tensor* tensor = nullptr;
};

struct PartsOf {
  static Parts each(const std::vector<Value>& items) {
    Parts parts;
    for (const Value& item : items)
      parts.values.push_back(&item);
    return parts;
  }
  Parts operator()(const List& list) const { return each(list.items); }
  Parts operator()(const Tuple& tuple) const { return each(tuple.items); }
  Parts operator()(const NamedTuple& tuple) const { return each(tuple.items); }
  Parts operator()(const Set& set) const { return each(set.items); }
  Parts operator()(const Slice& slice) const { return each(slice.bounds); }
  Parts operator()(const Dict& dict) const {
    Parts parts;
    for (const auto& [key, value] : dict.items)
      parts.values.insert(parts.values.end(), {&key, &value});
    return parts;
  }
  Parts operator()(const Tensor& tensor) const { return {.values = {}, .tensor = &tensor}; }
  Parts operator()(const Array& array) const { return {.values = {}, .tensor = &array.elements}; }
  Parts operator()(const Image& image) const { return {.values = {}, .tensor = &image.pixels}; }
  Parts operator()(const File& file) const { return {.values = {}, .tensor = &file.content}; }
  template <typename Other>
  Parts operator()(const Other&) const {
    return {};
  }
};

void add_content(const Value& value, ValueContent& content) {
  if (value.is<Handle>()) ++content.handles;
  const Parts parts = value.visit(PartsOf{});
  if (parts.tensor != nullptr) content.tensor_bytes += parts.tensor->bytes();
  for (const Value* part : parts.values)
    add_content(*part, content);
}

class Copying {
 public:
  Value copy(const Value& value) {
    const void* identity = value.identity();
    if (identity == nullptr) return value;
    if (const auto found = made_.find(identity); found != made_.end()) return found->second;
    Value made = value.visit([this](const auto& content) { return remake(content); });
    made_.emplace(identity, made);
    return made;
  }

 private:
  std::vector<Value> each(const std::vector<Value>& items) {
    std::vector<Value> made;
    made.reserve(items.size());
    for (const Value& item : items)
      made.push_back(copy(item));
    return made;
  }
  Value remake(const List& list) { return List{each(list.items)}; }
  Value remake(const Tuple& tuple) { return Tuple{each(tuple.items)}; }
  Value remake(const NamedTuple& tuple) { return NamedTuple{tuple.type, tuple.fields, each(tuple.items)}; }
  Value remake(const Set& set) { return Set{.items = each(set.items), .is_frozen = set.is_frozen}; }
  Value remake(const Slice& slice) { return Slice{each(slice.bounds)}; }
  Value remake(const Dict& dict) {
    Dict made{.items = {}, .is_ordered = dict.is_ordered};
    for (const auto& [key, value] : dict.items) {
      Value made_key = copy(key);
      made.items.emplace_back(std::move(made_key), copy(value));
    }
    return made;
  }
  Value remake(const Tensor& tensor) { return copied(tensor); }
  Value remake(const Array& array) { return Array{copied(array.elements)}; }
  Value remake(const Image& image) {
    Image made = image;
    made.pixels = copied(image.pixels);
    return made;
  }
  Value remake(const File& file) { return File{.name = file.name, .content = copied(file.content)}; }
  // Holds nothing that changes.
  template <typename Other>
  Value remake(const Other& other) {
    return other;
  }

  // Values that have been met live as long as what is copied.
  std::unordered_map<const void*, Value> made_;
};

}  // namespace

ValueContent content_of(const Value& value) {
  ValueContent content;
  add_content(value, content);
  return content;
}

ValueContent content_of(const Arguments& arguments, const Keywords& keywords) {
  ValueContent content;
  for (const Value& argument : arguments)
    add_content(argument, content);
  for (const auto& [name, argument] : keywords)
    add_content(argument, content);
  return content;
}

Tensor copied(const Tensor& tensor) {
  const std::size_t extent = tensor.count() == 0 ? 0 : tensor.extent_bytes();
  if (extent > tensor.bytes())
    return tensor.contiguous().with_grad(tensor.requires_grad(), tensor.is_parameter());
  // Not zeroed: all of it is written.
  const std::shared_ptr<std::byte[]> memory(new std::byte[extent == 0 ? 1 : extent]);
  if (extent != 0) std::memcpy(memory.get(), tensor.data(), extent);
  return Tensor::strided(tensor.dtype(), tensor.shape(), tensor.strides(), memory, memory.get())
      .with_grad(tensor.requires_grad(), tensor.is_parameter());
}

Value copied(const Value& value) {
  return Copying().copy(value);
}

Arguments copied(const Arguments& arguments) {
  return copied(Value(Tuple{arguments})).as<Tuple>().items;
}

Keywords copied(const Keywords& keywords) {
  Copying copying;
  Keywords made;
  for (const auto& [name, argument] : keywords)
    made.emplace_back(name, copying.copy(argument));
  return made;
}

}  // namespace hubcell::compare
