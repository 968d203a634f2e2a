#include "tests/support/sample_values.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace hubcell::tests {
namespace {

// Bytes 0, 1, 0, 1, ...: valid elements of every dtype.
Tensor patterned(DType dtype, std::vector<std::int64_t> shape) {
  Tensor tensor = Tensor::zeros(dtype, std::move(shape));
  for (std::size_t i = 0; i < tensor.bytes(); ++i)
    tensor.data()[i] = static_cast<std::byte>(i % 2);
  return tensor;
}

Tensor view(const Tensor& base, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
  return Tensor::strided(base.dtype(), std::move(shape), std::move(strides), base.owner(), base.data());
}

void add_plain(std::vector<NamedValue>& samples) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  for (NamedValue& sample : std::vector<NamedValue>{
           {"none", None{}},
           {"bools", Tuple{{true, false}}},
           {"ints", Tuple{{0, -1, lowest, std::numeric_limits<std::int64_t>::max()}}},
           {"large ints",
            Tuple{{BigInt{"0x8000000000000000"}, BigInt{"-0x123456789abcdef0123456789abcdef"}}}},
           {"floats", Tuple{{0.0, -0.0, 0.1, inf, -inf, std::nan(""), 5e-324}}},
           {"complex", Tuple{{std::complex<double>(1.5, -2), std::complex<double>(inf, std::nan(""))}}},
           {"texts", Tuple{{"", "text", std::string("a\0b", 3), "\xc3\xa4\xf0\x9f\x98\x80"}}},
           {"bytes", Tuple{{Bytes{}, Bytes{std::string("\0\xff", 2)}}}},
           {"ellipsis", Ellipsis{}},
           {"ranges", Tuple{{Range{0, 10, 1}, Range{5, -5, -2}}}},
           {"slices", Tuple{{Slice{{1, 2, None{}}}, Slice{{None{}, "b", Tuple{{1}}}}}}},
           {"paths", Tuple{{Path{"/a/b c"}, Path{"relative"}}}}})
    samples.push_back(std::move(sample));
}

void add_containers(std::vector<NamedValue>& samples) {
  const Value shared = List{{1}};
  for (NamedValue& sample : std::vector<NamedValue>{
           {"empty containers", Tuple{{List{}, Tuple{}, Dict{}, Set{}, Set{.items = {}, .is_frozen = true}}}},
           {"list", List{{1, List{{2, Tuple{{3}}}}}}},
           {"set", Set{{7}}},
           {"frozenset", Set{.items = {"only"}, .is_frozen = true}},
           {"dict", Dict{{{"key", 3}, {4, "four"}, {Tuple{{1, 2}}, None{}}, {None{}, 0.5}}}},
           {"ordered dict", Dict{.items = {{"b", 1}, {"a", 2}}, .is_ordered = true}},
           {"named tuple", NamedTuple{"models.Point", {"x", "y"}, {1, Tensor::zeros(DType::Float32, {2})}}},
           {"return type",
            NamedTuple{"torch.return_types.max",
                       {"values", "indices"},
                       {Tensor::zeros(DType::Float32, {2}), Tensor::zeros(DType::Int64, {2})}}},
           {"shared list", Tuple{{shared, Dict{{{"again", shared}}}}}}})
    samples.push_back(std::move(sample));
}

void add_libraries(std::vector<NamedValue>& samples) {
  Scalar scalar{.dtype = DType::Float32};
  const float number = 1.5F;
  std::memcpy(scalar.bytes.data(), &number, sizeof number);
  const Image picture{.mode = "RGB", .width = 2, .height = 1, .pixels = patterned(DType::UInt8, {6})};
  Image indexed{
      .mode = "P", .width = 2, .height = 2, .pixels = patterned(DType::UInt8, {4}), .palette_mode = "RGB"};
  indexed.palette.data = std::string(768, '\x10');
  const Tensor rows = patterned(DType::Int16, {3, 4});
  for (NamedValue& sample : std::vector<NamedValue>{
           {"torch constants",
            Tuple{{DType::Float32, TorchConstant{"channels_last"}, TorchConstant{"strided"},
                   TorchConstant{"qint8"}, TorchConstant{"per_tensor_affine"}}}},
           {"devices", Tuple{{Device{"cpu"}, Device{"cuda", 1}}}},
           {"sizes", Tuple{{Size{}, Size{{1, 2, 3}}}}},
           {"numpy array", Array{rows}},
           {"numpy array, transposed", Array{view(rows, {4, 3}, {1, 4})}},
           {"numpy array, 0-d", Array{patterned(DType::Float64, {})}},
           {"numpy array, empty", Array{patterned(DType::Complex64, {0, 2})}},
           {"numpy array, unsigned", Array{patterned(DType::UInt64, {2})}},
           {"numpy scalar", scalar},
           {"image", picture},
           {"image with a palette", indexed}})
    samples.push_back(std::move(sample));
}

