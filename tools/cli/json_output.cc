#include "tools/cli/json_output.h"

#include <cmath>

#include <hubcell/hub.h>

#include "tools/cli/elements.h"

namespace hubcell::cli {
namespace {

Json to_json(const std::complex<double>& number) {
  return Json::array({cli::to_json(number.real()), cli::to_json(number.imag())});
}
Json to_json(bool flag) {
  return flag;
}
Json to_json(std::int64_t number) {
  return number;
}

template <typename... Kinds>
Json number_to_json(const std::variant<Kinds...>& number) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<decltype(held), const double&>) {
          return cli::to_json(held);
        } else {
          return to_json(held);
        }
      },
      number);
}

Json items_to_json(const std::vector<Value>& items) {
  Json array = Json::array();
  for (const Value& item : items)
    array.push_back(cli::to_json(item));
  return array;
}

struct ToJson {
  Json operator()(const None&) const { return nullptr; }
  Json operator()(bool flag) const { return flag; }
  Json operator()(std::int64_t number) const { return number; }
  Json operator()(double number) const { return cli::to_json(number); }
  Json operator()(const std::string& text) const { return text; }
  Json operator()(const List& list) const { return items_to_json(list.items); }
  Json operator()(const Tuple& tuple) const {
    return {{"type", "tuple"}, {"items", items_to_json(tuple.items)}};
  }

  Json operator()(const Bytes& bytes) const {
    return {{"type", "bytes"},
            {"bytes", bytes.data.size()},
            {"sha256", sha256(bytes.data.data(), bytes.data.size())}};
  }

  Json operator()(const Dict& dict) const {
    Json items = Json::array();
    for (const auto& [key, value] : dict.items) {
      items.push_back(Json::array({cli::to_json(key), cli::to_json(value)}));
    }
    return {{"type", "dict"}, {"items", std::move(items)}};
  }

  Json operator()(const Handle& handle) const {
    return {{"type", "handle"}, {"class", handle.class_name}, {"repr", Object(Value(handle)).repr()}};
  }

  Json operator()(const Tensor& tensor) const {
    return elements_to_json("tensor", in_row_major_order(tensor));
  }
  Json operator()(const Array& array) const {
    return elements_to_json("array", in_row_major_order(array.elements));
  }
  Json operator()(const Scalar& scalar) const { return number_to_json(number_of(scalar)); }
  Json operator()(const std::complex<double>& number) const {
    return {
        {"type", "complex"}, {"real", cli::to_json(number.real())}, {"imag", cli::to_json(number.imag())}};
  }
  Json operator()(const BigInt& number) const { return {{"type", "int"}, {"hex", number.hex}}; }
  Json operator()(const Ellipsis&) const { return {{"type", "ellipsis"}}; }
  Json operator()(const Range& range) const {
    return {{"type", "range"}, {"start", range.start}, {"stop", range.stop}, {"step", range.step}};
  }
  Json operator()(const Slice& slice) const {
    return {{"type", "slice"}, {"bounds", items_to_json(slice.bounds)}};
  }
  Json operator()(const Path& path) const { return {{"type", "path"}, {"path", path.text}}; }
  Json operator()(const TorchConstant& constant) const {
    return {{"type", "torch"}, {"name", "torch." + constant.name}};
  }
  Json operator()(const Device& device) const {
    return {{"type", "device"},
            {"device", device.type + (device.index ? ":" + std::to_string(*device.index) : "")}};
  }
  Json operator()(const Size& size) const { return {{"type", "size"}, {"sizes", size.sizes}}; }
  Json operator()(const NamedTuple& tuple) const {
    return {{"type", "tuple"},
            {"class", tuple.type},
            {"fields", tuple.fields},
            {"items", items_to_json(tuple.items)}};
  }
  Json operator()(const Set& set) const {
    return {{"type", set.is_frozen ? "frozenset" : "set"}, {"items", items_to_json(set.items)}};
  }
  Json operator()(const Image& image) const {
    return {{"type", "image"},
            {"mode", image.mode},
            {"width", image.width},
            {"height", image.height},
            {"sha256", sha256(image.pixels.data(), image.pixels.bytes())}};
  }
  Json operator()(const File& file) const {
    return {{"type", "file"}, {"name", file.name}, {"bytes", file.content.bytes()}};
  }

  // Of a contiguous tensor.
  static Json elements_to_json(const char* type, const Tensor& tensor) {
    const Summary summary = summarize(tensor);
    Json json = {{"type", type},
                 {"dtype", name(tensor.dtype())},
                 {"shape", tensor.shape()},
                 {"sha256", sha256(tensor.data(), tensor.bytes())},
                 {"sum", number_to_json(summary.sum)},
                 {"mean", number_to_json(summary.mean)},
                 {"min", summary.has_extremes ? number_to_json(summary.min) : Json()},
                 {"max", summary.has_extremes ? number_to_json(summary.max) : Json()}};
    if (tensor.count() > kJsonElementsMax) return json;
    Json data = Json::array();
    for (std::size_t i = 0; i < tensor.count(); ++i)
      data.push_back(number_to_json(element(tensor, i)));
    json["data"] = std::move(data);
    return json;
  }
};

}  // namespace

Json to_json(const Value& value) {
  return value.visit(ToJson{});
}

Json to_json(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return number;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hubcell::cli
