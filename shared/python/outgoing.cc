// An answer on its way out, in two steps: the structure first, with a note of every tensor in it; then all
// tensors at once, since those that share memory have to go into one block.
//
// Converting runs foreign code (a class's __module__, an array's __array_interface__), which may change what is being
// looked at: each object is owned while it is, and whatever was seen once is not looked at again.
#include <hubcell/error.h>

#include <cstring>

#include "shared/python/convert.h"
#include "shared/python/exception.h"
#include "shared/python/gil.h"
#include "shared/python/object.h"
#include "shared/wire/limits.h"

namespace hubcell::python {
namespace {

constexpr std::size_t kSharedBytesMin = std::size_t{64} << 10;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Usage, "the value " + why);
}

std::string class_name(PyObject* object) {
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  return text_of(attribute(type, "__module__").get()) + "." + text_of(attribute(type, "__qualname__").get());
}

// "Net.forward" of a function or a method; empty of everything else.
std::string name_of_function(PyObject* object, const std::string& class_name) {
  if (class_name != "builtins.function" && class_name != "builtins.method" &&
      class_name != "builtins.builtin_function_or_method") {
    return "";
  }
  const PyRef name = attribute(object, "__qualname__");
  return PyUnicode_Check(name.get()) ? text_of(name.get()) : "";
}

std::string bytes_of(PyObject* object) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(object, &data, &size) != 0) throw_current_exception();
  return {data, static_cast<std::size_t>(size)};
}

bool is_exactly(PyObject* object, const PyTypeObject& type) {
  return Py_TYPE(object) == &type;
}

// Part `index` of what kinds.py described; kinds.py is ours, but runs where foreign code may have changed it.
PyObject* part(const PyRef& description, Py_ssize_t index) {
  PyObject* item = PyTuple_GetItem(description.get(), index);
  if (item == nullptr) throw_current_exception();
  return item;
}

std::string text_part(const PyRef& description, Py_ssize_t index) {
  return text_of(part(description, index));
}

std::int64_t integer_part(const PyRef& description, Py_ssize_t index) {
  const long long number = PyLong_AsLongLong(part(description, index));
  if (number == -1 && PyErr_Occurred() != nullptr) throw_current_exception();
  return number;
}

}  // namespace

class Outgoing::Conversion {
 public:
  explicit Conversion(const Converter& converter) : converter_(converter) {}

  Value convert(PyObject* object) { return convert(object, 1); }

  void place_tensors() {
    if (!converter_.hooks_.allocate_block) return lend_tensors();
    std::erase_if(met_, [&](const Met& met) { return place_shared(met); });
    std::vector<const Tensor*> tensors;
    for (const Met& met : met_)
      tensors.push_back(&met.described);
    const BlockLayout layout = lay_out(tensors);
    std::vector<MappedBlock> blocks;
    blocks.reserve(layout.blocks.size());
    for (const PlannedBlock& planned : layout.blocks) {
      blocks.push_back(converter_.hooks_.allocate_block(planned.bytes));
      if (planned.has_gaps) std::memset(blocks.back().data, 0, planned.bytes);
    }
    for (std::size_t i = 0; i < met_.size(); ++i)
      place(met_[i], layout.tensors[i], blocks);
  }

 private:
  // A tensor or an array that was met, and the place in the value where its elements' whereabouts belong.
  struct Met {
    PyRef source;
    bool is_array;
    Tensor described;  // its data() is where the elements lie now
    std::shared_ptr<void> holder;
    Tensor* place;
  };

  Value convert(PyObject* object, std::size_t depth) {
    if (depth > wire::kValueDepthMax)
      refuse("is nested deeper than " + std::to_string(wire::kValueDepthMax) + " levels");
    if (++parts_ > wire::kValueNodesMax) {
      refuse("has more than " + std::to_string(wire::kValueNodesMax) + " parts; return numbers as a tensor");
    }
    if (object == Py_None) return None{};
    if (PyBool_Check(object)) return object == Py_True;
    if (is_exactly(object, PyLong_Type)) return integer(object);
    if (is_exactly(object, PyFloat_Type)) return PyFloat_AsDouble(object);
    if (is_exactly(object, PyUnicode_Type)) return text_of(object);
    if (is_exactly(object, PyBytes_Type)) return Bytes{bytes_of(object)};
    if (is_exactly(object, PyComplex_Type)) {
      return std::complex<double>(PyComplex_RealAsDouble(object), PyComplex_ImagAsDouble(object));
    }
    return convert_once(object, depth);
  }

