#include "tools/cli/text_output.h"

#include <algorithm>
#include <cstdio>

#include <hubcell/hub.h>

#include "tools/cli/elements.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

constexpr std::size_t kElementsShown = 8;
constexpr std::size_t kItemsShown = 32;
constexpr std::size_t kInlineColumns = 88;

std::string format_real(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

struct FormatNumber {
  std::string operator()(bool flag) const { return flag ? "True" : "False"; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return format_real(number); }
  std::string operator()(const std::complex<double>& number) const {
    return format_real(number.real()) + (std::signbit(number.imag()) ? "" : "+") +
           format_real(number.imag()) + "j";
  }
};

template <typename Variant>
std::string format(const Variant& number) {
  return std::visit(FormatNumber{}, number);
}

std::string sizes_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

// "Point" of "models.Point".
std::string short_name(const std::string& type) {
  return text::one_line(text::printable(type.substr(type.rfind('.') + 1)));
}

std::string first_elements(const Tensor& tensor) {
  std::string text;
  for (std::size_t i = 0; i < tensor.count() && i < kElementsShown; ++i) {
    text += (text.empty() ? "" : ", ") + format(element(tensor, i));
  }
  return "[" + text + (tensor.count() > kElementsShown ? ", …]" : "]");
}

// Holds neither tensors nor handles.
bool is_plain(const Value& value) {
  if (value.is<Tensor>() || value.is<Array>() || value.is<Image>() || value.is<Handle>()) return false;
  if (const std::vector<Value>* items = value.items()) return std::ranges::all_of(*items, is_plain);
  if (!value.is<Dict>()) return true;
  return std::ranges::all_of(value.as<Dict>().items, [](const auto& entry) {
    return is_plain(entry.first) && is_plain(entry.second);
  });
}

// As Python would write it, on one line.
struct Inline {
  std::string operator()(const None&) const { return "None"; }
  std::string operator()(bool flag) const { return flag ? "True" : "False"; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return format_real(number); }
  std::string operator()(const std::string& text) const {
    return "'" + text::one_line(text::printable(text)) + "'";
  }
  std::string operator()(const Bytes& bytes) const { return std::to_string(bytes.data.size()) + " bytes"; }
  std::string operator()(const std::complex<double>& number) const {
    return "(" + FormatNumber{}(number) + ")";
  }
  std::string operator()(const BigInt& number) const { return number.hex; }
  std::string operator()(const Ellipsis&) const { return "..."; }
  std::string operator()(const Range& range) const {
    const std::string step = range.step == 1 ? "" : ", " + std::to_string(range.step);
    return "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop) + step + ")";
  }
  std::string operator()(const Path& path) const {
    return "Path('" + text::one_line(text::printable(path.text)) + "')";
  }
  std::string operator()(const TorchConstant& constant) const {
    return "torch." + text::one_line(text::printable(constant.name));
  }
  std::string operator()(const Scalar& scalar) const { return format(number_of(scalar)); }
  std::string operator()(const NamedTuple& tuple) const {
    std::string text;
    for (std::size_t i = 0; i < tuple.items.size(); ++i)
      text +=
          (i == 0 ? "" : ", ") + text::one_line(text::printable(tuple.fields[i])) + "=" + of(tuple.items[i]);
    return short_name(tuple.type) + "(" + text + ")";
  }
  std::string operator()(const Set& set) const {
    if (set.items.empty()) return set.is_frozen ? "frozenset()" : "set()";
    const std::string text = "{" + joined(set.items) + "}";
    return set.is_frozen ? "frozenset(" + text + ")" : text;
  }
  std::string operator()(const Slice& slice) const { return "slice(" + joined(slice.bounds) + ")"; }
  std::string operator()(const Device& device) const {
    return text::one_line(text::printable(device.type)) +
           (device.index ? ":" + std::to_string(*device.index) : "");
  }
  std::string operator()(const Size& size) const { return "torch.Size(" + sizes_text(size.sizes) + ")"; }
  std::string operator()(const Array& array) const { return Value(array).describe(); }
  std::string operator()(const Image& image) const { return text::printable(Value(image).describe()); }
  std::string operator()(const File& file) const { return text::printable(Value(file).describe()); }
  std::string operator()(const List& list) const { return "[" + joined(list.items) + "]"; }
  std::string operator()(const Tuple& tuple) const {
    return "(" + joined(tuple.items) + (tuple.items.size() == 1 ? ",)" : ")");
  }
  std::string operator()(const Dict& dict) const {
    std::string text;
    for (const auto& [key, value] : dict.items)
      text += (text.empty() ? "" : ", ") + of(key) + ": " + of(value);
    return "{" + text + "}";
  }
  std::string operator()(const Tensor& tensor) const { return Value(tensor).describe(); }
  std::string operator()(const Handle& handle) const { return text::printable(Value(handle).describe()); }

  static std::string of(const Value& value) { return value.visit(Inline{}); }
  static std::string joined(const std::vector<Value>& items) {
    std::string text;
    for (const Value& item : items)
      text += (text.empty() ? "" : ", ") + of(item);
    return text;
  }
};

