#include "tools/compare/numbers/repr.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <complex>
#include <initializer_list>
#include <span>
#include <utility>

#include "tools/compare/numbers/numbers.h"

namespace hubcell::compare {
namespace {

constexpr std::string_view kEllipsis = "\u2026";
// What a text of an identity keeps as it is; the rest is hashed.
constexpr std::size_t kIdentityBytes = 4096;
constexpr int kDepthMax = 100;

// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none. Overlong forms, surrogates and what lies
// beyond U+10FFFF are none (RFC 3629).
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (byte(i) >> 6 != 2) return 0;
  const unsigned second = byte(1);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return is_overlong || is_beyond ? 0 : length;
}

std::string escaped(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
}

// Takes text until it has enough. What is too much is hashed (FNV-1a), where somebody asks for the identity.
class Writer {
 public:
  Writer(std::size_t bytes_max, std::uint64_t* work, std::uint64_t work_max)
      : bytes_max_(bytes_max), work_(work), work_max_(work_max) {}

  // Whether more text matters.
  bool wants_more() const { return work_ != nullptr ? *work_ < work_max_ : !is_cut_; }
  void charge(std::uint64_t work) {
    if (work_ != nullptr) *work_ += work;
  }

  Writer& operator<<(std::string_view piece) {
    unpaid_ += piece.size();
    charge(unpaid_ / 4096);
    unpaid_ %= 4096;
    is_cut_ = is_cut_ || text_.size() + piece.size() > bytes_max_;
    if (!is_cut_) {
      text_ += piece;
    } else if (work_ != nullptr) {
      for (const char c : piece)
        hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
    return *this;
  }

  // The characters of a str, or the bytes of a bytes.
  void quote(std::string_view content, bool is_text) {
    *this << "'";
    while (!content.empty() && wants_more()) {
      const std::size_t length = is_text ? character_bytes(content) : 1;
      put_character(content.substr(0, std::max<std::size_t>(length, 1)), length);
      content.remove_prefix(std::max<std::size_t>(length, 1));
    }
    *this << "'";
  }

  std::string take() {
    if (!is_cut_) return std::move(text_);
    return text_ + std::string(kEllipsis) + (work_ != nullptr ? "#" + std::to_string(hash_) : "");
  }

 private:
  void put_character(std::string_view character, std::size_t length) {
    const auto first = static_cast<unsigned char>(character[0]);
    const bool is_c1_control =
        length == 2 && first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (character == "'" || character == "\\") {
      *this << "\\" << character;
    } else if (character == "\n") {
      *this << "\\n";
    } else if (is_c1_control) {
      *this << escaped(static_cast<unsigned char>(character[1]));
    } else if (length == 0 || first < 0x20 || first == 0x7f || (length == 1 && first >= 0x80)) {
      *this << escaped(first);
    } else {
      *this << character;
    }
  }

  std::string text_;
  std::size_t bytes_max_;
  bool is_cut_ = false;
  std::size_t unpaid_ = 0;  // bytes
  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::uint64_t* work_;
  std::uint64_t work_max_;
};

// As Python's repr: the shortest text that is this number again.
std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 40> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  std::string shown(text.data(), end);
  if (shown.find_first_of(".e") == std::string::npos) shown += ".0";
  return shown;
}

std::string complex_text(const std::complex<double>& number) {
  const std::string imaginary = float_text(number.imag());
  return "(" + float_text(number.real()) + (imaginary[0] == '-' ? "" : "+") + imaginary + "j)";
}

std::string scalar_text(const Scalar& scalar) {
  if (number_kind(scalar.dtype) == NumberKind::Integer) {
    WideInteger number = 0;
    to_integers(scalar.dtype, scalar.bytes.data(), {&number, 1});
    return number < 0 ? std::to_string(static_cast<std::int64_t>(number))
                      : std::to_string(static_cast<std::uint64_t>(number));
  }
  std::array<double, 2> numbers{};
  const std::size_t count = components(scalar.dtype);
  to_doubles(scalar.dtype, scalar.bytes.data(), std::span(numbers).first(count));
  return count == 2 ? complex_text({numbers[0], numbers[1]}) : float_text(numbers[0]);
}

std::string integers_text(std::initializer_list<std::int64_t> numbers) {
  std::string text;
  for (const std::int64_t number : numbers)
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

struct Show {
  Writer& writer;
  int depth = 0;

  void show(const Value& value) {
    writer.charge(1);
    if (!writer.wants_more()) return;
    if (depth >= kDepthMax) {
      writer << kEllipsis;
      return;
    }
    value.visit(Show{writer, depth + 1});
  }

  template <typename Items>
  void list(std::string_view open, const Items& items, std::string_view close) {
    writer << open;
    const char* separator = "";
    for (const Value& item : items) {
      if (!writer.wants_more()) break;
      writer << separator;
      show(item);
      separator = ", ";
    }
    writer << close;
  }

  void operator()(const None&) { writer << "None"; }
  void operator()(bool flag) { writer << (flag ? "True" : "False"); }
  void operator()(std::int64_t number) { writer << std::to_string(number); }
  void operator()(double number) { writer << float_text(number); }
  void operator()(const std::complex<double>& number) { writer << complex_text(number); }
  void operator()(const std::string& text) { writer.quote(text, true); }
  void operator()(const Bytes& bytes) {
    writer << "b";
    writer.quote(bytes.data, false);
  }
  void operator()(const BigInt& number) { writer << number.hex; }
  void operator()(const Ellipsis&) { writer << "Ellipsis"; }
  void operator()(const Range& range) {
    writer << "range(" << integers_text({range.start, range.stop, range.step}) << ")";
  }
  void operator()(const Path& path) {
    writer << "Path(";
    writer.quote(path.text, true);
    writer << ")";
  }
  void operator()(const TorchConstant& constant) { writer << "torch." << constant.name; }
  void operator()(const Scalar& scalar) { writer << name(scalar.dtype) << "(" << scalar_text(scalar) << ")"; }
  void operator()(const List& values) { list("[", values.items, "]"); }
  void operator()(const Tuple& tuple) { list("(", tuple.items, tuple.items.size() == 1 ? ",)" : ")"); }
  void operator()(const NamedTuple& tuple) { list(tuple.type + "(", tuple.items, ")"); }
  void operator()(const Set& set) { list("{", set.items, "}"); }
  void operator()(const Dict& dict) {
    writer << "{";
    const char* separator = "";
    for (const auto& [key, value] : dict.items) {
      if (!writer.wants_more()) break;
      writer << separator;
      show(key);
      writer << ": ";
      show(value);
      separator = ", ";
    }
    writer << "}";
  }
  void operator()(const Slice& slice) { list("slice(", slice.bounds, ")"); }
  void operator()(const Device& device) {
    writer << "device(" << device.type << (device.index ? ":" + std::to_string(*device.index) : "") << ")";
  }
  void operator()(const Size& size) {
    writer << "Size([";
    const char* separator = "";
    for (const std::int64_t number : size.sizes) {
      if (!writer.wants_more()) break;
      writer << separator << std::to_string(number);
      separator = ", ";
    }
    writer << "])";
  }
  template <typename Other>
  void operator()(const Other& other) {
    writer << "<" << Value(other).describe() << ">";
  }
};

}  // namespace

std::string repr(const Value& value, std::size_t bytes_max) {
  Writer writer(bytes_max, nullptr, 0);
  Show{writer}.show(value);
  return writer.take();
}

std::string identity_text(const Value& value, std::uint64_t& work, std::uint64_t work_max) {
  Writer writer(kIdentityBytes, &work, work_max);
  Show{writer}.show(value);
  return writer.take();
}

std::string shortened(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  text.resize(end);
  return text + std::string(kEllipsis);
}

}  // namespace hubcell::compare
