// What the parts of a URL are, as libcurl reads it.
#pragma once

#include <string>
#include <string_view>

namespace hubcell::fetch {

// Scheme, host and port: who answers.
std::string origin_of(const std::string& url);

// The host; of where `reference` leads from there, if one is given. Empty where that is no URL.
std::string host_of(const std::string& url, const std::string& reference = {});

// "%20" is a space.
std::string unescaped(std::string_view text);

// For messages and names of files: without the user and password that it may hold.
std::string without_credentials(const std::string& url);

}  // namespace hubcell::fetch
