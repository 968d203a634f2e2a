#include "supervisor/source/repository.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>

#include <hubcell/error.h>

#include "supervisor/source/ref_name.h"

namespace hubcell::source {
namespace {

constexpr std::size_t kNameBytesMax = 4096;
constexpr std::array<std::string_view, 5> kSchemes{"file", "https", "http", "ssh", "git"};

[[noreturn]] void refuse(const std::string& given, const std::string& why) {
  throw Error(ErrorCode::Source, "load " + (given.empty() ? "''" : printable(given)) + ": " + why);
}

bool is_space_or_control(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return std::isspace(byte) != 0 || std::iscntrl(byte) != 0;
}

bool is_word(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-' || letter == '_' ||
           letter == '.';
  });
}

std::string without_trailing_slashes(std::string text) {
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text;
}

// Splits `text` at `separator`, which is npos or the place of the ':' or '@' before the ref.
std::optional<std::string> take_ref(std::string& text, std::size_t separator, const std::string& given) {
  if (separator == std::string::npos) return std::nullopt;
  const char mark = text[separator];
  std::string ref = text.substr(separator + 1);
  text.resize(separator);
  if (ref.empty())
    refuse(given, std::string("no ref follows '") + mark + "'; leave it out for the default branch");
  if (const std::string why = why_no_ref(ref); !why.empty())
    refuse(given, in_quotes(ref) + " cannot be a branch, tag or commit: " + why);
  return ref;
}

void check_path(std::string_view path, const std::string& given) {
  if (path.size() <= 1) refuse(given, "the URL names no repository; write scheme://host/path/name.git");
  if (("/" + std::string(path) + "/").find("/../") != std::string::npos)
    refuse(given, "the path has a '..' in it; write it without");
}

Repository parse_folder(const std::string& given, const std::string& working_folder) {
  const std::filesystem::path path(given);
  if (path.is_relative() && working_folder.empty())
    refuse(given, "the working folder is not known; write the folder's full path");
  const std::filesystem::path whole =
      path.is_absolute() ? path : std::filesystem::path(working_folder) / path;
  return {.kind = Repository::Kind::Local,
          .given = given,
          .name = given,
          .url = {},
          .folder = without_trailing_slashes(whole.lexically_normal()),
          .ref = std::nullopt};
}

// A password would be shown in messages and written into names of files.
void check_authority(std::string_view authority, const std::string& shown_as) {
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos) {
    refuse(shown_as, "there is a password in it, which messages and logs would show; take it out");
  }
  if (authority.starts_with('-')) refuse(shown_as, "the host begins with '-'");
}

// A remote that messages call by its URL.
Repository named_by_url(const std::string& given, const std::string& url, std::optional<std::string> ref) {
  return {.kind = Repository::Kind::Remote,
          .given = given,
          .name = url,
          .url = url,
          .folder = {},
          .ref = std::move(ref)};
}

Repository parse_url(const std::string& given, std::size_t scheme_end) {
  const std::string scheme = lower_case(given.substr(0, scheme_end));
  if (std::ranges::find(kSchemes, scheme) == kSchemes.end())
    refuse(given, "there are no " + in_quotes(scheme) + " remotes; write file://, https:// or ssh://");
  const std::size_t host = scheme_end + 3;
  const std::size_t path = given.find('/', host);
  const std::string authority = given.substr(host, path == std::string::npos ? path : path - host);
  check_authority(authority, scheme + "://.../");
  if (path == std::string::npos)
    refuse(given, "the URL names no repository; write scheme://host/path/name.git");
  if (scheme == "file" && !authority.empty() && authority != "localhost")
    refuse(given, "a file:// URL has a full path; write file:///" + authority + given.substr(path));
  std::string url = given;
  std::optional<std::string> ref = take_ref(url, url.find('@', path), given);
  url = without_trailing_slashes(std::move(url));
  check_path(std::string_view(url).substr(std::min(path, url.size())), given);
  return named_by_url(given, url, std::move(ref));
}

// user@host:path; the caller has seen that the ':' comes before the first '/'.
Repository parse_scp(const std::string& given, std::size_t colon) {
  check_authority(given.substr(0, colon), given);
  std::string url = given;
  std::optional<std::string> ref = take_ref(url, url.find('@', colon), given);
  check_path("/" + url.substr(colon + 1), given);
  return named_by_url(given, url, std::move(ref));
}

Repository parse_owner_and_name(const std::string& given, const std::string& github_url) {
  static const std::string advice =
      "write owner/name, owner/name@ref, a git URL, or ./folder for a folder of this machine";
  std::string name = given;
  std::optional<std::string> ref = take_ref(name, name.find_first_of(":@"), given);
  if (name.ends_with(".git")) name.resize(name.size() - 4);
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) refuse(given, "this is not owner/name; " + advice);
  const std::string owner = name.substr(0, slash);
  const std::string repository = name.substr(slash + 1);
  if (repository.find('/') != std::string::npos) refuse(given, "it has more than one '/'; " + advice);
  for (const std::string& part : {owner, repository}) {
    if (!is_word(part)) refuse(given, "owner and name are letters, digits, '-', '_' and '.'; " + advice);
    if (part.starts_with('-')) refuse(given, in_quotes(part) + " begins with '-'; " + advice);
    if (part == "." || part == "..") refuse(given, in_quotes(part) + " is no name; " + advice);
  }
  if (github_url.find("://") == std::string::npos) {
    refuse(given, "HUBCELL_GITHUB_URL is " + in_quotes(github_url) +
                      ", which is no URL; write https://host or file:///folder");
  }
  return {.kind = Repository::Kind::Remote,
          .given = given,
          .name = name,
          .url = without_trailing_slashes(github_url) + "/" + name + ".git",
          .folder = {},
          .ref = std::move(ref)};
}

}  // namespace

std::string github_url(const std::string& named) {
  return named.empty() ? "https://github.com" : without_trailing_slashes(named);
}

bool is_ssh_url(const std::string& url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end != std::string::npos) return lower_case(url.substr(0, scheme_end)) == "ssh";
  return url.find('@') < url.find(':') && url.find(':') != std::string::npos;
}

Repository parse_repository(const std::string& given, const std::string& github_url,
                            const std::string& working_folder) {
  if (given.empty()) refuse(given, "the name is empty; write owner/name, a git URL, or ./folder");
  if (given.size() > kNameBytesMax)
    refuse(given, "the name is longer than " + std::to_string(kNameBytesMax) + " bytes");
  if (given.find('\0') != std::string::npos) refuse(given, "the name has a zero byte in it");
  if (given.starts_with('.') || given.starts_with('/')) return parse_folder(given, working_folder);
  if (std::ranges::any_of(given, is_space_or_control)) {
    refuse(given,
           "a name has no spaces or control characters; a folder is written ./folder or "
           "/folder, a space in a URL %20");
  }
  if (given.starts_with('-')) refuse(given, "a name does not begin with '-'");
  if (given.starts_with('~')) refuse(given, "'~' means nothing here; write the folder's full path");
  const std::size_t colon = given.find(':');
  if (colon == given.find("://") && colon + 1 == given.find('/')) return parse_url(given, colon);
  if (colon < given.find('/') && given.find('@') < colon) return parse_scp(given, colon);
  return parse_owner_and_name(given, github_url);
}

}  // namespace hubcell::source
