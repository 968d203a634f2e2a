#include "tools/compare/numbers/differences.h"

#include <algorithm>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/compare/numbers/element_views.h"
#include "tools/compare/numbers/repr.h"
#include "tools/compare/numbers/tensor_difference.h"

namespace hubcell::compare {
namespace {

// A value may hold another one twice, that one a third one twice, and so on: what is visited is bounded, not only what is there.
constexpr std::uint64_t kWorkMax = std::uint64_t{1} << 20;
constexpr std::uint64_t kElementsMax = std::uint64_t{1} << 32;
constexpr std::size_t kTensorsMax = 10'000;
constexpr std::size_t kStructureMax = 1'000;
constexpr std::size_t kDepthMax = 100;
constexpr std::size_t kPathBytesMax = 512;
constexpr std::size_t kKeyBytesMax = 64;
constexpr std::size_t kTextBytesMax = 160;
// Python's numbers in a longer list are one tensor.
constexpr std::size_t kSingleNumbersMax = 64;

const std::string kNothing = "nothing";

std::string described(const Value& value) {
  return shortened(value.describe(), kTextBytesMax);
}

// Two texts from where they begin to differ on, or shortly before.
std::pair<std::string, std::string> texts_at_difference(const std::string& a, const std::string& b,
                                                        auto make_value) {
  constexpr std::size_t kBefore = 20, kShown = 80;
  const auto common = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  std::size_t begin = common > 2 * kBefore ? common - kBefore : 0;
  while (begin > 0 && (static_cast<unsigned char>(a[begin]) & 0xc0) == 0x80)
    --begin;
  const auto shown = [&](const std::string& text) {
    return (begin > 0 ? "\u2026" : "") + repr(make_value(text.substr(begin, 4 * kShown)), kShown);
  };
  return {shown(a), shown(b)};
}

// One of a dict's values, or of a named tuple's.
struct Entry {
  std::string step;      // of the path
  std::string identity;  // of the key
  const Value* value;
};

class Walk {
 public:
  explicit Walk(const Tolerance& tolerance) : tolerance_(tolerance) {}

  void visit(const Value& a, const Value& b) {
    if (!may_go_on()) return;
    ++depth_;
    if (depth_ > kDepthMax) {
      cut("values that lie deeper than they are compared");
    } else if (const auto left = elements_of(a), right = elements_of(b); left && right) {
      visit_elements(a, *left, b, *right);
    } else if (is_sequence(a) && is_sequence(b)) {
      visit_sequences(a, b);
    } else if (a.kind() != b.kind()) {
      differ(described(a), described(b));
    } else if (a.is<Dict>()) {
      visit_entries(entries_of(a.as<Dict>()), entries_of(b.as<Dict>()));
    } else if (a.is<Set>()) {
      visit_sets(a.as<Set>(), b.as<Set>());
    } else if (a.is<Handle>()) {
      ++out_.handles;
      if (a.as<Handle>().class_name != b.as<Handle>().class_name) differ(described(a), described(b));
    } else {
      visit_plain(a, b);
    }
    --depth_;
  }

  ValueDifference take() { return std::move(out_); }

 private:
  static bool is_sequence(const Value& value) { return value.items() != nullptr && !value.is<Set>(); }

  // ---- what is reported, and its bounds

  void differ(std::string a, std::string b) {
    if (is_cut_) return;
    if (out_.structure.size() + 1 == kStructureMax) return cut("more differences than are reported");
    out_.structure.push_back({shortened(path_, kPathBytesMax), std::move(a), std::move(b)});
  }

  // Ends the walk.
  void cut(const std::string& what) {
    if (is_cut_) return;
    is_cut_ = true;
    out_.structure.push_back({shortened(path_, kPathBytesMax), what, what});
  }

  bool may_go_on() {
    if (++work_ > kWorkMax) cut("more values than are compared");
    return !is_cut_;
  }

  // Where it is cut off, other values may have the same.
  std::string identity(const Value& value) {
    std::string text = identity_text(value, work_, kWorkMax);
    if (work_ >= kWorkMax) cut("more values than are compared");
    return text;
  }

  // At `step` below where the walk is.
  template <typename Work>
  void below(const std::string& step, Work work) {
    const std::size_t length = path_.size();
    path_ += step;
    work();
    path_.resize(length);
  }

  // ---- elements

  void visit_elements(const Value& a, const Elements& left, const Value& b, const Elements& right) {
    if (left.form != right.form) {
      const bool is_one_kind = a.kind() == b.kind();
      differ(is_one_kind ? shortened(left.form, kTextBytesMax) : described(a),
             is_one_kind ? shortened(right.form, kTextBytesMax) : described(b));
    } else if (left.tensor.shape() != right.tensor.shape()) {
      differ(described(a), described(b));
    }
    if (left.tensor.shape() == right.tensor.shape()) compare(left.tensor, right.tensor);
  }

  void compare(const Tensor& a, const Tensor& b) {
    if (a.count() > elements_left_) {
      const std::string excuse = ", with which there are more elements than are compared";
      return differ(described(Value(a)) + excuse, described(Value(b)) + excuse);
    }
    if (out_.tensors.size() == kTensorsMax) return cut("more tensors than are compared");
    elements_left_ -= a.count();
    out_.tensors.push_back(tensor_difference(a, b, tolerance_));
    out_.tensors.back().path = shortened(path_, kPathBytesMax);
  }

  // ---- containers

