#include <hubcell/torch.h>

#include <array>

namespace hubcell::torch {
namespace {

// By the names that c10 has for its scalar types, since older ones lack some.
constexpr std::pair<std::string_view, DType> kDTypes[] = {{"Bool", DType::Bool},
                                                          {"Byte", DType::UInt8},
                                                          {"Char", DType::Int8},
                                                          {"Short", DType::Int16},
                                                          {"Int", DType::Int32},
                                                          {"Long", DType::Int64},
                                                          {"Half", DType::Float16},
                                                          {"BFloat16", DType::BFloat16},
                                                          {"Float", DType::Float32},
                                                          {"Double", DType::Float64},
                                                          {"ComplexFloat", DType::Complex64},
                                                          {"ComplexDouble", DType::Complex128},
                                                          {"ComplexHalf", DType::Complex32},
                                                          {"UInt16", DType::UInt16},
                                                          {"UInt32", DType::UInt32},
                                                          {"UInt64", DType::UInt64},
                                                          {"Float8_e4m3fn", DType::Float8E4M3Fn},
                                                          {"Float8_e5m2", DType::Float8E5M2},
                                                          {"Float8_e4m3fnuz", DType::Float8E4M3FnUz},
                                                          {"Float8_e5m2fnuz", DType::Float8E5M2FnUz},
                                                          {"Float8_e8m0fnu", DType::Float8E8M0FnU}};

using ScalarTypes = std::array<std::optional<at::ScalarType>, static_cast<std::size_t>(kDTypeLast) + 1>;

ScalarTypes find_scalar_types() {
  ScalarTypes types;
  for (int i = 0; i < static_cast<int>(at::ScalarType::NumOptions); ++i) {
    const auto scalar = static_cast<at::ScalarType>(i);
    for (const auto& [name, dtype] : kDTypes)
      if (name == c10::toString(scalar)) types[static_cast<std::size_t>(dtype)] = scalar;
  }
  return types;
}

const ScalarTypes& scalar_types() {
  static const ScalarTypes types = find_scalar_types();
  return types;
}

DType dtype_of(const at::Tensor& tensor) {
  if (tensor.layout() == at::kStrided && !tensor.is_quantized() && !tensor.is_meta() && !tensor.is_nested()) {
    if (const auto dtype = find_dtype(tensor.scalar_type())) return *dtype;
  }
  throw Error(ErrorCode::Usage, "send a tensor of " + tensor.toString() +
                                    ": hubcell carries dense tensors of bool, integers, floats and complex "
                                    "numbers");
}

}  // namespace

std::optional<DType> find_dtype(at::ScalarType scalar) {
  for (std::size_t i = 0; i < scalar_types().size(); ++i)
    if (scalar_types()[i] == scalar) return static_cast<DType>(i);
  return std::nullopt;
}

at::ScalarType scalar_type(DType dtype) {
  if (const auto scalar = scalar_types()[static_cast<std::size_t>(dtype)]) return *scalar;
  throw Error(ErrorCode::Usage,
              "make an at::Tensor of " + std::string(name(dtype)) + ": this libtorch has no such dtype");
}

at::Tensor to_tensor(const hubcell::Tensor& tensor) {
  const at::TensorOptions options = at::TensorOptions(scalar_type(tensor.dtype())).device(at::kCPU);
  at::Tensor made = tensor.count() == 0
                        ? at::empty(tensor.shape(), options)
                        : at::from_blob(
                              tensor.data(), tensor.shape(), tensor.strides(),
                              [owner = tensor.owner()](void*) mutable { owner.reset(); }, options);
  return tensor.requires_grad() ? made.set_requires_grad(true) : made;
}

hubcell::Tensor from_tensor(const at::Tensor& tensor) {
  const DType dtype = dtype_of(tensor);
  const at::Tensor plain = tensor.detach().to(at::kCPU).resolve_conj().resolve_neg();
  const auto owner = std::make_shared<at::Tensor>(plain);
  return hubcell::Tensor::strided(dtype, plain.sizes().vec(), plain.strides().vec(), owner, plain.data_ptr())
      .with_grad(tensor.requires_grad());
}

}  // namespace hubcell::torch
