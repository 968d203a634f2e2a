// What the text of a URL or of a file's name says. For text from anyone, of any length: no regular expressions of the
// standard library, which take stack for each letter. What libcurl has to agree on is in supervisor/fetch/url.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hubcell {

// ASCII letters in lower case, the rest as it is.
std::string lower_case(std::string_view text);

// The host of an http:// or https:// URL, in lower case; empty where its text could be read in more ways than one: with a
// user, an address in brackets, or a backslash before its path.
std::string plain_host_of(std::string_view url);

// The last part of a URL's path, by which torch.hub calls the file; empty where there is none.
std::string file_name_of(std::string_view url);

// What torch.hub takes for the beginning of the file's sha256, "f37072fd" of "resnet18-f37072fd.pth"; empty where there is
// none.
std::string hash_in_name(std::string_view name);

// The byte that "%20" and the like at the beginning of `text` stand for.
std::optional<char> percent_decoded(std::string_view text);

}  // namespace hubcell
