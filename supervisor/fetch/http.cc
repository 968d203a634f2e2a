#include "supervisor/fetch/http.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "supervisor/fetch/addresses.h"
#include "supervisor/fetch/url.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

constexpr long kConnectSeconds = 30;
constexpr long kRedirectsMax = 10;
constexpr int kTriesMax = 4;
constexpr std::chrono::milliseconds kFirstPause{500};  // doubled before each further try
constexpr std::chrono::seconds kPauseMax{10};
constexpr std::chrono::milliseconds kPollEvery{100};
// What a transfer may be ahead of its reader.
constexpr std::size_t kBufferBytesMax = std::size_t{1} << 20;
constexpr std::size_t kHeadersMax = 100;
constexpr std::size_t kHeaderBytesMax = 8192;
// A name that GitHub takes for a token that stands in the place of a password.
constexpr const char* kTokenUser = "x-access-token";

struct FreeEasy {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
// What libcurl would use for `url`, by the same variables; empty: none.
std::string proxy_for(const std::string& url) {
  const bool is_https = source::lower_case(url.substr(0, 8)) == "https://";
  for (const char* name :
       {is_https ? "https_proxy" : "http_proxy", is_https ? "HTTPS_PROXY" : "", "all_proxy", "ALL_PROXY"}) {
    const char* value = *name == '\0' ? nullptr : std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

bool may_pass(int status) {
  return status == 429 || (status >= 500 && status <= 504 && status != 501);
}

bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return true;
    default:
      return false;
  }
}

std::string advice(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return "; is the network up, and does it need a proxy (https_proxy)?";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "; the environment names that proxy";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "; SSL_CERT_FILE names the authorities to trust";
    default:
      return "";
  }
}

}  // namespace

HttpLibrary::HttpLibrary() {
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
    throw Error(ErrorCode::System, "start libcurl: it refused");
}

HttpLibrary::~HttpLibrary() {
  ::curl_global_cleanup();
}

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

// One try of a transfer.
class HttpTransfer::Connection {
 public:
  Connection(const HttpSettings& settings, const HttpRequest& request)
      : settings_(settings), url_(request.url), easy_(::curl_easy_init()), multi_(::curl_multi_init()) {
    if (!easy_ || !multi_) throw Error(ErrorCode::System, "start a transfer: no memory");
    set_up(request);
    ::curl_multi_add_handle(multi_.get(), easy_.get());
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::curl_multi_remove_handle(multi_.get(), easy_.get()); }

  // Whether there is a response; else `failure`.
  bool await_response() {
    while (!is_done_ && !has_body_)
      advance();
    return has_body_ || code_ == CURLE_OK;
  }
  bool may_be_tried_again() const { return refused_.empty() && may_pass(code_); }
  const HttpResponse& response() const { return response_; }
  Error error() const {
    if (!refused_.empty()) {
      return Error(ErrorCode::Source,
                   refused_ +
                       " is this machine or on its network, which a worker gets nothing from; "
                       "HUBCELL_ALLOW_PRIVATE_ADDRESSES=1 allows it");
    }
    const char* why = message_[0] == '\0' ? ::curl_easy_strerror(code_) : message_.data();
    return Error(ErrorCode::Source, why + advice(code_));
  }

  std::size_t read(std::span<std::byte> buffer) {
    while (body_.empty() && !is_done_)
      advance();
    if (body_.empty() && code_ != CURLE_OK) throw error();
    const std::size_t count = std::min(buffer.size(), body_.size());
    std::memcpy(buffer.data(), body_.data(), count);
    body_.erase(0, count);
    if (is_paused_ && body_.empty()) {
      is_paused_ = false;
      ::curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
    }
    return count;
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (::curl_easy_setopt(easy_.get(), option, value) != CURLE_OK)
      throw Error(ErrorCode::System, "start a transfer: libcurl refuses option " + std::to_string(option));
  }

