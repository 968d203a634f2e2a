#include "tools/cli/spec.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tools/cli/usage_error.h"
#include "tools/compare/inputs.h"

namespace hubcell::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kShapeRecipes = {"rand:", "randn:", "zeros:", "ones:"};
constexpr std::string_view kRangeRecipe = "arange:";
constexpr std::string_view kJsonRecipe = "json:";
constexpr std::string_view kFileRecipe = "file:";
constexpr std::array<std::string_view, 7> kFileEndings = {".npy", ".npz",  ".pt", ".png",
                                                          ".jpg", ".jpeg", ".wav"};
constexpr std::size_t kDigitsMax = 18;  // fits int64

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= kDigitsMax && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_identifier(std::string_view text) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  return !text.empty() && !is_digit(text.front()) && std::all_of(text.begin(), text.end(), is_word);
}

// "1x3x224x224"
bool is_shape(std::string_view text) {
  while (true) {
    const std::size_t end = text.find('x');
    if (!is_number(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

// Splits "NAME=REST"; without an identifier before the "=", all of it is the rest.
std::pair<std::string, std::string> split_name(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || !is_identifier(std::string_view(text).substr(0, equals)))
    return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Value to_value(const Json& json);

Value to_list(const Json& json) {
  List list;
  for (const Json& item : json)
    list.items.push_back(to_value(item));
  return list;
}

Value to_dict(const Json& json) {
  Dict dict;
  for (const auto& [key, item] : json.items())
    dict.items.emplace_back(key, to_value(item));
  return dict;
}

Value to_integer(const Json& json) {
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() <= INT64_MAX) return json.get<std::int64_t>();
  char hex[24];
  std::snprintf(hex, sizeof hex, "0x%llx", static_cast<unsigned long long>(json.get<std::uint64_t>()));
  return BigInt{hex};
}

Value to_value(const Json& json) {
  if (json.is_null()) return None{};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return to_integer(json);
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  return json.is_array() ? to_list(json) : to_dict(json);
}

[[noreturn]] void throw_unknown_spec(const std::string& spec) {
  throw UsageError(
      "-x " + spec +
      ": not an input; give rand:, randn:, zeros: or ones: with a shape like 1x3x224x224, arange:N, "
      "json:VALUE, a file .npy .npz .pt .png .jpg .wav, or file:PATH for a copy of any file");
}

bool has_file_ending(std::string spec) {
  for (char& c : spec)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::any_of(kFileEndings.begin(), kFileEndings.end(),
                     [&](std::string_view ending) { return spec.ends_with(ending); });
}

// Null where the text is no recipe of torch's.
std::optional<bool> recipe_is_right(std::string_view spec) {
  if (spec.starts_with(kRangeRecipe)) return is_number(spec.substr(kRangeRecipe.size()));
  for (const std::string_view recipe : kShapeRecipes) {
    if (spec.starts_with(recipe)) return is_shape(spec.substr(recipe.size()));
  }
  return std::nullopt;
}

Value read_file(const std::string& spec) {
  return File::read(spec.substr(kFileRecipe.size()));
}

// As people write them who come from Python; the text "False" would be true.
std::optional<Value> python_word(std::string_view text) {
  if (text == "None") return None{};
  if (text == "True") return true;
  if (text == "False") return false;
  return std::nullopt;
}

Value parse_json_input(const std::string& spec) {
  try {
    return value_of_json(std::string_view(spec).substr(kJsonRecipe.size()));
  } catch (const Error& error) {
    throw UsageError("-x " + spec + ": " + error.what());
  }
}

}  // namespace

Value value_of_json(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception&) {
    throw Error(ErrorCode::Usage, "this is no JSON: " + std::string(text));
  }
  return to_value(json);
}

NamedArgument parse_argument(const std::string& text) {
  auto [name, rest] = split_name(text);
  // A URL of this machine is a text, as other URLs are.
  if (rest.starts_with(kFileRecipe) && !rest.starts_with("file://"))
    return {std::move(name), read_file(rest)};
  if (const auto word = python_word(rest)) return {std::move(name), *word};
  if (!Json::accept(rest)) return {std::move(name), std::move(rest)};
  try {
    return {std::move(name), value_of_json(rest)};
  } catch (const Error& error) {
    throw UsageError("-a " + text + ": " + error.what());
  }
}

CallInput parse_input(const std::string& text) {
  auto [name, spec] = split_name(text);
  if (spec.starts_with(kJsonRecipe)) return {std::move(name), parse_json_input(spec)};
  if (spec.starts_with(kFileRecipe)) return {std::move(name), read_file(spec)};
  const std::optional<bool> right = recipe_is_right(spec);
  if (right.has_value() ? !*right : !has_file_ending(spec)) throw_unknown_spec(spec);
  return {std::move(name), InputSpec{.spec = std::move(spec)}};
}

bool is_file(const InputSpec& spec) {
  return !recipe_is_right(spec.spec).has_value();
}

InputSpec with_content(const InputSpec& spec) {
  if (!is_file(spec)) return spec;
  return {.spec = spec.spec, .content = compare::read_input_file(spec.spec)};
}

}  // namespace hubcell::cli