  void visit_sequences(const Value& a, const Value& b) {
    if (a.is<NamedTuple>() && b.is<NamedTuple>()) {
      const auto &left = a.as<NamedTuple>(), &right = b.as<NamedTuple>();
      if (left.type != right.type) differ(described(a), described(b));
      return visit_entries(entries_of(left), entries_of(right));
    }
    if (a.kind() != b.kind() || a.size() != b.size()) differ(described(a), described(b));
    const std::size_t common = std::min(a.size(), b.size());
    const auto left = std::span(*a.items()).first(common), right = std::span(*b.items()).first(common);
    if (common > kSingleNumbersMax) {
      const auto left_numbers = numbers_of(left), right_numbers = numbers_of(right);
      if (left_numbers && right_numbers) return compare(*left_numbers, *right_numbers);
    }
    for (std::size_t i = 0; i < common && !is_cut_; ++i)
      below("[" + std::to_string(i) + "]", [&] { visit(left[i], right[i]); });
  }

  std::vector<Entry> entries_of(const Dict& dict) {
    std::vector<Entry> entries;
    for (const auto& [key, value] : dict.items) {
      if (!may_go_on()) break;
      entries.push_back({"[" + repr(key, kKeyBytesMax) + "]", identity(key), &value});
    }
    return entries;
  }

  std::vector<Entry> entries_of(const NamedTuple& tuple) {
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < tuple.items.size() && may_go_on(); ++i) {
      const std::string name =
          i < tuple.fields.size() ? "." + tuple.fields[i] : "[" + std::to_string(i) + "]";
      work_ += name.size() / 4096;
      entries.push_back({shortened(name, kKeyBytesMax), name, &tuple.items[i]});
    }
    return entries;
  }

  // In the order of `a`, then what only `b` has. A worker may repeat a key: such entries are paired in their order.
  void visit_entries(const std::vector<Entry>& a, const std::vector<Entry>& b) {
    std::multimap<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < b.size(); ++i)
      places.emplace(b[i].identity, i);
    std::vector<bool> is_paired(b.size());
    for (const Entry& entry : a) {
      if (is_cut_) return;
      const auto place = places.lower_bound(entry.identity);
      const bool is_common = place != places.end() && place->first == entry.identity;
      below(entry.step, [&] {
        if (!is_common) return differ(described(*entry.value), kNothing);
        visit(*entry.value, *b[place->second].value);
      });
      if (!is_common) continue;
      is_paired[place->second] = true;
      places.erase(place);
    }
    for (std::size_t i = 0; i < b.size() && !is_cut_; ++i) {
      if (!is_paired[i]) below(b[i].step, [&] { differ(kNothing, described(*b[i].value)); });
    }
  }

  void visit_sets(const Set& a, const Set& b) {
    std::map<std::string, std::pair<std::vector<const Value*>, std::vector<const Value*>>> found;
    for (const Value& item : a.items)
      if (may_go_on()) found[identity(item)].first.push_back(&item);
    for (const Value& item : b.items)
      if (may_go_on()) found[identity(item)].second.push_back(&item);
    std::vector<const Value*> only_a, only_b;
    for (const auto& [identity, items] : found) {
      const auto& [left, right] = items;
      const std::size_t common = std::min(left.size(), right.size());
      only_a.insert(only_a.end(), left.begin() + static_cast<std::ptrdiff_t>(common), left.end());
      only_b.insert(only_b.end(), right.begin() + static_cast<std::ptrdiff_t>(common), right.end());
      if (!left.empty() && left[0]->is<Handle>()) out_.handles += common;
    }
    if (only_a.empty() && only_b.empty()) return;
    differ(set_text(a, only_a), set_text(b, only_b));
  }

  // "a set of 3, with 2 that the other has not: 'x', 'y'"
  static std::string set_text(const Set& set, const std::vector<const Value*>& only) {
    std::string text = described(Value(set));
    if (only.empty()) return text;
    text += ", with " + std::to_string(only.size()) + " that the other has not: ";
    const char* separator = "";
    for (const Value* value : only) {
      if (text.size() > kTextBytesMax) return text + ", \u2026";
      text += separator + repr(*value, kKeyBytesMax);
      separator = ", ";
    }
    return text;
  }

  // ---- everything else

  void visit_plain(const Value& a, const Value& b) {
    if (a.is<std::string>())
      return visit_texts(a.text(), b.text(), [](std::string text) { return Value(std::move(text)); });
    if (a.is<Bytes>()) {
      return visit_texts(a.as<Bytes>().data, b.as<Bytes>().data,
                         [](std::string text) { return Value(Bytes{std::move(text)}); });
    }
    if (identity(a) != identity(b)) differ(repr(a, kTextBytesMax), repr(b, kTextBytesMax));
  }

  void visit_texts(const std::string& a, const std::string& b, auto make_value) {
    work_ += std::min(a.size(), b.size()) / 4096;
    if (a == b) return;
    auto [left, right] = texts_at_difference(a, b, make_value);
    differ(std::move(left), std::move(right));
  }

  Tolerance tolerance_;
  ValueDifference out_;
  std::string path_;
  std::size_t depth_ = 0;
  std::uint64_t work_ = 0;
  std::uint64_t elements_left_ = kElementsMax;
  bool is_cut_ = false;
};

}  // namespace

ValueDifference difference_of(const Value& a, const Value& b, const Tolerance& tolerance) {
  Walk walk(tolerance);
  walk.visit(a, b);
  return walk.take();
}

}  // namespace hubcell::compare
