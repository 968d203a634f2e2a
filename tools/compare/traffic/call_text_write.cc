#include <cmath>

#include <hubcell/error.h>

#include "tools/compare/traffic/call_text.h"
#include "tools/compare/traffic/text_bytes.h"

namespace hubcell::compare {

struct KindWriter {
  ValueWriter& writer;
  const void* identity;

  Json each(const std::vector<Value>& items) const {
    Json list = Json::array();
    for (const Value& item : items)
      list.push_back(writer.write(item));
    return list;
  }
  static Json text(const std::string& content) {
    return is_utf8(content) ? Json(content) : Json{{"hex", hex_of(content)}};
  }
  static Json real(double number) {
    if (std::isfinite(number)) return number;
    return {{"float", std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf"}};
  }
  Json tensor(const char* kind, const Tensor& content) const {
    const auto [known, is_new] = writer.indices_.emplace(identity, writer.tensors_.size());
    const std::string name = writer.section_ + "/" + std::to_string(known->second);
    if (is_new) writer.tensors_.push_back({.name = name, .tensor = content});
    Json made{{kind, name}, {"dtype", hubcell::name(content.dtype())}, {"shape", content.shape()}};
    // Of a tensor with gaps they would name memory that is not written.
    if (!content.is_contiguous() && content.extent_bytes() <= content.bytes())
      made["strides"] = content.strides();
    if (content.requires_grad()) made["requires_grad"] = true;
    if (content.is_parameter()) made["parameter"] = true;
    return made;
  }

  Json operator()(const None&) const { return nullptr; }
  Json operator()(const Ellipsis&) const { return {{"ellipsis", nullptr}}; }
  Json operator()(bool flag) const { return flag; }
  Json operator()(std::int64_t number) const { return number; }
  Json operator()(double number) const { return real(number); }
  Json operator()(const std::complex<double>& number) const {
    return {{"complex", {real(number.real()), real(number.imag())}}};
  }
  Json operator()(const std::string& content) const { return text(content); }
  Json operator()(const Bytes& bytes) const { return {{"bytes", hex_of(bytes.data)}}; }
  Json operator()(const BigInt& number) const { return {{"int", number.hex}}; }
  Json operator()(const Range& range) const { return {{"range", {range.start, range.stop, range.step}}}; }
  Json operator()(const Path& path) const { return {{"path", text(path.text)}}; }
  Json operator()(const TorchConstant& constant) const { return {{"torch", text(constant.name)}}; }
  Json operator()(const Scalar& scalar) const {
    const std::string bytes(reinterpret_cast<const char*>(scalar.bytes.data()), item_bytes(scalar.dtype));
    return {{"scalar", hex_of(bytes)}, {"dtype", hubcell::name(scalar.dtype)}};
  }
  Json operator()(const List& list) const { return each(list.items); }
  Json operator()(const Tuple& tuple) const { return {{"tuple", each(tuple.items)}}; }
  Json operator()(const NamedTuple& tuple) const {
    Json fields = Json::array();
    for (const std::string& field : tuple.fields)
      fields.push_back(text(field));
    return {{"named tuple", each(tuple.items)}, {"type", text(tuple.type)}, {"fields", fields}};
  }
  Json operator()(const Set& set) const { return {{set.is_frozen ? "frozenset" : "set", each(set.items)}}; }
  Json operator()(const Dict& dict) const {
    Json pairs = Json::array();
    for (const auto& [key, value] : dict.items)
      pairs.push_back(Json::array({writer.write(key), writer.write(value)}));
    return {{dict.is_ordered ? "ordered dict" : "dict", std::move(pairs)}};
  }
  Json operator()(const Slice& slice) const { return {{"slice", each(slice.bounds)}}; }
  Json operator()(const Device& device) const {
    return {{"device", text(device.type)}, {"index", device.index ? Json(*device.index) : Json(nullptr)}};
  }
  Json operator()(const Size& size) const { return {{"size", size.sizes}}; }
  Json operator()(const Tensor& content) const { return tensor("tensor", content); }
  Json operator()(const Array& array) const { return tensor("array", array.elements); }
  Json operator()(const Image& image) const {
    Json made{{"image", tensor("tensor", image.pixels)},
              {"mode", text(image.mode)},
              {"width", image.width},
              {"height", image.height}};
    if (!image.palette_mode.empty()) {
      made["palette_mode"] = text(image.palette_mode);
      made["palette"] = hex_of(image.palette.data);
    }
    return made;
  }
  Json operator()(const File& file) const {
    return {{"file", text(file.name)}, {"content", tensor("tensor", file.content)}};
  }
  Json operator()(const Handle& handle) const {
    throw Error(ErrorCode::Usage,
                "write a handle of a " + handle.class_name + ": its object stays in its worker");
  }
};

Json ValueWriter::write(const Value& value) {
  if (depth_ == kCallDepthMax) throw Error(ErrorCode::Usage, "write a value: it is nested too deeply");
  ++depth_;
  Json made = value.visit(KindWriter{*this, value.identity()});
  --depth_;
  return made;
}

}  // namespace hubcell::compare
