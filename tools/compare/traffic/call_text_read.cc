#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <unordered_map>

#include <hubcell/error.h>

#include "tools/compare/traffic/call_text.h"
#include "tools/compare/traffic/text_bytes.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kDimensionsMax = 64;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Usage, why);
}

const Json& field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) refuse(std::string("a value lacks its ") + name);
  return *found;
}

const Json& list_of(const Json& json) {
  if (!json.is_array()) refuse("a value has something else in place of a list");
  return json;
}

std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || json.size() != 1) refuse("a value has something else in place of a text");
  const Json& hex = field(json, "hex");
  if (!hex.is_string()) refuse("bytes are no hexadecimal text");
  return bytes_of_hex(hex.get<std::string>());
}

std::string plain_bytes_of(const Json& json) {
  if (!json.is_string()) refuse("bytes are no hexadecimal text");
  return bytes_of_hex(json.get_ref<const std::string&>());
}

std::int64_t integer_of(const Json& json) {
  const bool fits =
      json.is_number_integer() &&
      (!json.is_number_unsigned() ||
       json.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!fits) refuse("a value has something else in place of an int");
  return json.get<std::int64_t>();
}

double real_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const std::string text = json.is_object() && json.size() == 1 ? text_of(field(json, "float")) : "";
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  refuse("a value has something else in place of a float");
}

std::vector<std::int64_t> integers_of(const Json& json) {
  std::vector<std::int64_t> numbers;
  for (const Json& item : list_of(json))
    numbers.push_back(integer_of(item));
  return numbers;
}

