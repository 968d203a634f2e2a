#include <hubcell/value.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <hubcell/error.h>

namespace hubcell {
namespace {

std::string counted(const char* what, std::size_t count) {
  return std::string(what) + " of " + std::to_string(count);
}

std::string tensor_text(const Tensor& tensor) {
  std::string shape;
  for (const std::int64_t size : tensor.shape())
    shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return std::string(name(tensor.dtype())) + " [" + shape + "]";
}

struct Describe {
  std::string operator()(const None&) const { return "None"; }
  std::string operator()(bool) const { return "a bool"; }
  std::string operator()(std::int64_t) const { return "an int"; }
  std::string operator()(double) const { return "a float"; }
  std::string operator()(const std::complex<double>&) const { return "a complex"; }
  std::string operator()(const std::string&) const { return "a str"; }
  std::string operator()(const Bytes&) const { return "bytes"; }
  std::string operator()(const BigInt&) const { return "an int of more than 64 bits"; }
  std::string operator()(const Ellipsis&) const { return "an ellipsis"; }
  std::string operator()(const Range&) const { return "a range"; }
  std::string operator()(const Path&) const { return "a path"; }
  std::string operator()(const TorchConstant& constant) const { return "torch." + constant.name; }
  std::string operator()(const Scalar& scalar) const {
    return "a numpy scalar " + std::string(name(scalar.dtype));
  }
  std::string operator()(const List& list) const { return counted("a list", list.items.size()); }
  std::string operator()(const Tuple& tuple) const { return counted("a tuple", tuple.items.size()); }
  std::string operator()(const NamedTuple& tuple) const {
    return counted(("a named tuple " + tuple.type).c_str(), tuple.items.size());
  }
  std::string operator()(const Set& set) const {
    return counted(set.is_frozen ? "a frozenset" : "a set", set.items.size());
  }
  std::string operator()(const Dict& dict) const { return counted("a dict", dict.items.size()); }
  std::string operator()(const Slice&) const { return "a slice"; }
  std::string operator()(const Device&) const { return "a torch.device"; }
  std::string operator()(const Size& size) const { return counted("a torch.Size", size.sizes.size()); }
  std::string operator()(const Tensor& tensor) const { return "a tensor " + tensor_text(tensor); }
  std::string operator()(const Array& array) const { return "a numpy array " + tensor_text(array.elements); }
  std::string operator()(const Image& image) const {
    return "an image " + image.mode + " " + std::to_string(image.width) + "x" + std::to_string(image.height);
  }
  std::string operator()(const File& file) const { return "a file " + file.name; }
  std::string operator()(const Handle& handle) const { return "a handle of a " + handle.class_name; }
};

// Names of the alternatives, in the variant's order.
constexpr const char* kKindNames[] = {
    "None",           "a bool",         "an int",       "a float",       "a complex",     "a str",
    "bytes",          "a large int",    "an ellipsis",  "a range",       "a path",        "a torch constant",
    "a numpy scalar", "a list",         "a tuple",      "a named tuple", "a set",         "a dict",
    "a slice",        "a torch.device", "a torch.Size", "a tensor",      "a numpy array", "an image",
    "a file",         "a handle"};
static_assert(std::size(kKindNames) == std::variant_size_v<Value::Variant>);

}  // namespace

double Value::real() const {
  return is<std::int64_t>() ? static_cast<double>(as<std::int64_t>()) : as<double>();
}

const std::vector<Value>* Value::items() const {
  if (is<List>()) return &as<List>().items;
  if (is<Tuple>()) return &as<Tuple>().items;
  if (is<NamedTuple>()) return &as<NamedTuple>().items;
  if (is<Set>()) return &as<Set>().items;
  return nullptr;
}

const Value& Value::operator[](std::size_t index) const {
  const std::vector<Value>* elements = is<Set>() ? nullptr : items();
  if (elements == nullptr)
    throw Error(ErrorCode::Usage, "index " + describe() + ": only lists and tuples have elements");
  if (index >= elements->size()) {
    throw Error(ErrorCode::Usage, "index " + describe() + ": it has no element " + std::to_string(index));
  }
  return (*elements)[index];
}

std::size_t Value::size() const {
  if (is<Dict>()) return as<Dict>().items.size();
  const std::vector<Value>* elements = items();
  if (elements == nullptr) throw Error(ErrorCode::Usage, "take the size of " + describe() + ": it has none");
  return elements->size();
}

const Value* Value::find(const std::string& name) const {
  if (is<NamedTuple>()) {
    const auto& tuple = as<NamedTuple>();
    for (std::size_t i = 0; i < tuple.fields.size() && i < tuple.items.size(); ++i)
      if (tuple.fields[i] == name) return &tuple.items[i];
    return nullptr;
  }
  for (const auto& [key, value] : as<Dict>().items) {
    if (key.is<std::string>() && key.text() == name) return &value;
  }
  return nullptr;
}

std::string Value::describe() const {
  return visit(Describe{});
}

const void* Value::identity() const {
  return std::visit(
      [](const auto& held) -> const void* {
        if constexpr (requires { held.get(); }) {
          return held.get();
        } else {
          return nullptr;
        }
      },
      variant_);
}

bool Value::others_share_it() const {
  return std::visit(
      [](const auto& held) {
        if constexpr (requires { held.use_count(); }) {
          return held.use_count() > 1;
        } else {
          return false;
        }
      },
      variant_);
}

void Value::throw_wrong_kind(const Value& expected) const {
  throw Error(ErrorCode::Usage,
              std::string("expected ") + kKindNames[expected.variant_.index()] + ", got " + describe());
}

File File::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto fail = [&path](const std::string& why) {
    throw Error(ErrorCode::System, "send the file " + path + ": " + why);
  };
  if (!file) fail(std::generic_category().message(errno));
  if (!std::filesystem::is_regular_file(path)) fail("it is no regular file");
  const std::streamoff bytes = file.tellg();
  const Tensor content = Tensor::zeros(DType::UInt8, {bytes});
  file.seekg(0);
  if (!file.read(content.items<char>(), bytes)) fail("it could not be read to its end");
  return {.name = std::filesystem::path(path).filename(), .content = content};
}

}  // namespace hubcell