void add_tensors(std::vector<NamedValue>& samples, const std::vector<DType>& dtypes) {
  for (const DType dtype : dtypes) {
    const std::string prefix = "tensor " + std::string(name(dtype));
    samples.emplace_back(prefix + " 0-d", patterned(dtype, {}));
    samples.emplace_back(prefix + " empty", patterned(dtype, {0, 5}));
    samples.emplace_back(prefix, patterned(dtype, {2, 3}));
    samples.emplace_back(prefix + " transposed", view(patterned(dtype, {2, 3}), {3, 2}, {1, 3}));
    samples.emplace_back(prefix + " expanded", view(patterned(dtype, {3}), {4, 3}, {0, 1}));
  }
  const Tensor base = patterned(DType::Float32, {4, 4});
  const Tensor image = patterned(DType::Float32, {1, 4, 5, 3});
  samples.emplace_back("tensor channels_last", view(image, {1, 3, 4, 5}, {60, 1, 15, 3}));
  samples.emplace_back("tensors that overlap",
                       List{{base, view(base, {4}, {5}), view(base, {2, 2}, {4, 1})}});
  samples.emplace_back("tensor that requires grad", base.with_grad(true));
  samples.emplace_back("parameter", base.with_grad(true, true));
  samples.emplace_back("frozen parameter", base.with_grad(false, true));
  const Value same = base;
  samples.emplace_back("one tensor twice", Tuple{{same, same}});
}

std::vector<DType> all_dtypes() {
  std::vector<DType> all;
  for (int code = 0; code <= static_cast<int>(kDTypeLast); ++code)
    all.push_back(static_cast<DType>(code));
  return all;
}

std::string text_of(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers)
    text += std::to_string(number) + " ";
  return "[" + text + "]";
}

// How far apart the elements of a dimension of one element lie is nobody's matter.
std::vector<std::int64_t> strides_that_count(const Tensor& tensor) {
  std::vector<std::int64_t> strides = tensor.strides();
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (tensor.shape()[i] == 1) strides[i] = 0;
  return strides;
}

bool same_bits(double one, double other) {
  return std::memcmp(&one, &other, sizeof one) == 0 || (std::isnan(one) && std::isnan(other));
}

// Compares the content of two values of one kind.
struct Difference {
  const Value& value;

  template <typename Kind>
  const Kind& other() const {
    return value.as<Kind>();
  }
  static std::string unless(bool equal, const std::string& what) { return equal ? "" : what + " differ"; }

