// libgit2 asks for two things: the list of refs, by GET, and the objects, by POST of what it wants and has.
#include "supervisor/fetch/git_http.h"

#include <memory>
#include <string>
#include <utility>

#include <hubcell/error.h>

namespace hubcell::fetch::git {
namespace {

// What a fetch may ask for: many thousands of commits.
constexpr std::size_t kRequestBytesMax = std::size_t{64} << 20;

void check_answer(const HttpResponse& response, const std::string& kind) {
  if (response.status != 200) throw Error(ErrorCode::Source, describe_status(response));
  const std::string expected = std::string("application/x-") + kUploadPack + "-" + kind;
  if (response.header("content-type").starts_with(expected)) return;
  throw Error(ErrorCode::Source,
              "that is no git repository: the server answers with " +
                  (response.header("content-type").empty() ? "no type" : response.header("content-type")));
}

// One request and its answer.
class HttpStream : public Stream {
 public:
  HttpStream(const HttpSettings& settings, std::string url, bool sends)
      : settings_(settings), url_(std::move(url)), sends_(sends) {}

  std::size_t read(std::span<std::byte> buffer) override {
    if (!transfer_) begin();
    return transfer_->read(buffer);
  }

  void write(std::string_view bytes) override {
    if (request_.size() + bytes.size() > kRequestBytesMax)
      throw Error(ErrorCode::Source, "ask for objects: the request grew too large");
    request_.append(bytes);
  }

 private:
  void begin() {
    HttpRequest wanted{.url = url_ + (sends_ ? "/" : "/info/refs?service=") + kUploadPack};
    if (sends_) {
      wanted.headers = {std::string("Content-Type: application/x-") + kUploadPack + "-request",
                        std::string("Accept: application/x-") + kUploadPack + "-result", "Expect:"};
      wanted.body = std::move(request_);
    }
    transfer_ = std::make_unique<HttpTransfer>(settings_, wanted);
    check_answer(transfer_->response(), sends_ ? "result" : "advertisement");
  }

  const HttpSettings& settings_;
  const std::string url_;
  const bool sends_;  // by POST
  std::string request_;
  std::unique_ptr<HttpTransfer> transfer_;
};

}  // namespace

std::unique_ptr<Stream> HttpCarrier::open(const std::string& url, Part part) {
  return std::make_unique<HttpStream>(settings_, url, part == Part::Objects);
}

}  // namespace hubcell::fetch::git