  // What may be met again: the second time the value of the first.
  Value convert_once(PyObject* object, std::size_t depth) {
    if (const std::optional<Value>* known = met_objects_.find(object)) {
      if (!*known) refuse("holds itself: a " + class_name(object) + " lies inside of itself");
      return **known;
    }
    met_objects_.insert(object, std::nullopt);
    kept_.push_back(PyRef::borrow(object));
    Value value = container(object, depth);
    *met_objects_.find(object) = value;
    return value;
  }

  Value container(PyObject* object, std::size_t depth) {
    if (is_exactly(object, PyTuple_Type)) return Tuple{tuple_items(object, depth)};
    if (is_exactly(object, PyList_Type)) return list(object, depth);
    if (is_exactly(object, PyDict_Type)) return dict(object, depth, false);
    if (is_exactly(object, PySet_Type)) return set(object, depth, false);
    if (is_exactly(object, PyFrozenSet_Type)) return set(object, depth, true);
    if (reinterpret_cast<PyObject*>(Py_TYPE(object)) == converter_.ordered_dict_.get())
      return dict(object, depth, true);
    std::optional<Tensor> plain = converter_.torch_.describe_plain(object);
    if (plain && plain->shape().size() <= wire::kTensorDimensionsMax)
      return tensor(object, *std::move(plain));
    const PyRef description = call(converter_.describe_.get(), {object});
    if (description.get() != Py_None) return described(description, object, depth);
    // Classes of its own that are numbers or texts below.
    if (PyLong_Check(object)) return integer(object);
    if (PyFloat_Check(object)) return PyFloat_AsDouble(object);
    if (PyUnicode_Check(object)) return text_of(object);
    if (PyBytes_Check(object)) return Bytes{bytes_of(object)};
    return handle(object);
  }

  Value described(const PyRef& description, PyObject* object, std::size_t depth) {
    const std::string kind = text_part(description, 0);
    if (kind == "tensor") return tensor(description, object);
    if (kind == "array") return array(description, object);
    if (kind == "named_tuple") return named_tuple(description, depth);
    if (kind == "size") return Size{integers_of(part(description, 1))};
    if (kind == "device") return device(description);
    if (kind == "constant") return TorchConstant{text_part(description, 1)};
    if (kind == "range") return range(description, object);
    if (kind == "slice") return slice(description, depth);
    if (kind == "path") return Path{text_part(description, 1)};
    if (kind == "scalar") return scalar(description, object);
    if (kind == "image") return image(description);
    if (kind == "ellipsis") return Ellipsis{};
    return handle(object);
  }