  std::string operator()(const None&) const { return ""; }
  std::string operator()(const Ellipsis&) const { return ""; }
  std::string operator()(bool flag) const { return unless(other<bool>() == flag, "bools"); }
  std::string operator()(std::int64_t number) const {
    return unless(other<std::int64_t>() == number, "ints");
  }
  std::string operator()(double number) const { return unless(same_bits(other<double>(), number), "floats"); }
  std::string operator()(const std::complex<double>& number) const {
    const auto& mine = other<std::complex<double>>();
    return unless(same_bits(mine.real(), number.real()) && same_bits(mine.imag(), number.imag()),
                  "complex numbers");
  }
  std::string operator()(const std::string& text) const {
    return other<std::string>() == text ? "" : "'" + other<std::string>() + "' is not '" + text + "'";
  }
  std::string operator()(const Bytes& bytes) const {
    return unless(other<Bytes>().data == bytes.data, "bytes");
  }
  std::string operator()(const BigInt& number) const {
    return unless(other<BigInt>().hex == number.hex, "large ints");
  }
  std::string operator()(const Range& range) const {
    const auto& mine = other<Range>();
    return unless(mine.start == range.start && mine.stop == range.stop && mine.step == range.step, "ranges");
  }
  std::string operator()(const Path& path) const { return unless(other<Path>().text == path.text, "paths"); }
  std::string operator()(const TorchConstant& constant) const {
    return unless(other<TorchConstant>().name == constant.name, "torch constants");
  }
  std::string operator()(const Scalar& scalar) const {
    return unless(other<Scalar>().dtype == scalar.dtype && other<Scalar>().bytes == scalar.bytes, "scalars");
  }
  std::string operator()(const List& list) const { return items(other<List>().items, list.items); }
  std::string operator()(const Tuple& tuple) const { return items(other<Tuple>().items, tuple.items); }
  std::string operator()(const Slice& slice) const { return items(other<Slice>().bounds, slice.bounds); }
  std::string operator()(const NamedTuple& tuple) const {
    const auto& mine = other<NamedTuple>();
    if (mine.type != tuple.type) return "a " + mine.type + " is no " + tuple.type;
    return unless(mine.fields == tuple.fields, "fields") + items(mine.items, tuple.items);
  }
  // Of at most one element: the order of others is Python's matter.
  std::string operator()(const Set& set) const {
    return unless(other<Set>().is_frozen == set.is_frozen, "kinds of sets") +
           items(other<Set>().items, set.items);
  }
  std::string operator()(const Dict& dict) const {
    const auto& mine = other<Dict>();
    if (mine.is_ordered != dict.is_ordered || mine.items.size() != dict.items.size()) return "dicts differ";
    for (std::size_t i = 0; i < dict.items.size(); ++i) {
      const std::string found = difference(mine.items[i].first, dict.items[i].first) +
                                difference(mine.items[i].second, dict.items[i].second);
      if (!found.empty()) return "entry " + std::to_string(i) + ": " + found;
    }
    return "";
  }
  std::string operator()(const Device& device) const {
    return unless(other<Device>().type == device.type && other<Device>().index == device.index, "devices");
  }
  std::string operator()(const Size& size) const {
    return unless(other<Size>().sizes == size.sizes, "sizes");
  }
  std::string operator()(const Tensor& tensor) const { return tensors(other<Tensor>(), tensor); }
  std::string operator()(const Array& array) const {
    return tensors(other<Array>().elements, array.elements);
  }
  std::string operator()(const Image& image) const {
    const auto& mine = other<Image>();
    return unless(mine.mode == image.mode && mine.width == image.width && mine.height == image.height,
                  "images") +
           unless(mine.palette_mode == image.palette_mode && mine.palette.data == image.palette.data,
                  "palettes") +
           tensors(mine.pixels, image.pixels);
  }
  std::string operator()(const File& file) const {
    return unless(other<File>().name == file.name, "names") + tensors(other<File>().content, file.content);
  }
  std::string operator()(const Handle& handle) const {
    return unless(other<Handle>().id == handle.id, "handles");
  }

  static std::string items(const std::vector<Value>& mine, const std::vector<Value>& expected) {
    if (mine.size() != expected.size()) return std::to_string(mine.size()) + " items";
    for (std::size_t i = 0; i < mine.size(); ++i) {
      const std::string found = difference(mine[i], expected[i]);
      if (!found.empty()) return "item " + std::to_string(i) + ": " + found;
    }
    return "";
  }

  static std::string tensors(const Tensor& mine, const Tensor& expected) {
    if (mine.dtype() != expected.dtype()) return "dtype " + std::string(name(mine.dtype()));
    if (mine.shape() != expected.shape()) return "shape " + text_of(mine.shape());
    if (mine.count() != 0 && strides_that_count(mine) != strides_that_count(expected)) {
      return "strides " + text_of(mine.strides()) + ", not " + text_of(expected.strides());
    }
    if (mine.requires_grad() != expected.requires_grad()) return "requires_grad differs";
    if (mine.is_parameter() != expected.is_parameter()) return "only one is a parameter";
    const Tensor one = mine.contiguous(), other = expected.contiguous();
    return unless(one.bytes() == 0 || std::memcmp(one.data(), other.data(), one.bytes()) == 0, "elements");
  }
};

}  // namespace

std::vector<NamedValue> sample_values(const std::vector<DType>& dtypes) {
  std::vector<NamedValue> samples;
  add_plain(samples);
  add_containers(samples);
  add_libraries(samples);
  add_tensors(samples, dtypes.empty() ? all_dtypes() : dtypes);
  return samples;
}

Value all_samples() {
  List all;
  for (NamedValue& sample : sample_values())
    all.items.push_back(std::move(sample.second));
  return all;
}

std::string difference(const Value& value, const Value& expected) {
  if (value.kind() != expected.kind()) return value.describe() + " is not " + expected.describe();
  return expected.visit(Difference{value});
}

}  // namespace hubcell::tests
