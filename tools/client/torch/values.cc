// c10::IValue <-> hubcell::Value. Lists, dicts and tensors that an IValue holds twice are shared in the Value too, and
// the other way round.
#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>
#include <hubcell/torch.h>

#include <unordered_map>

namespace hubcell::torch {
namespace {

// As deep as a message may be; a list that holds itself is deeper.
constexpr std::size_t kDepthMax = 64;

[[noreturn]] void throw_not_held(const Value& value) {
  throw Error(ErrorCode::Usage, "make a c10::IValue of " + value.describe() +
                                    ": it holds none of these; use hubcell::Object, as in module.object()");
}

class FromIValue {
 public:
  Value convert(const c10::IValue& value) {
    if (value.isNone()) return None{};
    if (value.isBool()) return value.toBool();
    if (value.isInt()) return value.toInt();
    if (value.isDouble()) return value.toDouble();
    if (value.isComplexDouble()) return std::complex<double>(value.toComplexDouble());
    if (value.isString()) return value.toStringRef();
    if (value.isDevice()) return device(value.toDevice());
    if (value.isTensor() && !value.toTensor().defined()) return None{};
    return once(value);
  }

 private:
  // A second time the value of the first.
  Value once(const c10::IValue& value) {
    const void* identity =
        value.isTensor() ? value.toTensor().unsafeGetTensorImpl() : value.internalToPointer();
    const auto known = known_.find(identity);
    if (known != known_.end()) return known->second;
    if (++depth_ > kDepthMax) {
      throw Error(ErrorCode::Usage, "send a c10::IValue: it holds itself, or is nested deeper than " +
                                        std::to_string(kDepthMax));
    }
    Value made = container(value);
    --depth_;
    known_.emplace(identity, made);
    return made;
  }

  Value container(const c10::IValue& value) {
    if (value.isTensor()) return from_tensor(value.toTensor());
    if (value.isTuple()) return tuple(value);
    if (value.isList()) return List{all(value.toListRef())};
    if (value.isGenericDict()) return dict(value);
    throw Error(ErrorCode::Usage,
                "send a c10::IValue that holds a " + value.tagKind() +
                    ": give None, bool, int, float, complex, str, device, list, tuple, dict or "
                    "a tensor");
  }

  std::vector<Value> all(c10::ArrayRef<c10::IValue> items) {
    std::vector<Value> values;
    values.reserve(items.size());
    for (const c10::IValue& item : items)
      values.push_back(convert(item));
    return values;
  }

  Value tuple(const c10::IValue& value) {
    const auto& elements = value.toTupleRef();
    const auto type = elements.type<c10::TupleType>();
    const auto names = type->names();
    if (!names || !type->name()) return Tuple{all(elements.elements())};
    NamedTuple named{.type = type->name()->qualifiedName(), .fields = {}, .items = all(elements.elements())};
    for (const auto& name : *names)
      named.fields.emplace_back(name.data(), name.size());
    return named;
  }

  Value dict(const c10::IValue& value) {
    Dict dict;
    for (const auto& entry : value.toGenericDict())
      dict.items.emplace_back(convert(entry.key()), convert(entry.value()));
    return dict;
  }

  static Value device(const c10::Device& device) {
    Device made{.type = c10::DeviceTypeName(device.type(), true)};
    if (device.has_index()) made.index = device.index();
    return made;
  }

  std::unordered_map<const void*, Value> known_;
  std::size_t depth_ = 0;
};

// The keys that c10::Dict can hash.
bool can_be_key(const Value& key) {
  return key.is<bool>() || key.is<std::int64_t>() || key.is<double>() || key.is<std::string>();
}

class ToIValue {
 public:
  c10::IValue convert(const Value& value) {
    if (!value.others_share_it()) return make(value);
    const auto known = known_.find(value.identity());
    if (known != known_.end()) return known->second;
    return known_.emplace(value.identity(), make(value)).first->second;
  }

  c10::IValue operator()(const None&) { return {}; }
  c10::IValue operator()(bool flag) { return flag; }
  c10::IValue operator()(std::int64_t number) { return number; }
  c10::IValue operator()(double number) { return number; }
  c10::IValue operator()(const std::complex<double>& number) { return c10::complex<double>(number); }
  c10::IValue operator()(const std::string& text) { return text; }
  c10::IValue operator()(const Path& path) { return path.text; }
  c10::IValue operator()(const Size& size) { return size.sizes; }
  c10::IValue operator()(const Device& device) {
    return c10::Device(device.type + (device.index ? ":" + std::to_string(*device.index) : ""));
  }
  // TorchScript's way: a dtype is its number.
  c10::IValue operator()(const TorchConstant& constant) {
    const auto dtype = dtype_named(constant.name);
    if (!dtype) throw_not_held(Value(constant));
    return static_cast<std::int64_t>(scalar_type(*dtype));
  }
  c10::IValue operator()(const Scalar& scalar) {
    Scalar copy = scalar;
    const hubcell::Tensor item(copy.dtype, {}, nullptr, copy.bytes.data());
    return to_tensor(item).item();
  }
  c10::IValue operator()(const List& list) {
    c10::impl::GenericList items(c10::AnyType::get());
    items.reserve(list.items.size());
    for (const Value& item : list.items)
      items.push_back(convert(item));
    return items;
  }
  c10::IValue operator()(const Tuple& tuple) { return c10::ivalue::Tuple::create(all(tuple.items)); }
  c10::IValue operator()(const NamedTuple& tuple) {
    std::vector<c10::IValue> items = all(tuple.items);
    std::vector<c10::TypePtr> types;
    for (const c10::IValue& item : items)
      types.push_back(item.type());
    return c10::ivalue::Tuple::createNamed(
        std::move(items), c10::TupleType::createNamed(c10::QualifiedName(tuple.type), tuple.fields, types));
  }
  c10::IValue operator()(const Dict& dict) {
    c10::impl::GenericDict items(c10::AnyType::get(), c10::AnyType::get());
    for (const auto& [key, value] : dict.items) {
      if (!can_be_key(key)) throw_not_held(key);
      items.insert(convert(key), convert(value));
    }
    return items;
  }
  c10::IValue operator()(const hubcell::Tensor& tensor) { return to_tensor(tensor); }
  c10::IValue operator()(const Array& array) { return to_tensor(array.elements); }
  // Bytes, large ints, sets, ranges, slices, images, files, handles.
  template <typename Other>
  c10::IValue operator()(const Other& other) {
    throw_not_held(Value(other));
  }

 private:
  c10::IValue make(const Value& value) { return value.visit(*this); }

  std::vector<c10::IValue> all(const std::vector<Value>& items) {
    std::vector<c10::IValue> values;
    values.reserve(items.size());
    for (const Value& item : items)
      values.push_back(convert(item));
    return values;
  }

  std::unordered_map<const void*, c10::IValue> known_;
};

}  // namespace

Value to_value(const c10::IValue& value) {
  return FromIValue().convert(value);
}

std::vector<Value> to_values(const std::vector<c10::IValue>& values) {
  FromIValue conversion;
  std::vector<Value> converted;
  for (const c10::IValue& value : values)
    converted.push_back(conversion.convert(value));
  return converted;
}

c10::IValue to_ivalue(const Value& value) {
  return ToIValue().convert(value);
}

}  // namespace hubcell::torch
