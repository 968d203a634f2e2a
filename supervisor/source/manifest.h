// What a checkout consists of, written down when it was made: by it anybody can tell later whether it still does.
//
//     <sha256>  - or x  <path>      a file, and whether it can be executed
//     link      <target>  <path>
//
// one line each, in the order of the paths; bytes that would end a field are escaped as in URLs.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace hubcell::source {

// By path: what stands before it in its line.
using Manifest = std::map<std::string, std::string>;

std::string to_text(const Manifest& manifest);
// Empty where `text` is no manifest.
std::optional<Manifest> manifest_of_text(const std::string& text);

}  // namespace hubcell::source