// Writes the tree. `margin_` goes before every line of a value but its first.
class TreeWriter {
 public:
  explicit TreeWriter(const text::Style& style) : style_(style) {}

  void write(const Value& value, const std::string& margin) {
    if (value.is<Tensor>()) return write_tensor("tensor", in_row_major_order(value.tensor()), margin);
    if (value.is<Array>())
      return write_tensor("array", in_row_major_order(value.as<Array>().elements), margin);
    if (value.is<Handle>()) return write_handle(value, margin);
    const std::string line = is_plain(value) ? Inline::of(value) : "";
    const bool has_items = value.items() != nullptr || value.is<Dict>();
    if (!has_items && line.empty()) {
      text_ += Inline::of(value) + "\n";
      return;
    }
    if (!has_items || (!line.empty() && line.size() <= kInlineColumns)) {
      text_ += line + "\n";
    } else {
      write_items(value, margin);
    }
  }

  std::string take_text() { return std::move(text_); }

 private:
  void write_tensor(const char* kind, const Tensor& tensor, const std::string& margin) {
    text_ += style_.strong(kind) + " " + std::string(name(tensor.dtype())) + " " + sizes_text(tensor.shape());
    if (tensor.count() == 1) {
      text_ += "  " + format(element(tensor, 0)) + "\n";
      return;
    }
    const Summary summary = summarize(tensor);
    text_ += "\n" + margin + "  " + first_elements(tensor) + "\n" + margin + "  " +
             style_.faint(range(summary)) + "\n";
  }

  static std::string range(const Summary& summary) {
    const std::string mean = "mean " + format(summary.mean);
    return summary.has_extremes ? "min " + format(summary.min) + "  " + mean + "  max " + format(summary.max)
                                : mean;
  }

  void write_handle(const Value& value, const std::string& margin) {
    const std::string repr = text::printable(Object(value).repr());
    text_ += style_.strong("handle") + " " + text::printable(value.as<Handle>().class_name) + "\n";
    for (std::size_t begin = 0; begin < repr.size();) {
      const std::size_t end = std::min(repr.find('\n', begin), repr.size());
      text_ += margin + "  " + repr.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
  }

  void write_items(const Value& value, const std::string& margin) {
    const std::string description = value.describe();  // "a tuple of 2"
    text_ += style_.strong(description.substr(description.find(' ') + 1)) + "\n";
    const std::size_t count = value.size();
    for (std::size_t i = 0; i < count && i < kItemsShown; ++i) {
      if (value.is<Dict>()) {
        const auto& [key, item] = value.as<Dict>().items[i];
        write_item(Inline::of(key), item, margin);
      } else {
        const bool has_names = value.is<NamedTuple>();
        const std::string label =
            has_names ? text::one_line(text::printable(value.as<NamedTuple>().fields[i])) : std::to_string(i);
        write_item(label, (*value.items())[i], margin);
      }
    }
    if (count > kItemsShown) text_ += margin + "  … " + std::to_string(count - kItemsShown) + " more\n";
  }

  void write_item(const std::string& label, const Value& item, const std::string& margin) {
    text_ += margin + "  " + style_.label(label) + ": ";
    write(item, margin + "  ");
  }

  const text::Style& style_;
  std::string text_;
};

}  // namespace

std::string to_text(const Value& value, const text::Style& style) {
  if (value.is<std::string>()) return text::printable(value.text()) + "\n";
  TreeWriter writer(style);
  writer.write(value, "");
  return writer.take_text();
}

std::string to_text(const std::vector<RankedRow>& rows, const text::Style& style) {
  std::string text;
  for (const RankedRow& row : rows) {
    if (rows.size() > 1) text += style.label(row.name) + "\n";
    for (const Ranked& ranked : row.best) {
      char columns[64];
      std::snprintf(columns, sizeof columns, "%6zu  %12s", ranked.index, format(ranked.value).c_str());
      text +=
          columns + (ranked.label.empty() ? "" : "  " + style.strong(text::printable(ranked.label))) + "\n";
    }
  }
  return text;
}

namespace {}  // namespace

}  // namespace hubcell::cli