  void set_up(const HttpRequest& request) {
    const bool is_https = source::lower_case(request.url.substr(0, 8)) == "https://";
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kRedirectsMax);
    set(CURLOPT_POSTREDIR, static_cast<long>(CURL_REDIR_POST_ALL));
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, settings_.slow_bytes_per_second);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings_.slow_for.count()));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_USERAGENT, "hubcell");
    set(CURLOPT_WRITEFUNCTION, &Connection::take_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Connection::take_header);
    set(CURLOPT_HEADERDATA, this);
    if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0')
      set(CURLOPT_CAINFO, file);
    if (const char* folder = std::getenv("SSL_CERT_DIR"); folder != nullptr && *folder != '\0')
      set(CURLOPT_CAPATH, folder);
    curl_slist* list = nullptr;
    for (const std::string& header : request.headers)
      list = ::curl_slist_append(list, header.c_str());
    headers_.reset(list);
    set(CURLOPT_HTTPHEADER, list);
    if (request.body) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
      set(CURLOPT_COPYPOSTFIELDS, request.body->c_str());
    }
    if (settings_.public_only) stay_public(request.url);
    // By name and password, which libcurl keeps from other hosts.
    if (sends_token(settings_, request.url)) {
      set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      set(CURLOPT_USERNAME, kTokenUser);
      set(CURLOPT_PASSWORD, settings_.token.c_str());
    }
  }

  // For what a worker wants. A proxy resolves names itself: then the name is all there is to judge by, and every
  // connection has to be the proxy's.
  void stay_public(const std::string& url) {
    const std::string proxy = proxy_for(url);
    set(CURLOPT_PROXY, proxy.c_str());
    set(CURLOPT_NOPROXY, "");
    const std::string host = host_of(url);
    if (!may_be_public(host)) {
      refused_ = host;
      throw error();
    }
    if (!proxy.empty()) return;
    set(CURLOPT_OPENSOCKETFUNCTION, &Connection::open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
  }

  // The address is the one that is connected to, whatever a name meant before.
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    if (!is_public(address->addr)) {
      static_cast<Connection*>(self)->refused_ = "the address of its host";
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  bool may_lead_to(const std::string& location) {
    const std::string host = host_of(url_, location);
    if (host.empty() || may_be_public(host)) return true;
    refused_ = host;
    return false;
  }

  // Lets the transfer go on for a while.
  void advance() {
    int running = 0;
    ::curl_multi_perform(multi_.get(), &running);
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      is_done_ = true;
      code_ = message->data.result;
      return;
    }
    if (!body_.empty()) return;
    if (settings_.goes_on && !settings_.goes_on())
      throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
    ::curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(kPollEvery.count()), nullptr);
  }

  static std::size_t take_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& connection = *static_cast<Connection*>(self);
    connection.has_body_ = true;
    if (connection.body_.size() >= kBufferBytesMax) {
      connection.is_paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    connection.body_.append(data, size);
    return size;
  }

  // Of redirects and of interim responses too: the last one counts.
  static std::size_t take_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& connection = *static_cast<Connection*>(self);
    HttpResponse& response = connection.response_;
    std::string line(data, size);
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0)
      line.pop_back();
    if (line.starts_with("HTTP/")) {
      const std::size_t space = line.find(' ');
      response = {.status = space == std::string::npos ? 0 : std::atoi(line.c_str() + space + 1),
                  .headers = {}};
      return size;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.size() > kHeaderBytesMax || response.headers.size() >= kHeadersMax)
      return size;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    const std::string name = source::lower_case(line.substr(0, colon));
    response.headers[name] = begin == std::string::npos ? "" : line.substr(begin);
    if (connection.settings_.public_only && name == "location" &&
        !connection.may_lead_to(response.headers[name]))
      return 0;
    return size;
  }

  const HttpSettings& settings_;
  const std::string url_;
  std::string refused_;  // what is not public
  std::array<char, CURL_ERROR_SIZE> message_{};
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  HttpResponse response_;
  std::string body_;
  bool has_body_ = false;
  bool is_paused_ = false;
  bool is_done_ = false;
  CURLcode code_ = CURLE_OK;
};

namespace {

// Before try number `next`; a server may say how long.
std::chrono::milliseconds pause_before(int next, const HttpResponse& response) {
  const int wished = std::atoi(response.header("retry-after").c_str());
  if (wished > 0) return std::min<std::chrono::milliseconds>(std::chrono::seconds(wished), kPauseMax);
  return kFirstPause * (1 << (next - 2));
}

void sleep_for(std::chrono::milliseconds time, const HttpSettings& settings) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    if (settings.goes_on && !settings.goes_on())
      throw Error(ErrorCode::Cancelled, "nobody waits for a transfer any more");
    std::this_thread::sleep_for(std::min(time, kPollEvery));
  }
}

}  // namespace

HttpTransfer::HttpTransfer(const HttpSettings& settings, const HttpRequest& request) {
  for (int number = 1;; ++number) {
    connection_ = std::make_unique<Connection>(settings, request);
    const bool answered = connection_->await_response();
    const bool passes =
        answered ? may_pass(connection_->response().status) : connection_->may_be_tried_again();
    if (!passes || number == kTriesMax) {
      if (!answered && settings.unreachable) settings.unreachable();
      if (!answered) throw connection_->error();
      return;
    }
    log::info(without_credentials(request.url) + ": " +
              (answered ? describe_status(connection_->response()) : connection_->error().what()) +
              "; trying again");
    sleep_for(pause_before(number + 1, connection_->response()), settings);
  }
}

HttpTransfer::~HttpTransfer() = default;

const HttpResponse& HttpTransfer::response() const {
  return connection_->response();
}

std::size_t HttpTransfer::read(std::span<std::byte> buffer) {
  return connection_->read(buffer);
}

bool sends_token(const HttpSettings& settings, const std::string& url) {
  return !settings.token.empty() && origin_of(url) == origin_of(settings.token_url);
}

std::string describe_status(const HttpResponse& response) {
  const std::string status = "the server answers " + std::to_string(response.status);
  switch (response.status) {
    case 401:
    case 403:
      return status + ": it does not let us; a private repository of GitHub needs GITHUB_TOKEN";
    case 404:
      return status + ": there is no such thing, or it is private (GITHUB_TOKEN)";
    case 407:
      return status + ": the proxy wants a name and a password in its URL";
    case 429:
      return status + ": it limits how often it is asked; wait a while" +
             (response.header("retry-after").empty() ? "" : " (" + response.header("retry-after") + " s)");
    default:
      return status + (response.status >= 500 ? ": it is in trouble; try again later" : "");
  }
}

}  // namespace hubcell::fetch
