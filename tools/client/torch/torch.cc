#include <hubcell/torch.h>

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>

namespace hubcell::torch {
namespace {

constexpr std::pair<at::ScalarType, DType> kDTypes[] = {{at::kBool, DType::Bool},
                                                        {at::kByte, DType::UInt8},
                                                        {at::kChar, DType::Int8},
                                                        {at::kShort, DType::Int16},
                                                        {at::kInt, DType::Int32},
                                                        {at::kLong, DType::Int64},
                                                        {at::kHalf, DType::Float16},
                                                        {at::kBFloat16, DType::BFloat16},
                                                        {at::kFloat, DType::Float32},
                                                        {at::kDouble, DType::Float64},
                                                        {at::kComplexFloat, DType::Complex64},
                                                        {at::kComplexDouble, DType::Complex128}};

DType dtype_of(const at::Tensor& tensor) {
  for (const auto& [scalar, dtype] : kDTypes) {
    if (scalar == tensor.scalar_type() && tensor.layout() == at::kStrided) return dtype;
  }
  throw Error(ErrorCode::Usage,
              "send a tensor of " + std::string(c10::toString(tensor.scalar_type())) +
                  ": hubcell carries dense tensors of bool, integers, floats and complex numbers");
}

at::ScalarType scalar_of(DType wanted) {
  for (const auto& [scalar, dtype] : kDTypes) {
    if (dtype == wanted) return scalar;
  }
  throw Error(ErrorCode::Usage,
              "make an at::Tensor of " + std::string(name(wanted)) + ": libtorch has no such dtype");
}

[[noreturn]] void throw_not_held(const Value& value) {
  throw Error(ErrorCode::Usage, "make a c10::IValue of " + value.describe() +
                                    ": it holds none of these; use hubcell::Object, as in module.object()");
}

std::vector<Value> to_values(c10::ArrayRef<c10::IValue> items) {
  std::vector<Value> values;
  values.reserve(items.size());
  for (const c10::IValue& item : items)
    values.push_back(to_value(item));
  return values;
}

std::vector<c10::IValue> to_ivalues(const std::vector<Value>& items) {
  std::vector<c10::IValue> values;
  values.reserve(items.size());
  for (const Value& item : items)
    values.push_back(to_ivalue(item));
  return values;
}

Dict to_dict(const c10::IValue& value) {
  Dict dict;
  for (const auto& entry : value.toGenericDict()) {
    dict.items.emplace_back(to_value(entry.key()), to_value(entry.value()));
  }
  return dict;
}

c10::IValue to_generic_list(const List& list) {
  c10::impl::GenericList items(c10::AnyType::get());
  items.reserve(list.items.size());
  for (const Value& item : list.items)
    items.push_back(to_ivalue(item));
  return items;
}

// The keys that c10::Dict can hash.
bool can_be_key(const Value& key) {
  return key.is<bool>() || key.is<std::int64_t>() || key.is<double>() || key.is<std::string>();
}

c10::IValue to_generic_dict(const Dict& dict) {
  c10::impl::GenericDict items(c10::AnyType::get(), c10::AnyType::get());
  for (const auto& [key, value] : dict.items) {
    if (!can_be_key(key)) throw_not_held(key);
    items.insert(to_ivalue(key), to_ivalue(value));
  }
  return items;
}

struct ToIValue {
  c10::IValue operator()(const None&) const { return {}; }
  c10::IValue operator()(bool flag) const { return flag; }
  c10::IValue operator()(std::int64_t number) const { return number; }
  c10::IValue operator()(double number) const { return number; }
  c10::IValue operator()(const std::string& text) const { return text; }
  c10::IValue operator()(const Bytes& bytes) const { throw_not_held(Value(bytes)); }
  c10::IValue operator()(const List& list) const { return to_generic_list(list); }
  c10::IValue operator()(const Tuple& tuple) const {
    return c10::ivalue::Tuple::create(to_ivalues(tuple.items));
  }
  c10::IValue operator()(const Dict& dict) const { return to_generic_dict(dict); }
  c10::IValue operator()(const Tensor& tensor) const { return to_tensor(tensor); }
  c10::IValue operator()(const Handle& handle) const { throw_not_held(Value(handle)); }
};

}  // namespace

at::Tensor to_tensor(const hubcell::Tensor& tensor) {
  const at::TensorOptions options = at::TensorOptions(scalar_of(tensor.dtype())).device(at::kCPU);
  if (tensor.count() == 0) return at::empty(tensor.shape(), options);
  return at::from_blob(
      tensor.data(), tensor.shape(), [owner = tensor.owner()](void*) mutable { owner.reset(); }, options);
}

hubcell::Tensor from_tensor(const at::Tensor& tensor) {
  const DType dtype = dtype_of(tensor);
  const at::Tensor dense = tensor.detach().to(at::kCPU).resolve_conj().resolve_neg().contiguous();
  const auto owner = std::make_shared<at::Tensor>(dense);
  return {dtype, dense.sizes().vec(), owner, dense.data_ptr()};
}

Value to_value(const c10::IValue& value) {
  if (value.isNone()) return None{};
  if (value.isBool()) return value.toBool();
  if (value.isInt()) return value.toInt();
  if (value.isDouble()) return value.toDouble();
  if (value.isString()) return value.toStringRef();
  if (value.isTensor()) return value.toTensor().defined() ? Value(from_tensor(value.toTensor())) : Value();
  if (value.isTuple()) return Tuple{to_values(value.toTupleRef().elements())};
  if (value.isList()) return List{to_values(value.toListRef())};
  if (value.isGenericDict()) return to_dict(value);
  throw Error(ErrorCode::Usage, "send a c10::IValue that holds a " + value.tagKind() +
                                    ": give None, bool, int, float, str, list, tuple, dict or a tensor");
}

c10::IValue to_ivalue(const Value& value) {
  return std::visit(ToIValue{}, value.variant());
}

c10::IValue Method::operator()(std::vector<c10::IValue> inputs) const {
  return to_ivalue(object_.call(name_, to_values(inputs)));
}

c10::IValue Module::forward(std::vector<c10::IValue> inputs) const {
  return to_ivalue(object_(to_values(inputs)));
}

c10::IValue Module::attr(const std::string& name) const {
  return to_ivalue(object_.attribute(name));
}

// An nn.Module answers its train() and eval() with itself: the handle is dropped.
void Module::train(bool on) const {
  object_.call(on ? "train" : "eval");
}

Module load(Hub& hub, const std::string& repository, const std::string& entry, Arguments arguments,
            Keywords keywords) {
  const Value loaded = hub.load(repository, entry, std::move(arguments), std::move(keywords));
  if (loaded.is<Handle>()) return Module(loaded);
  throw Error(ErrorCode::Usage, "load " + entry + " of " + repository + " as a module: it returned " +
                                    loaded.describe() +
                                    "; use Hub::load and make the Module of the part that is one");
}

}  // namespace hubcell::torch
