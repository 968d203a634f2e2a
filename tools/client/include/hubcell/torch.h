// hubcell for programs that use libtorch: a loaded model takes at::Tensor and c10::IValue, like a
// torch::jit::Module.
//
//     hubcell::Hub hub;
//     auto module = hubcell::torch::load(hub, "owner/name@ref", "mnist");
//     at::Tensor out = module.forward({input}).toTensor();
//
// The tensors of an answer are the bytes that the worker wrote, mapped and not copied. Of torch, this header
// needs ATen and the ivalue headers only. Everything throws hubcell::Error.
#pragma once

// First of torch's headers: behind <ATen/ATen.h>, libtorch 1.13's IValue is incomplete where clang in C++20
// needs it whole.
#include <ATen/core/ivalue.h>

#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <hubcell/hub.h>

namespace hubcell::torch {

// Shares the memory: the at::Tensor keeps the other's owner, and so the block of the answer, alive. Error(Usage) on
// a dtype that this libtorch does not have.
at::Tensor to_tensor(const hubcell::Tensor& tensor);
// Shares the memory of a CPU tensor, whatever its strides; others, conjugate and negative views are copied to one
// first. Dense tensors of the dtypes of hubcell::DType only: Error(Usage).
hubcell::Tensor from_tensor(const at::Tensor& tensor);
std::optional<DType> find_dtype(at::ScalarType scalar);
at::ScalarType scalar_type(DType dtype);

// None, bool, int, float, complex, str, device, list, tuple (named ones too), dict and tensor, both ways; an undefined
// tensor is None. What it holds twice it holds twice afterwards; one that holds itself is Error(Usage).
Value to_value(const c10::IValue& value);
std::vector<Value> to_values(const std::vector<c10::IValue>& values);
// The same; an array of numpy becomes a tensor, its scalars become numbers, a dtype its number, a path a str. Anything
// else, handles too, is Error(Usage).
c10::IValue to_ivalue(const Value& value);

// One method of a module, bound to it. Calls run without gradients unless at::GradMode is on and an input requires
// them; the answer's own history stays in the worker.
class Method {
 public:
  // `rng`: calls take the state of this program's default generator along, and bring it back where they moved it.
  Method(Object object, std::string name, bool rng = true)
      : object_(std::move(object)), name_(std::move(name)), rng_(rng) {}
  c10::IValue operator()(std::vector<c10::IValue> inputs) const;
  const std::string& name() const { return name_; }

 private:
  Object object_;
  std::string name_;
  bool rng_;
};

// A model that lives in its worker. Copies name the same model.
class Module {
 public:
  explicit Module(Object object, bool rng = true) : object_(std::move(object)), rng_(rng) {}

  // Calls the model itself, hooks and all.
  c10::IValue forward(std::vector<c10::IValue> inputs) const;
  c10::IValue operator()(std::vector<c10::IValue> inputs) const { return forward(std::move(inputs)); }
  Method get_method(const std::string& name) const { return {object_, name, rng_}; }
  c10::IValue attr(const std::string& name) const;
  void train(bool on = true) const;
  void eval() const { train(false); }

  // For what an IValue cannot hold: keywords, options, answers with handles.
  const Object& object() const { return object_; }

 private:
  Object object_;
  bool rng_;
};

// For entrypoints that return one model. The entrypoint sees this program's grad mode, default dtype and, unless the Hub
// has a seed, the state of its generator, and leaves that as it would here. Where it lies inside a tuple, take it out:
// `Module model(hub.load("snakers4/silero-vad@v6.0", "silero_vad")[0]);`
Module load(Hub& hub, const std::string& repository, const std::string& entry, Arguments arguments = {},
            Keywords keywords = {});

}  // namespace hubcell::torch
