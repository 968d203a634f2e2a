#include "tests/fuzz/value_checks.h"

#include <cstring>

#include "shared/base/check.h"

namespace hubcell::fuzz {
namespace {

constexpr std::size_t kSmallBytesMax = 1 << 14;

void touch(const Tensor& tensor) {
  const volatile std::byte* data = tensor.data();
  (void)data[0];
  (void)data[tensor.extent_bytes() - 1];
}

void check_tensor(const Tensor& tensor, const Memory& memory) {
  HUBCELL_CHECK(tensor.strides().size() == tensor.shape().size());
  if (tensor.count() == 0) return;
  HUBCELL_CHECK(memory.is_mapped(tensor.data(), tensor.extent_bytes()));
  touch(tensor);
}

std::vector<Tensor> tensors_of(const Value& value) {
  std::vector<Tensor> tensors;
  for_each_tensor(value, [&](const Tensor& tensor) { tensors.push_back(tensor); });
  return tensors;
}

void check_same_tensor(const Tensor& tensor, const Tensor& expected) {
  HUBCELL_CHECK(tensor.dtype() == expected.dtype() && tensor.shape() == expected.shape());
  HUBCELL_CHECK(tensor.requires_grad() == expected.requires_grad());
  HUBCELL_CHECK(tensor.is_parameter() == expected.is_parameter());
  const Tensor one = tensor.contiguous(), other = expected.contiguous();
  HUBCELL_CHECK(one.bytes() == 0 || std::memcmp(one.data(), other.data(), one.bytes()) == 0);
}

}  // namespace

void for_each_tensor(const Value& value, const std::function<void(const Tensor&)>& visit) {
  if (const std::vector<Value>* items = value.items()) {
    for (const Value& item : *items)
      for_each_tensor(item, visit);
  } else if (value.is<Dict>()) {
    for (const auto& [key, item] : value.as<Dict>().items) {
      for_each_tensor(key, visit);
      for_each_tensor(item, visit);
    }
  } else if (value.is<Slice>()) {
    for (const Value& bound : value.as<Slice>().bounds)
      for_each_tensor(bound, visit);
  } else if (value.is<Tensor>()) {
    visit(value.tensor());
  } else if (value.is<Array>()) {
    visit(value.as<Array>().elements);
  } else if (value.is<Image>()) {
    visit(value.as<Image>().pixels);
  } else if (value.is<File>()) {
    visit(value.as<File>().content);
  }
}

void check_value(const Value& value, const Memory& memory) {
  HUBCELL_CHECK(!value.describe().empty());
  for_each_tensor(value, [&](const Tensor& tensor) { check_tensor(tensor, memory); });
}

void touch_tensors(const Value& value) {
  for_each_tensor(value, [](const Tensor& tensor) {
    if (tensor.count() != 0) touch(tensor);
  });
}

void check_same(const Value& value, const Value& expected) {
  HUBCELL_CHECK(value.kind() == expected.kind() && value.describe() == expected.describe());
  const std::vector<Tensor> tensors = tensors_of(value), others = tensors_of(expected);
  HUBCELL_CHECK(tensors.size() == others.size());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    check_same_tensor(tensors[i], others[i]);
}

bool is_small(const Value& value) {
  std::size_t bytes = 0;
  for_each_tensor(value, [&](const Tensor& tensor) { bytes += std::min(tensor.bytes(), kSmallBytesMax); });
  return bytes < kSmallBytesMax;
}

}  // namespace hubcell::fuzz
