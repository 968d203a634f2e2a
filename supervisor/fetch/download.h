// The content behind a URL, whole or not at all.
#pragma once

#include <cstdint>
#include <string>

#include "supervisor/fetch/http.h"
#include "supervisor/fetch/new_file.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

struct Download {
  std::string url;          // http, https, file
  std::string shown_as;     // in progress: "resnet18.pth"
  std::uint64_t bytes_max;  // more than that is refused
};

// Writes it into `file`, which is new, and returns its sha256. A transfer that breaks off is taken up where it stopped, if
// the server can tell that the content is still the same, and begun anew if not; one that gets no further four times, or
// next to none, has failed. Throws Error(Source), in one line, also where the content is not as long as the server says; Error(System) on a
// full disk.
std::string download(const Download& wanted, const HttpSettings& settings, NewFile& file, Reporter& reporter);

}  // namespace hubcell::fetch
