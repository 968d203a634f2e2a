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

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <hubcell/hub.h>

namespace hubcell::torch {

// Shares the memory: the at::Tensor keeps the other's owner, and so the block of the answer, alive.
at::Tensor to_tensor(const hubcell::Tensor& tensor);
// Shares the memory of a contiguous CPU tensor; others are copied to one first. Strided layouts and the
// dtypes of hubcell::DType only: Error(Usage).
hubcell::Tensor from_tensor(const at::Tensor& tensor);

// None, bool, int, float, str, list, tuple, dict and tensor, both ways; an undefined tensor is None. Anything
// else, handles too, is Error(Usage).
Value to_value(const c10::IValue& value);
c10::IValue to_ivalue(const Value& value);

// One method of a module, bound to it.
class Method {
 public:
  Method(Object object, std::string name) : object_(std::move(object)), name_(std::move(name)) {}
  c10::IValue operator()(std::vector<c10::IValue> inputs) const;
  const std::string& name() const { return name_; }

 private:
  Object object_;
  std::string name_;
};

// A model that lives in its worker. Copies name the same model.
class Module {
 public:
  explicit Module(Object object) : object_(std::move(object)) {}

  // Calls the model itself, hooks and all.
  c10::IValue forward(std::vector<c10::IValue> inputs) const;
  c10::IValue operator()(std::vector<c10::IValue> inputs) const { return forward(std::move(inputs)); }
  Method get_method(const std::string& name) const { return {object_, name}; }
  c10::IValue attr(const std::string& name) const;
  void train(bool on = true) const;
  void eval() const { train(false); }

  // For what an IValue cannot hold: keywords, options, answers with handles.
  const Object& object() const { return object_; }

 private:
  Object object_;
};

// For entrypoints that return one model. Where it lies inside a tuple, take it out:
// `Module model(hub.load("snakers4/silero-vad@v6.0", "silero_vad")[0]);`
Module load(Hub& hub, const std::string& repository, const std::string& entry, Arguments arguments = {},
            Keywords keywords = {});

}  // namespace hubcell::torch
