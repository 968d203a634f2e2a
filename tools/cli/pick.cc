#include "tools/cli/pick.h"

#include <cctype>
#include <charconv>
#include <string_view>

#include "tools/cli/usage_error.h"

namespace hubcell::cli {
namespace {

// Reads an expression from left to right; `rest_` is what is left of it.
class Reader {
 public:
  explicit Reader(std::string_view expression) : all_(expression), rest_(expression) {}

  std::vector<Step> read() {
    std::vector<Step> steps;
    while (!rest_.empty())
      steps.push_back(step(steps.empty()));
    return steps;
  }

 private:
  Step step(bool first) {
    if (take('[')) return bracket();
    if (!take('.') && !first) fail("steps are chained with . or [ ]");
    return word();
  }

  Step word() {
    std::size_t length = rest_.starts_with('-') ? 1 : 0;
    while (length < rest_.size() && is_word(rest_[length]))
      ++length;
    const std::string_view text = rest_.substr(0, length);
    if (text.empty()) fail("a name or a number is missing");
    rest_.remove_prefix(length);
    if (text.front() == '-' || std::isdigit(static_cast<unsigned char>(text.front()))) return index(text);
    return NameStep{std::string(text)};
  }

  Step bracket() {
    if (rest_.starts_with('"') || rest_.starts_with('\'')) return key();
    const std::size_t end = rest_.find(']');
    if (end == std::string_view::npos) fail("a ] is missing");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return index(text);
  }

  Step key() {
    const char quote = rest_.front();
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("a quotation mark is missing");
    KeyStep step{std::string(rest_.substr(1, end - 1))};
    rest_.remove_prefix(end + 1);
    if (!take(']')) fail("a ] is missing");
    return step;
  }

  Step index(std::string_view text) const {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
      fail("'" + std::string(text) + "' is no index");
    }
    return IndexStep{number};
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

  [[noreturn]] void fail(const std::string& why) const {
    throw UsageError("--pick " + std::string(all_) + ": " + why +
                     "; write steps like 0, .logits or [\"out\"]");
  }

  std::string_view all_;
  std::string_view rest_;
};

std::string spell(const Step& step) {
  if (const auto* index = std::get_if<IndexStep>(&step)) return std::to_string(index->index);
  if (const auto* name = std::get_if<NameStep>(&step)) return "." + name->name;
  return "[\"" + std::get<KeyStep>(step).key + "\"]";
}

[[noreturn]] void throw_no_such_part(const Value& value, const Step& step) {
  throw Error(ErrorCode::Usage, "pick " + spell(step) + " of " + value.describe() + ": it has no such part");
}

// Counted from the front; throws where there is none.
std::size_t position(const Value& value, const Step& step, std::size_t count) {
  const std::int64_t index = std::get<IndexStep>(step).index;
  const std::int64_t from_front = index < 0 ? index + static_cast<std::int64_t>(count) : index;
  if (from_front < 0 || from_front >= static_cast<std::int64_t>(count)) throw_no_such_part(value, step);
  return static_cast<std::size_t>(from_front);
}

// A row of the first dimension; it shares the tensor's memory.
Tensor tensor_row(const Value& value, const Tensor& tensor, const Step& step) {
  if (tensor.shape().empty()) throw_no_such_part(value, step);
  const auto rows = static_cast<std::size_t>(tensor.shape().front());
  const std::size_t row = position(value, step, rows);
  const std::vector<std::int64_t> strides = tensor.strides();
  std::byte* data =
      tensor.data() + row * static_cast<std::size_t>(strides.front()) * item_bytes(tensor.dtype());
  return Tensor::strided(tensor.dtype(), {tensor.shape().begin() + 1, tensor.shape().end()},
                         {strides.begin() + 1, strides.end()}, tensor.owner(), data);
}

bool equals(const Value& key, const Step& step) {
  if (const auto* index = std::get_if<IndexStep>(&step)) {
    return key.is<std::int64_t>() && key.integer() == index->index;
  }
  const auto* name = std::get_if<NameStep>(&step);
  return key.is<std::string>() && key.text() == (name != nullptr ? name->name : std::get<KeyStep>(step).key);
}

Value dict_entry(const Value& value, const Step& step) {
  for (const auto& [key, item] : value.as<Dict>().items) {
    if (equals(key, step)) return item;
  }
  throw_no_such_part(value, step);
}

Value handle_part(const Object& object, const Step& step) {
  if (const auto* name = std::get_if<NameStep>(&step)) return object.attribute(name->name);
  if (const auto* index = std::get_if<IndexStep>(&step)) return object.item(index->index);
  return object.item(std::get<KeyStep>(step).key);
}

}  // namespace

std::vector<Step> parse_pick(const std::string& expression) {
  return Reader(expression).read();
}

Value take_step(const Value& value, const Step& step) {
  if (value.is<Handle>()) return handle_part(Object(value), step);
  if (value.is<Dict>()) return dict_entry(value, step);
  if (const auto* name = std::get_if<NameStep>(&step); name != nullptr && value.is<NamedTuple>()) {
    if (const Value* field = value.find(name->name)) return *field;
  }
  if (!std::holds_alternative<IndexStep>(step)) throw_no_such_part(value, step);
  if (value.is<Tensor>()) return tensor_row(value, value.tensor(), step);
  if (value.is<Array>()) return Array{tensor_row(value, value.as<Array>().elements, step)};
  if (value.items() != nullptr && !value.is<Set>()) return value[position(value, step, value.size())];
  throw_no_such_part(value, step);
}

Value walk(Value value, std::span<const Step> steps) {
  for (const Step& step : steps)
    value = take_step(value, step);
  return value;
}

bool is_callable(const Value& value) {
  return value.is<Handle>() && value.as<Handle>().is_callable;
}

Target walk_to_callable(Value value, std::span<const Step> steps) {
  while (!is_callable(value) && !steps.empty()) {
    value = take_step(value, steps.front());
    steps = steps.subspan(1);
  }
  return {std::move(value), steps};
}

}  // namespace hubcell::cli
