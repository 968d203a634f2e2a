#include <algorithm>
#include <charconv>
#include <unordered_map>

#include <hubcell/recording.h>

#include "tools/compare/traffic/call_names.h"
#include "tools/compare/traffic/call_text.h"
#include "tools/compare/traffic/safetensors.h"
#include "tools/compare/traffic/text_bytes.h"

namespace hubcell::compare {
namespace {

constexpr std::string_view kPrefix = "call-";
// A value in a value takes three levels of JSON at most, those of a dict's pairs.
constexpr int kTextDepthMax = 3 * kCallDepthMax + 8;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Usage, why);
}

// What the tree is copied, compared and destroyed by recurses.
Json parse_text(const std::string& text) {
  const auto check_depth = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kTextDepthMax) refuse("its text is nested too deeply");
    return true;
  };
  Json parsed = Json::parse(text.begin(), text.end(), check_depth, false);
  if (!parsed.is_object()) refuse("its text is no JSON object");
  return parsed;
}

const Json& field(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) refuse(std::string("it has no ") + name);
  return *found;
}

double number_in(const Json& json, const char* name) {
  const Json& number = field(json, name);
  if (!number.is_number()) refuse(std::string("its ") + name + " is no number");
  return number.get<double>();
}

std::string text_in(const Json& json, const char* name) {
  const Value text =
      read_value(field(json, name), [](const std::string&, std::size_t) -> std::shared_ptr<std::byte[]> {
        refuse("it has a tensor in place of a text");
      });
  if (!text.is<std::string>()) refuse(std::string("its ") + name + " is no text");
  return text.text();
}

std::vector<Value> items_of(const Value& value, const char* what) {
  if (!value.is<List>()) refuse(std::string("its ") + what + " are no list");
  return value.as<List>().items;
}

Keywords keywords_of(const Value& value) {
  Keywords keywords;
  for (const Value& pair : items_of(value, "keywords")) {
    const std::vector<Value> parts = items_of(pair, "keywords");
    if (parts.size() != 2 || !parts[0].is<std::string>())
      refuse("a keyword is no pair of a name and a value");
    keywords.emplace_back(parts[0].text(), parts[1]);
  }
  return keywords;
}

}  // namespace

std::string name_of_call(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kPrefix) + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

std::optional<std::uint64_t> number_of_call(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char* end = name.data() + name.size();
  std::uint64_t number = 0;
  const auto [stopped, failure] = std::from_chars(name.data() + kPrefix.size(), end, number);
  if (failure != std::errc() || stopped != end || name_of_call(number) != name) return std::nullopt;
  return number;
}

struct Recording::File {
  explicit File(const std::string& given) : path(given), reader(given) {
    for (const StoredTensor& tensor : reader.tensors()) {
      by_name.emplace(tensor.name, &tensor);
      if (const auto number = number_of_call(tensor.name)) calls.emplace_back(*number, &tensor);
    }
    std::ranges::sort(calls);
    if (calls.empty() && !reader.tensors().empty())
      refuse("read " + path + ": it is a safetensors file, but no recording of calls");
  }

  std::shared_ptr<std::byte[]> bytes_of(const StoredTensor& tensor) const {
    const std::shared_ptr<std::byte[]> memory(
        new std::byte[std::max<std::uint64_t>(tensor.end - tensor.begin, 1)]);
    reader.read(tensor, memory.get());
    return memory;
  }
  std::string text_of(const StoredTensor& tensor) const {
    const std::uint64_t bytes = tensor.end - tensor.begin;
    if (bytes > kCallTextBytesMax)
      refuse("its text has more than " + std::to_string(kCallTextBytesMax) + " bytes");
    std::string text(bytes, '\0');
    reader.read(tensor, text.data());
    return text;
  }

  std::string path;
  SafetensorsReader reader;
  std::unordered_map<std::string_view, const StoredTensor*> by_name;
  std::vector<std::pair<std::uint64_t, const StoredTensor*>> calls;
};

Recording Recording::open(const std::string& path) {
  return Recording(std::make_shared<File>(path));
}

std::size_t Recording::size() const {
  return file_->calls.size();
}

const Metadata& Recording::description() const {
  return file_->reader.metadata();
}

std::uint64_t Recording::tail_bytes() const {
  return file_->reader.tail_bytes();
}

RecordedCall Recording::call(std::size_t index) const {
  if (index >= size()) refuse("read " + file_->path + ": it has no call " + std::to_string(index));
  const auto& [number, stored] = file_->calls[index];
  const std::string name = name_of_call(number);
  const FindTensor find_tensor = [&](const std::string& part, std::size_t bytes) {
    const auto found = file_->by_name.find(name + "/" + part);
    if (found == file_->by_name.end() || found->second->end - found->second->begin != bytes)
      refuse("a tensor is not in the file, or has another size");
    return file_->bytes_of(*found->second);
  };
  try {
    const Json json = parse_text(file_->text_of(*stored));
    if (field(json, "format") != kCallFormat) refuse("it has a format that this version does not know");
    const Value words =
        read_value(Json::array({field(json, "arguments"), field(json, "keywords")}), find_tensor);
    RecordedCall call{.number = number,
                      .method = text_in(json, "method"),
                      .arguments = items_of(words[0], "arguments"),
                      .keywords = keywords_of(words[1]),
                      .state = {},
                      .answer = {},
                      .failure = {},
                      .time = number_in(json, "time"),
                      .seconds = number_in(json, "seconds")};
    if (json.contains("state")) call.state = read_value(json["state"], find_tensor);
    if (!json.contains("error")) {
      call.answer = read_value(field(json, "answer"), find_tensor);
      return call;
    }
    const Json& error = field(json, "error");
    if (!error.is_object()) refuse("its error is no object");
    call.failure = CallFailure{.type = text_in(error, "type"), .message = text_in(error, "message")};
    return call;
  } catch (const Error& impossible) {
    throw impossible.context("read " + file_->path + ": " + name);
  }
}

}  // namespace hubcell::compare
