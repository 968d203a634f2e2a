#include "tools/compare/weights.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tools/compare/calls.h"
#include "tools/compare/mapped_files.h"
#include "tools/compare/numbers/tensor_difference.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kNameBytesMax = 1024;
constexpr std::size_t kElementsMax = std::size_t{1} << 32U;

using StateDict = std::vector<std::pair<std::string, Tensor>>;

// Parameters are known as such where the model gives out what it holds; TorchScript and others may refuse that.
Value ask_state_dict(const Object& model) {
  try {
    return model.call("state_dict", {}, {{"keep_vars", true}});
  } catch (const Error& refusal) {
    if (refusal.code() != ErrorCode::Remote) throw;
    return model.call("state_dict");
  }
}

StateDict state_dict_of(const Object& model) {
  StateDict dict;
  const Value answer = ask_state_dict(model);
  for (const auto& [key, value] : answer.as<Dict>().items) {
    // What is no tensor (extra state, packed parameters) is not compared.
    if (key.is<std::string>() && value.is<Tensor>() && value.tensor().count() <= kElementsMax)
      dict.emplace_back(key.text().substr(0, kNameBytesMax), value.tensor());
  }
  return dict;
}

// Elements of the model's parameters. TorchScript's state dict does not tell them from buffers.
std::uint64_t count_parameters(const Object& model, const StateDict& dict) {
  std::uint64_t count = 0;
  for (const auto& [name, tensor] : dict) {
    if (tensor.is_parameter()) count += tensor.count();
  }
  if (count != 0 || dict.empty()) return count;
  const Value parameters = model.operate("collect", {"parameters"});
  if (const std::vector<Value>* items = parameters.items()) {
    for (const Value& item : *items)
      count += item.is<Tensor>() ? item.tensor().count() : 0;
  }
  return count;
}

WeightDifference only_in(std::size_t side, const std::string& name, const Tensor& tensor) {
  WeightDifference row{.name = name, .change = side == 0 ? WeightChange::OnlyA : WeightChange::OnlyB};
  row.dtype[side] = hubcell::name(tensor.dtype());
  row.shape[side] = tensor.shape();
  return row;
}

void compare_elements(const Tensor& a, const Tensor& b, WeightDifference& row) {
  const TensorDifference difference = tensor_difference(a, b, {});
  row.change = difference.equal ? WeightChange::Equal : WeightChange::Changed;
  row.max_abs = difference.max_abs;
  row.change_norm = difference.norm_of_change;
  row.relative_norm = difference.norm_of_change == 0 ? 0 : difference.norm_of_change / difference.norm_of_a;
  if (difference.count != 0)
    row.changed_share = static_cast<double>(difference.changed) / static_cast<double>(difference.count);
}

WeightDifference compare_pair(const std::string& name, const Tensor& a, const Tensor& b,
                              const MappedFiles& files) {
  WeightDifference row{.name = name};
  row.dtype = {std::string(hubcell::name(a.dtype())), std::string(hubcell::name(b.dtype()))};
  row.shape = {a.shape(), b.shape()};
  const auto place = files.place_of(a.data());
  const bool same_form = a.dtype() == b.dtype() && a.shape() == b.shape();
  if (place && same_form && a.strides() == b.strides() && place == files.place_of(b.data())) {
    row.one_memory = true;
  } else if (a.shape() != b.shape()) {
    row.change = WeightChange::Reshaped;
  } else {
    compare_elements(a, b, row);
  }
  return row;
}

std::uint64_t bytes_of(const StateDict& dict) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : dict)
    bytes += tensor.bytes();
  return bytes;
}

void compare_dicts(const StateDict& a, const StateDict& b, const CompareOptions& options,
                   WeightsResult& result) {
  const MappedFiles files = MappedFiles::read();
  std::map<std::string, Tensor> left(b.begin(), b.end());
  for (std::size_t i = 0; i < a.size(); ++i) {
    check_stop(options);
    if (options.progress) options.progress("compare weights", i, a.size());
    const auto& [name, tensor] = a[i];
    const auto other = left.find(name);
    if (other == left.end()) {
      result.weights.push_back(only_in(0, name, tensor));
      continue;
    }
    result.weights.push_back(compare_pair(name, tensor, other->second, files));
    if (result.weights.back().one_memory) result.common_bytes += tensor.bytes();
    left.erase(other);
  }
  for (const auto& [name, tensor] : b) {
    if (left.contains(name)) result.weights.push_back(only_in(1, name, tensor));
  }
}

}  // namespace

void compare_weights(const Object& a, const Object& b, const CompareOptions& options, WeightsResult& result) {
  if (!a.is_module() || !b.is_module()) {
    result.note = "what is called is no torch.nn.Module";
    return;
  }
  result.note = failure_of(options, [&] {
    const StateDict dict_a = state_dict_of(a), dict_b = state_dict_of(b);
    result.bytes = {bytes_of(dict_a), bytes_of(dict_b)};
    result.parameters = {count_parameters(a, dict_a), count_parameters(b, dict_b)};
    compare_dicts(dict_a, dict_b, options, result);
  });
}

}  // namespace hubcell::compare
