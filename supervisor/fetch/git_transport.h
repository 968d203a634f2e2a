// How libgit2 reaches other machines: it speaks git's smart protocol, and a carrier of ours takes the place of its own transports.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hubcell::fetch::git {

inline constexpr const char* kUploadPack = "git-upload-pack";

// A conversation with git-upload-pack, or one request of it with its answer. Throws Error(Source) in one line.
class Stream {
 public:
  virtual ~Stream() = default;
  // Waits for more; 0 at the end.
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
  virtual void write(std::string_view bytes) = 0;
};

class Carrier {
 public:
  enum class Part { Listing, Objects };

  virtual ~Carrier() = default;
  // Whether the list of refs and each request for objects have a stream of their own ("rpc" in libgit2's words). Else one stream,
  // opened for the list, serves all.
  virtual bool has_requests() const = 0;
  virtual std::unique_ptr<Stream> open(const std::string& url, Part part) = 0;
};

// From here on libgit2, which has been started, goes through `carrier`. Borrows it.
void use_carrier(const char* scheme, Carrier& carrier);

}  // namespace hubcell::fetch::git