bool is_set(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

DType dtype_of(const Json& json) {
  const std::optional<DType> dtype = dtype_named(text_of(json));
  if (!dtype) refuse("a tensor has an unknown dtype");
  return *dtype;
}

class Reading {
 public:
  explicit Reading(const FindTensor& find_tensor) : find_tensor_(find_tensor) {}

  Value read(const Json& json) {
    if (depth_ == kCallDepthMax) refuse("a value is nested too deeply");
    ++depth_;
    Value made = json.is_object() ? read_object(json) : read_plain(json);
    --depth_;
    return made;
  }

 private:
  Value read_plain(const Json& json) {
    if (json.is_null()) return None{};
    if (json.is_boolean()) return json.get<bool>();
    if (json.is_number_float()) return json.get<double>();
    if (json.is_number()) return integer_of(json);
    if (json.is_string()) return json.get<std::string>();
    return List{each(json)};
  }

  // By its first key.
  Value read_object(const Json& json) {
    if (json.empty()) refuse("a value is of no kind");
    const std::string kind = json.begin().key();
    const Json& content = json.begin().value();
    using Read = Value (Reading::*)(const Json& content, const Json& json);
    static const std::array<std::pair<std::string_view, Read>, 22> kKinds{
        {{"tensor", &Reading::read_tensor},   {"tuple", &Reading::read_tuple},
         {"dict", &Reading::read_dict},       {"ordered dict", &Reading::read_dict},
         {"set", &Reading::read_set},         {"frozenset", &Reading::read_set},
         {"slice", &Reading::read_slice},     {"named tuple", &Reading::read_named_tuple},
         {"array", &Reading::read_array},     {"image", &Reading::read_image},
         {"file", &Reading::read_file},       {"scalar", &Reading::read_scalar},
         {"device", &Reading::read_device},   {"size", &Reading::read_size},
         {"range", &Reading::read_range},     {"int", &Reading::read_big_int},
         {"complex", &Reading::read_complex}, {"float", &Reading::read_float},
         {"hex", &Reading::read_text},        {"bytes", &Reading::read_bytes},
         {"path", &Reading::read_path},       {"torch", &Reading::read_torch}}};
    if (kind == "ellipsis") return Ellipsis{};
    const auto* found =
        std::ranges::find(kKinds, std::string_view(kind), &std::pair<std::string_view, Read>::first);
    if (found == kKinds.end()) refuse("a value is of an unknown kind");
    return (this->*found->second)(content, json);
  }

  std::vector<Value> each(const Json& json) {
    std::vector<Value> items;
    for (const Json& item : list_of(json))
      items.push_back(read(item));
    return items;
  }

  Value read_tuple(const Json& content, const Json&) { return Tuple{each(content)}; }
  Value read_set(const Json& content, const Json& json) {
    return Set{.items = each(content), .is_frozen = json.begin().key() == "frozenset"};
  }
  Value read_dict(const Json& content, const Json& json) {
    Dict dict{.items = {}, .is_ordered = json.begin().key() == "ordered dict"};
    for (const Json& pair : list_of(content)) {
      if (list_of(pair).size() != 2) refuse("an entry of a dict is no pair");
      Value key = read(pair[0]);
      dict.items.emplace_back(std::move(key), read(pair[1]));
    }
    return dict;
  }
  Value read_slice(const Json& content, const Json&) {
    Slice slice{each(content)};
    if (slice.bounds.size() != 3) refuse("a slice has not three bounds");
    return slice;
  }
  Value read_named_tuple(const Json& content, const Json& json) {
    NamedTuple tuple{.type = text_of(field(json, "type")), .fields = {}, .items = each(content)};
    for (const Json& name : list_of(field(json, "fields")))
      tuple.fields.push_back(text_of(name));
    if (tuple.fields.size() != tuple.items.size()) refuse("a named tuple has not one name for each item");
    return tuple;
  }

  // What holds a tensor is read once, and is one value wherever it is named again: nothing else may name that tensor, or a short
  // text could ask for any amount of memory.
  template <typename Make>
  Value once(const std::string& name, const Json& json, Make make) {
    if (const auto known = held_.find(name); known != held_.end()) {
      if (known->second.first != json) refuse("two values hold one tensor");
      return known->second.second;
    }
    return held_.emplace(name, std::pair(json, Value(make()))).first->second.second;
  }

  Tensor locate(const Json& content, const Json& json) {
    const DType dtype = dtype_of(field(json, "dtype"));
    const std::vector<std::int64_t> shape = integers_of(field(json, "shape"));
    if (shape.size() > kDimensionsMax) refuse("a tensor has too many dimensions");
    const Tensor empty(dtype, shape, nullptr, nullptr);
    const std::shared_ptr<std::byte[]> memory = find_tensor_(text_of(content), empty.bytes());
    Tensor tensor(dtype, shape, memory, memory.get());
    if (const auto strides = json.find("strides"); strides != json.end())
      tensor = arranged(tensor, integers_of(*strides));
    return tensor.with_grad(is_set(json, "requires_grad"), is_set(json, "parameter"));
  }
  static Tensor arranged(const Tensor& rows, const std::vector<std::int64_t>& strides) {
    const Tensor empty = Tensor::strided(rows.dtype(), rows.shape(), strides, nullptr, nullptr);
    if (rows.count() == 0) return rows;
    if (empty.extent_bytes() > rows.bytes()) refuse("a tensor's strides reach beyond its elements");
    const std::shared_ptr<std::byte[]> memory(new std::byte[rows.bytes()]());
    Tensor tensor = Tensor::strided(rows.dtype(), rows.shape(), strides, memory, memory.get());
    copy_elements(rows, tensor);
    return tensor;
  }
  Tensor locate_bytes(const Json& json) {
    const Tensor tensor = locate(field(json, "tensor"), json);
    if (tensor.dtype() != DType::UInt8 || tensor.shape().size() != 1 || !tensor.is_contiguous())
      refuse("bytes are no tensor of bytes");
    return tensor;
  }
  Value read_tensor(const Json& content, const Json& json) {
    return once(text_of(content), json, [&] { return locate(content, json); });
  }
  Value read_array(const Json& content, const Json& json) {
    return once(text_of(content), json, [&] { return Array{locate(content, json)}; });
  }
  Value read_image(const Json& content, const Json& json) {
    return once(name_in(content), json, [&] { return make_image(content, json); });
  }
  Value read_file(const Json& content, const Json& json) {
    const Json& bytes = field(json, "content");
    return once(name_in(bytes), json,
                [&] { return File{.name = text_of(content), .content = locate_bytes(bytes)}; });
  }
  static std::string name_in(const Json& tensor) {
    if (!tensor.is_object()) refuse("bytes are no tensor of bytes");
    return text_of(field(tensor, "tensor"));
  }
  Image make_image(const Json& content, const Json& json) {
    Image image{.mode = text_of(field(json, "mode")),
                .width = integer_of(field(json, "width")),
                .height = integer_of(field(json, "height")),
                .pixels = locate_bytes(content)};
    if (image.width < 0 || image.height < 0) refuse("an image has a negative size");
    if (json.contains("palette_mode")) {
      image.palette_mode = text_of(field(json, "palette_mode"));
      image.palette.data = plain_bytes_of(field(json, "palette"));
    }
    return image;
  }

  Value read_scalar(const Json& content, const Json& json) {
    Scalar scalar{.dtype = dtype_of(field(json, "dtype"))};
    const std::string bytes = plain_bytes_of(content);
    if (bytes.size() != item_bytes(scalar.dtype)) refuse("a numpy scalar has not its dtype's bytes");
    std::memcpy(scalar.bytes.data(), bytes.data(), bytes.size());
    return scalar;
  }
  Value read_device(const Json& content, const Json& json) {
    Device device{.type = text_of(content)};
    if (const Json& index = field(json, "index"); !index.is_null()) device.index = integer_of(index);
    return device;
  }
  Value read_size(const Json& content, const Json&) { return Size{integers_of(content)}; }
  Value read_range(const Json& content, const Json&) {
    const std::vector<std::int64_t> numbers = integers_of(content);
    if (numbers.size() != 3 || numbers[2] == 0) refuse("a range goes nowhere");
    return Range{numbers[0], numbers[1], numbers[2]};
  }
  Value read_big_int(const Json& content, const Json&) {
    BigInt number{text_of(content)};
    std::string_view digits = number.hex;
    if (digits.starts_with('-')) digits.remove_prefix(1);
    const bool is_hex = digits.starts_with("0x") && digits.size() > 2 &&
                        digits.substr(2).find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!is_hex) refuse("an int is no hexadecimal number");
    return number;
  }
  Value read_complex(const Json& content, const Json&) {
    if (list_of(content).size() != 2) refuse("a complex number has not two parts");
    return std::complex<double>(real_of(content[0]), real_of(content[1]));
  }
  Value read_float(const Json&, const Json& json) { return real_of(json); }
  Value read_text(const Json&, const Json& json) { return text_of(json); }
  Value read_bytes(const Json& content, const Json&) { return Bytes{plain_bytes_of(content)}; }
  Value read_path(const Json& content, const Json&) { return Path{text_of(content)}; }
  Value read_torch(const Json& content, const Json&) { return TorchConstant{text_of(content)}; }

  const FindTensor& find_tensor_;
  std::unordered_map<std::string, std::pair<Json, Value>> held_;  // by the name of the tensor
  int depth_ = 0;
};

}  // namespace

Value read_value(const Json& json, const FindTensor& find_tensor) {
  return Reading(find_tensor).read(json);
}

}  // namespace hubcell::compare
