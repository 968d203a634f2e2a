#include <hubcell/value.h>

#include <hubcell/error.h>

namespace hubcell {
namespace {

struct Describe {
  std::string operator()(const None&) const { return "None"; }
  std::string operator()(bool) const { return "a bool"; }
  std::string operator()(std::int64_t) const { return "an int"; }
  std::string operator()(double) const { return "a float"; }
  std::string operator()(const std::string&) const { return "a str"; }
  std::string operator()(const Bytes&) const { return "bytes"; }
  std::string operator()(const List& list) const { return "a list of " + std::to_string(list.items.size()); }
  std::string operator()(const Tuple& tuple) const {
    return "a tuple of " + std::to_string(tuple.items.size());
  }
  std::string operator()(const Dict& dict) const { return "a dict of " + std::to_string(dict.items.size()); }
  std::string operator()(const Tensor& tensor) const {
    std::string shape;
    for (const std::int64_t size : tensor.shape())
      shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    return "a tensor " + std::string(name(tensor.dtype())) + " [" + shape + "]";
  }
  std::string operator()(const Handle& handle) const { return "a handle of a " + handle.class_name; }
};

// Names of the alternatives, in the variant's order.
constexpr const char* kKindNames[] = {"None",   "a bool",  "an int", "a float",  "a str",   "bytes",
                                      "a list", "a tuple", "a dict", "a tensor", "a handle"};
static_assert(std::size(kKindNames) == std::variant_size_v<Value::Variant>);

const std::vector<Value>* sequence(const Value& value) {
  if (value.is<List>()) return &value.as<List>().items;
  if (value.is<Tuple>()) return &value.as<Tuple>().items;
  return nullptr;
}

}  // namespace

double Value::real() const {
  return is<std::int64_t>() ? static_cast<double>(as<std::int64_t>()) : as<double>();
}

const Value& Value::operator[](std::size_t index) const {
  const std::vector<Value>* items = sequence(*this);
  if (items == nullptr)
    throw Error(ErrorCode::Usage, "index " + describe() + ": only lists and tuples have elements");
  if (index >= items->size()) {
    throw Error(ErrorCode::Usage, "index " + describe() + ": it has no element " + std::to_string(index));
  }
  return (*items)[index];
}

std::size_t Value::size() const {
  if (is<Dict>()) return as<Dict>().items.size();
  const std::vector<Value>* items = sequence(*this);
  if (items == nullptr) throw Error(ErrorCode::Usage, "take the size of " + describe() + ": it has none");
  return items->size();
}

const Value* Value::find(const std::string& name) const {
  for (const auto& [key, value] : as<Dict>().items) {
    if (key.is<std::string>() && key.text() == name) return &value;
  }
  return nullptr;
}

std::string Value::describe() const {
  return std::visit(Describe{}, variant_);
}

void Value::throw_wrong_kind(const Value& expected) const {
  throw Error(ErrorCode::Usage,
              std::string("expected ") + kKindNames[expected.variant_.index()] + ", got " + describe());
}

}  // namespace hubcell
