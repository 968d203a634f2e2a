// The header's JSON is read as a stream of tokens into a table, so that a hostile one takes no more memory than its own text: a tree of it would
// take some thirty times as much.
#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include <hubcell/error.h>

#include "tools/compare/traffic/safetensors.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kDimensionsMax = 64;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Usage, why);
}

struct ItemSize {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<ItemSize, 18> kItemSizes{{{"BOOL", 1},
                                               {"U8", 1},
                                               {"I8", 1},
                                               {"F8_E5M2", 1},
                                               {"F8_E4M3", 1},
                                               {"F8_E8M0", 1},
                                               {"F8_E4M3FNUZ", 1},
                                               {"F8_E5M2FNUZ", 1},
                                               {"I16", 2},
                                               {"U16", 2},
                                               {"F16", 2},
                                               {"BF16", 2},
                                               {"I32", 4},
                                               {"U32", 4},
                                               {"F32", 4},
                                               {"I64", 8},
                                               {"U64", 8},
                                               {"F64", 8}}};

std::uint64_t item_size(const std::string& dtype) {
  if (dtype == "C64") return 8;
  const auto* found = std::ranges::find(kItemSizes, std::string_view(dtype), &ItemSize::name);
  if (found == kItemSizes.end()) refuse("a tensor has an unknown dtype");
  return found->bytes;
}

// Takes {"name": {"dtype": text, "shape": [...], "data_offsets": [begin, end]}, "__metadata__": {text: text}}, and nothing else.
class HeaderTokens {
 public:
  using Json = nlohmann::json;

  explicit HeaderTokens(SafetensorsHeader& header) : header_(header) {}

  bool start_object(std::size_t) {
    if (place_ == Place::Before)
      place_ = Place::Header;
    else if (place_ == Place::Entry)
      place_ = is_metadata_ ? Place::Metadata : Place::Tensor;
    else
      refuse("its header has an object where none belongs");
    return true;
  }
  bool key(std::string& name) {
    if (place_ == Place::Header) {
      if (!names_.insert(name).second) refuse("its header names one tensor twice");
      is_metadata_ = name == "__metadata__";
      if (!is_metadata_) header_.tensors.push_back({.name = name, .dtype = {}, .shape = {}});
      place_ = Place::Entry;
      offsets_.clear();
      has_shape_ = false;
    } else {
      field_ = name;
    }
    return true;
  }
  bool end_object() {
    if (place_ == Place::Tensor) finish_tensor();
    place_ = place_ == Place::Header ? Place::After : Place::Header;
    return true;
  }
  bool start_array(std::size_t) {
    if (place_ == Place::Tensor && field_ == "shape" && !has_shape_)
      place_ = Place::Shape;
    else if (place_ == Place::Tensor && field_ == "data_offsets" && offsets_.empty())
      place_ = Place::Offsets;
    else
      refuse("its header has a list where none belongs");
    return true;
  }
  bool end_array() {
    if (place_ == Place::Shape) has_shape_ = true;
    place_ = Place::Tensor;
    return true;
  }
  bool number_unsigned(std::uint64_t number) {
    std::vector<std::uint64_t>* numbers = place_ == Place::Shape     ? &header_.tensors.back().shape
                                          : place_ == Place::Offsets ? &offsets_
                                                                     : nullptr;
    if (numbers == nullptr) refuse("its header has a number where none belongs");
    if (numbers->size() >= (place_ == Place::Shape ? kDimensionsMax : 2))
      refuse("a tensor has too many dimensions or offsets");
    numbers->push_back(number);
    return true;
  }
  bool string(std::string& text) {
    if (place_ == Place::Metadata)
      header_.metadata.emplace_back(field_, text);
    else if (place_ == Place::Tensor && field_ == "dtype" && header_.tensors.back().dtype.empty())
      header_.tensors.back().dtype = text;
    else
      refuse("its header has a text where none belongs");
    return true;
  }
  bool number_integer(std::int64_t) { refuse("its header has a negative number"); }
  bool number_float(double, const std::string&) { refuse("its header has a number that is not whole"); }
  bool boolean(bool) { refuse("its header has a truth value"); }
  bool null() { refuse("its header has a null"); }
  bool binary(std::vector<std::uint8_t>&) { refuse("its header has binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    refuse("its header is no JSON from byte " + std::to_string(position) + " on");
  }

 private:
  enum class Place { Before, Header, Entry, Metadata, Tensor, Shape, Offsets, After };

  void finish_tensor() {
    StoredTensor& tensor = header_.tensors.back();
    if (tensor.dtype.empty() || !has_shape_ || offsets_.size() != 2)
      refuse("a tensor lacks its dtype, its shape or its offsets");
    std::uint64_t bytes = item_size(tensor.dtype);
    for (const std::uint64_t size : tensor.shape) {
      if (__builtin_mul_overflow(bytes, size, &bytes)) refuse("a tensor has too many elements");
    }
    tensor.begin = offsets_[0];
    tensor.end = offsets_[1];
    if (tensor.begin > tensor.end || tensor.end - tensor.begin != bytes)
      refuse("the offsets of a tensor do not fit its shape");
  }

  SafetensorsHeader& header_;
  Place place_ = Place::Before;
  bool is_metadata_ = false, has_shape_ = false;
  std::string field_;
  std::vector<std::uint64_t> offsets_;
  std::unordered_set<std::string> names_;
};

}  // namespace

StorageType storage_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return {"BOOL"};
    case DType::UInt8:
      return {"U8"};
    case DType::Int8:
      return {"I8"};
    case DType::Int16:
      return {"I16"};
    case DType::Int32:
      return {"I32"};
    case DType::Int64:
      return {"I64"};
    case DType::Float16:
      return {"F16"};
    case DType::BFloat16:
      return {"BF16"};
    case DType::Float32:
      return {"F32"};
    case DType::Float64:
      return {"F64"};
    case DType::Complex32:
      return {"F16", 2};
    case DType::Complex64:
      return {"F32", 2};
    case DType::Complex128:
      return {"F64", 2};
    case DType::UInt16:
      return {"U16"};
    case DType::UInt32:
      return {"U32"};
    case DType::UInt64:
      return {"U64"};
    case DType::Float8E4M3Fn:
      return {"F8_E4M3"};
    case DType::Float8E5M2:
      return {"F8_E5M2"};
    case DType::Float8E4M3FnUz:
    case DType::Float8E5M2FnUz:
    case DType::Float8E8M0FnU:
      break;
  }
  return {"U8"};
}

SafetensorsHeader parse_header(std::string_view text, std::uint64_t data_bytes) {
  if (!text.starts_with('{')) refuse("its header is no JSON object");
  SafetensorsHeader header;
  HeaderTokens tokens(header);
  // Not strictly: behind the object lies room, with what a killed writer has left there.
  nlohmann::json::sax_parse(text.begin(), text.end(), &tokens, nlohmann::json::input_format_t::json, false);
  std::ranges::sort(header.tensors, {},
                    [](const StoredTensor& tensor) { return std::pair(tensor.begin, tensor.end); });
  std::uint64_t end = 0;
  for (const StoredTensor& tensor : header.tensors) {
    if (tensor.begin != end) refuse("its tensors overlap, or leave a hole");
    end = tensor.end;
  }
  if (end > data_bytes)
    refuse("it ends " + std::to_string(end - data_bytes) + " bytes before its tensors do: it was cut off");
  return header;
}

}  // namespace hubcell::compare