  Value integer(PyObject* object) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow == 0) return number;
    return BigInt{text_of(checked(PyNumber_ToBase(object, 16)).get())};
  }

  std::vector<Value> tuple_items(PyObject* object, std::size_t depth) {
    std::vector<Value> items;
    for (Py_ssize_t i = 0; i < PyTuple_Size(object); ++i)
      items.push_back(convert(PyTuple_GetItem(object, i), depth + 1));
    return items;
  }

  Value list(PyObject* object, std::size_t depth) {
    List items;
    for (Py_ssize_t i = 0; i < PyList_Size(object); ++i) {
      const PyRef item = PyRef::borrow(PyList_GetItem(object, i));
      items.items.push_back(convert(item.get(), depth + 1));
    }
    return items;
  }

  Value set(PyObject* object, std::size_t depth, bool is_frozen) {
    const PyRef items = checked(PySequence_List(object));
    kept_.push_back(items);
    Set set{.items = {}, .is_frozen = is_frozen};
    for (Py_ssize_t i = 0; i < PyList_Size(items.get()); ++i)
      set.items.push_back(convert(PyList_GetItem(items.get(), i), depth + 1));
    return set;
  }

  Value dict(PyObject* object, std::size_t depth, bool is_ordered) {
    const PyRef pairs = checked(PyMapping_Items(object));
    kept_.push_back(pairs);
    Dict items{.items = {}, .is_ordered = is_ordered};
    for (Py_ssize_t i = 0; i < PyList_Size(pairs.get()); ++i) {
      PyObject* pair = PyList_GetItem(pairs.get(), i);
      Value key = convert(PyTuple_GetItem(pair, 0), depth + 1);
      items.items.emplace_back(std::move(key), convert(PyTuple_GetItem(pair, 1), depth + 1));
    }
    return items;
  }

  Value named_tuple(const PyRef& description, std::size_t depth) {
    kept_.push_back(description);
    NamedTuple tuple{.type = text_part(description, 1), .fields = {}, .items = {}};
    PyObject* fields = part(description, 2);
    for (Py_ssize_t i = 0; i < PyTuple_Size(fields); ++i)
      tuple.fields.push_back(text_of(PyTuple_GetItem(fields, i)));
    tuple.items = tuple_items(part(description, 3), depth);
    return tuple;
  }

  Value device(const PyRef& description) {
    Device device{.type = text_part(description, 1)};
    if (part(description, 2) != Py_None) device.index = integer_part(description, 2);
    return device;
  }

  // Where a bound needs more than 64 bits it stays where it is.
  Value range(const PyRef& description, PyObject* object) {
    std::int64_t bounds[3];
    for (int i = 0; i < 3; ++i) {
      int overflow = 0;
      bounds[i] = PyLong_AsLongLongAndOverflow(part(description, i + 1), &overflow);
      if (overflow != 0) return handle(object);
    }
    return Range{.start = bounds[0], .stop = bounds[1], .step = bounds[2]};
  }

  Value slice(const PyRef& description, std::size_t depth) {
    kept_.push_back(description);
    Slice slice;
    for (Py_ssize_t i = 1; i <= 3; ++i)
      slice.bounds.push_back(convert(part(description, i), depth + 1));
    return slice;
  }

  Value scalar(const PyRef& description, PyObject* object) {
    const std::optional<DType> dtype = dtype_named(text_part(description, 1));
    const std::string data = bytes_of(part(description, 2));
    if (!dtype || data.size() != item_bytes(*dtype)) return handle(object);
    Scalar scalar{.dtype = *dtype};
    std::memcpy(scalar.bytes.data(), data.data(), data.size());
    return scalar;
  }

  Value image(const PyRef& description) {
    auto image = std::make_shared<Image>(Image{.mode = text_part(description, 1),
                                               .width = integer_part(description, 2),
                                               .height = integer_part(description, 3),
                                               .pixels = {},
                                               .palette_mode = text_part(description, 5),
                                               .palette = {bytes_of(part(description, 6))}});
    const std::string data = bytes_of(part(description, 4));
    image->pixels = Tensor::zeros(DType::UInt8, {static_cast<std::int64_t>(data.size())});
    if (!data.empty() && converter_.hooks_.allocate_block) {
      MappedBlock block = converter_.hooks_.allocate_block(data.size());
      image->pixels = Tensor(DType::UInt8, image->pixels.shape(), std::move(block.owner), block.data);
    }
    copy_items(image->pixels, data.data(), data.size());
    return Value::Box<Image>(std::move(image));
  }

  // (…, source, dtype, shape, strides or None, address, …)
  static Tensor describe(const PyRef& description, DType dtype) {
    std::vector<std::int64_t> shape = integers_of(part(description, 3));
    void* address = PyLong_AsVoidPtr(part(description, 5));
    if (PyErr_Occurred() != nullptr) throw_current_exception();
    PyObject* strides = part(description, 4);
    if (strides == Py_None) return Tensor(dtype, std::move(shape), nullptr, address);
    return Tensor::strided(dtype, std::move(shape), integers_of(strides), nullptr, address);
  }

  Value tensor(const PyRef& description, PyObject* object) {
    const std::optional<DType> dtype = converter_.torch_.find_dtype(part(description, 2));
    PyObject* shape = part(description, 3);
    if (!dtype || static_cast<std::size_t>(PyTuple_Size(shape)) > wire::kTensorDimensionsMax)
      return handle(object);
    Tensor described = describe(description, *dtype);
    if (part(description, 6) == Py_True || part(description, 7) == Py_True)
      described = described.with_grad(part(description, 6) == Py_True, part(description, 7) == Py_True);
    return tensor(part(description, 1), std::move(described));
  }

  Value tensor(PyObject* source, Tensor described) {
    auto place = std::make_shared<Tensor>();
    met_.push_back({.source = PyRef::borrow(source),
                    .is_array = false,
                    .described = std::move(described),
                    .holder = place,
                    .place = place.get()});
    return Value::Box<Tensor>(std::move(place));
  }

  Value array(const PyRef& description, PyObject* object) {
    const std::optional<DType> dtype = dtype_named(text_part(description, 2));
    PyObject* shape = part(description, 3);
    if (!dtype || static_cast<std::size_t>(PyTuple_Size(shape)) > wire::kTensorDimensionsMax)
      return handle(object);
    auto place = std::make_shared<Array>();
    met_.push_back({.source = PyRef::borrow(part(description, 1)),
                    .is_array = true,
                    .described = describe(description, *dtype),
                    .holder = place,
                    .place = &place->elements});
    return Value::Box<Array>(std::move(place));
  }

  Value handle(PyObject* object) {
    Handle described;
    described.class_name = class_name(object);
    described.is_callable = PyCallable_Check(object) != 0;
    described.is_module = converter_.torch_.is_module(object);
    described.name = name_of_function(object, described.class_name);
    return converter_.hooks_.represent(object, std::move(described));
  }

  // Where they lie, for as long as the value lives.
  void lend_tensors() {
    for (const Met& met : met_) {
      const Tensor& described = met.described;
      if (described.count() != 0 && described.data() == nullptr)
        refuse("holds a tensor without memory of its own: " +
               text_of(checked(PyObject_Repr(met.source.get())).get()));
      *met.place = Tensor::strided(described.dtype(), described.shape(), described.strides(),
                                   share(met.source.get()), described.data())
                       .with_grad(described.requires_grad(), described.is_parameter());
    }
  }

  // Only what is worth it: it is read to be compared, and a small part of a large storage is copied faster than it is mapped.
  bool place_shared(const Met& met) {
    const Tensor& described = met.described;
    if (!converter_.hooks_.find_shared || described.data() == nullptr || described.bytes() < kSharedBytesMin)
      return false;
    MappedBlock block = converter_.hooks_.find_shared({described.data(), described.extent_bytes()});
    if (block.data == nullptr) return false;
    *met.place = Tensor::strided(described.dtype(), described.shape(), described.strides(),
                                 std::move(block.owner), block.data)
                     .with_grad(described.requires_grad(), described.is_parameter());
    return true;
  }

  void place(const Met& met, const TensorLayout& where, const std::vector<MappedBlock>& blocks) {
    const Tensor& described = met.described;
    if (described.count() == 0) {
      *met.place = described;
      return;
    }
    const MappedBlock& block = blocks[where.block];
    *met.place = placed(described, where, block.data, block.owner);
    write(met, *met.place);
    if (described.requires_grad() || described.is_parameter())
      *met.place = met.place->with_grad(described.requires_grad(), described.is_parameter());
  }

  // In one piece where the elements lie in one, on the CPU as kinds.py sees to; else by torch or numpy itself.
  void write(const Met& met, const Tensor& target) {
    if (met.described.data() != nullptr && is_one_piece(met.described, target)) {
      copy_elements(met.described, target);
      return;
    }
    if (met.is_array) {
      const PyRef into = Incoming(converter_).convert(Array{target});
      call(attribute(converter_.kinds_.get(), "copy_into_array").get(), {into.get(), met.source.get()});
      return;
    }
    const PyRef into = converter_.torch_.to_torch(target);
    if (target.is_contiguous()) {
      call(attribute(into.get(), "copy_").get(), {met.source.get()});
    } else {
      call(attribute(converter_.kinds_.get(), "copy_into").get(), {into.get(), met.source.get()});
    }
  }

  const Converter& converter_;
  std::size_t parts_ = 0;
  IdentityMap<std::optional<Value>> met_objects_;  // empty while its parts are converted
  std::vector<PyRef> kept_;                        // so that no address is used twice
  std::vector<Met> met_;
};

Outgoing::Outgoing(const Converter& converter) : conversion_(std::make_unique<Conversion>(converter)) {}
Outgoing::~Outgoing() = default;
Value Outgoing::convert(PyObject* object) {
  return conversion_->convert(object);
}
void Outgoing::place_tensors() {
  conversion_->place_tensors();
}

Converter::Converter(Hooks hooks, const std::string& folder)
    : hooks_(std::move(hooks)),
      kinds_(load_source_file("hubcell_kinds", folder + "/kinds.py")),
      ordered_dict_(attribute(import_module("collections").get(), "OrderedDict")),
      describe_(attribute(kinds_.get(), "describe")) {}

PyRef Converter::to_python(const Value& value) const {
  return Incoming(*this).convert(value);
}

Value Converter::to_value(PyObject* object) const {
  Outgoing outgoing(*this);
  Value value = outgoing.convert(object);
  outgoing.place_tensors();
  return value;
}

}  // namespace hubcell::python
