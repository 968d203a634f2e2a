// Calls, and what is different between two answers, as Python's tuples and dicts.
#include "shared/python/object.h"
#include "tools/python/extension/traffic.h"

namespace hubcell::python_package {

using python::checked;
using python::PyRef;

namespace {

Value shown(const Value& argument) {
  if (!argument.is<File>()) return argument;
  const Tensor& content = argument.as<File>().content;
  return Bytes{std::string(content.items<char>(), content.bytes())};
}

PyRef sizes_to_python(const std::vector<std::int64_t>& sizes) {
  return Runtime::get().to_python(Size{sizes});
}

PyRef tensor_to_python(const compare::TensorDifference& tensor) {
  const auto number = [](std::uint64_t content) { return static_cast<unsigned long long>(content); };
  const PyRef ulp = optional_to_python(
      tensor.max_ulp, [&](std::uint64_t most) { return checked(PyLong_FromUnsignedLongLong(number(most))); });
  const PyRef cosine =
      optional_to_python(tensor.cosine, [](double found) { return checked(PyFloat_FromDouble(found)); });
  const PyRef path = python::make_text(tensor.path), shape = sizes_to_python(tensor.shape);
  std::vector<Value> worst(tensor.worst.begin(), tensor.worst.end());
  const PyRef place = Runtime::get().to_python(Tuple{std::move(worst)});
  return checked(Py_BuildValue(
      "{s:O,s:(ss),s:O,s:K,s:O,s:O,s:K,s:d,s:d,s:d,s:d,s:O,s:O,s:(KK),s:(KK),s:O,s:(dd)}", "path", path.get(),
      "dtype", tensor.dtype[0].c_str(), tensor.dtype[1].c_str(), "shape", shape.get(), "count",
      number(tensor.count), "equal", tensor.equal ? Py_True : Py_False, "within",
      tensor.within ? Py_True : Py_False, "outside", number(tensor.outside), "max_abs", tensor.max_abs,
      "mean_abs", tensor.mean_abs, "max_rel", tensor.max_rel, "mean_rel", tensor.mean_rel, "max_ulp",
      ulp.get(), "cosine", cosine.get(), "nan", number(tensor.nan[0]), number(tensor.nan[1]), "infinite",
      number(tensor.infinite[0]), number(tensor.infinite[1]), "worst", place.get(), "worst_values",
      tensor.worst_values[0], tensor.worst_values[1]));
}

}  // namespace

CallWords read_call(PyObject* given) {
  PyObject *method = nullptr, *positional = nullptr, *keywords = nullptr, *state = nullptr;
  if (PyArg_ParseTuple(given, "UOOO", &method, &positional, &keywords, &state) == 0) throw PythonRaised();
  const Runtime& runtime = Runtime::get();
  CallWords words{.method = python::text_of(method), .arguments = {}, .keywords = {}, .state = {}};
  words.state = runtime.to_value(state);
  runtime.convert_arguments(positional, keywords, words.arguments, words.keywords);
  return words;
}

PyRef arguments_to_python(const Arguments& arguments, const Keywords& keywords) {
  Tuple positional;
  Dict named;
  for (const Value& argument : arguments)
    positional.items.push_back(shown(argument));
  for (const auto& [name, argument] : keywords)
    named.items.emplace_back(name, shown(argument));
  return Runtime::get().to_python(Tuple{{std::move(positional), std::move(named)}});
}

PyRef difference_to_python(const compare::ValueDifference& difference) {
  const PyRef structure = checked(PyList_New(0)), tensors = checked(PyList_New(0));
  for (const compare::StructureDifference& place : difference.structure) {
    const PyRef path = python::make_text(place.path), a = python::make_text(place.a),
                b = python::make_text(place.b);
    PyList_Append(structure.get(), checked(Py_BuildValue("(OOO)", path.get(), a.get(), b.get())).get());
  }
  for (const compare::TensorDifference& tensor : difference.tensors)
    PyList_Append(tensors.get(), tensor_to_python(tensor).get());
  return checked(Py_BuildValue("{s:O,s:O,s:d,s:O,s:O}", "equal", difference.equal() ? Py_True : Py_False,
                               "within", difference.within() ? Py_True : Py_False, "max_abs",
                               difference.max_abs(), "structure", structure.get(), "tensors", tensors.get()));
}

PyRef failure_to_python(const std::optional<compare::CallFailure>& failure) {
  return optional_to_python(failure, [](const compare::CallFailure& found) {
    return Runtime::get().to_python(Tuple{{found.type, found.message}});
  });
}

}  // namespace hubcell::python_package
