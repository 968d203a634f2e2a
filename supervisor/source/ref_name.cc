#include "supervisor/source/ref_name.h"

#include <algorithm>
#include <cctype>

namespace hubcell::source {
namespace {

constexpr std::size_t kRefBytesMax = 1024;
constexpr std::size_t kShownBytesMax = 200;

bool is_hexadecimal(char letter) {
  return std::isxdigit(static_cast<unsigned char>(letter)) != 0;
}

bool is_control(char letter) {
  return std::iscntrl(static_cast<unsigned char>(letter)) != 0;
}

// Rules for what stands between two slashes.
std::string why_no_component(std::string_view component) {
  if (component.empty()) return "it has an empty part around a '/'";
  if (component.starts_with('.')) return "a part of it begins with '.'";
  if (component.ends_with(".lock")) return "a part of it ends with '.lock'";
  return {};
}

}  // namespace

std::string why_no_ref(std::string_view ref) {
  if (ref.empty()) return "it is empty";
  if (ref.size() > kRefBytesMax) return "it is longer than " + std::to_string(kRefBytesMax) + " bytes";
  if (std::ranges::any_of(ref, is_control)) return "it has control characters";
  for (const char forbidden : std::string_view(" ~^:?*[\\")) {
    if (ref.find(forbidden) != std::string_view::npos)
      return forbidden == ' ' ? "it has a space" : std::string("it has a '") + forbidden + "'";
  }
  if (ref.starts_with('-')) return "it begins with '-'";
  if (ref.ends_with('.')) return "it ends with '.'";
  if (ref == "@") return "it is '@' alone";
  for (const std::string_view forbidden : {"..", "@{"}) {
    if (ref.find(forbidden) != std::string_view::npos) return "it has '" + std::string(forbidden) + "' in it";
  }
  for (std::size_t begin = 0; begin <= ref.size();) {
    const std::size_t end = std::min(ref.find('/', begin), ref.size());
    if (std::string why = why_no_component(ref.substr(begin, end - begin)); !why.empty()) return why;
    begin = end + 1;
  }
  return {};
}

bool may_begin_commit(std::string_view ref) {
  return ref.size() >= kCommitDigitsMin && ref.size() <= kCommitDigits &&
         std::ranges::all_of(ref, is_hexadecimal);
}

bool is_commit(std::string_view text) {
  return text.size() == kCommitDigits && may_begin_commit(text) && text == lower_case(text);
}

std::string printable(std::string_view text) {
  std::string shown(text.substr(0, kShownBytesMax));
  std::ranges::replace_if(shown, is_control, '?');
  return text.size() > kShownBytesMax ? shown + "..." : shown;
}

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

}  // namespace hubcell::source
