// Transfers over http and https, by libcurl: the one way in which hubcell reaches the web.
//
// Proxies come from the environment as libcurl reads it (https_proxy, all_proxy, no_proxy, ...), certificate authorities
// from SSL_CERT_FILE and SSL_CERT_DIR where these are set. Redirects are followed, from https to https only; what
// identifies the user goes to the first host alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "supervisor/fetch/url.h"

namespace hubcell::fetch {

// What all transfers of a job share.
struct HttpSettings {
  std::string token = {};  // GITHUB_TOKEN
  std::string token_url =
      {};  // what stands for https://github.com, without a slash at its end; the token goes to its host and no other
  bool public_only = false;  // no connection to this machine or its network (addresses.h), but to a proxy
  std::function<void()> unreachable = nullptr;  // told when no server answers
  std::function<bool()> goes_on = nullptr;      // asked now and then while a transfer waits; false ends it
  // A transfer that brings less for so long has stopped.
  long slow_bytes_per_second = 1024;
  std::chrono::seconds slow_for{30};
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers = {};           // "Name: value"
  std::optional<std::string> body = std::nullopt;  // sent by POST
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case

  // The value, or an empty text.
  std::string header(const std::string& name) const;
};

// libcurl itself, from construction to destruction. Reads what it needs of the system's files: before a process is confined.
class HttpLibrary {
 public:
  HttpLibrary();
  HttpLibrary(const HttpLibrary&) = delete;
  HttpLibrary& operator=(const HttpLibrary&) = delete;
  ~HttpLibrary();
};

// One transfer, whose body is read like a file.
class HttpTransfer {
 public:
  // Sends the request and waits for its response. What may pass (no connection, 429, 500 to 504) is tried again, up to 4
  // times within half a minute. Throws Error(Source) in one line where no server answers; an answer with any other status is one.
  HttpTransfer(const HttpSettings& settings, const HttpRequest& request);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  const HttpResponse& response() const;
  // Waits for more of the body; 0 at its end. Throws Error(Source) where it breaks off.
  std::size_t read(std::span<std::byte> buffer);

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

// Whether a request for `url` says who the user is.
bool sends_token(const HttpSettings& settings, const std::string& url);

// One line about a status that is no success: what the server means, and what to do.
std::string describe_status(const HttpResponse& response);

}  // namespace hubcell::fetch
