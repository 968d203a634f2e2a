// libgit2 asks for two things: the list of refs, by GET, and the objects, by POST of what it wants and has; "rpc" in its
// words, each request on its own. It calls us from C, so that what is thrown is told by its error code and message.
#include "supervisor/fetch/git_http.h"

#include <git2.h>
#include <git2/sys/transport.h>

#include <exception>
#include <memory>
#include <span>
#include <string>

#include <hubcell/error.h>

#include "supervisor/fetch/git.h"

namespace hubcell::fetch::git {
namespace {

constexpr const char* kService = "git-upload-pack";
// What a fetch may ask for: many thousands of commits.
constexpr std::size_t kRequestBytesMax = std::size_t{64} << 20;
// What a server may send: libgit2 holds the list of refs in memory, and writes objects to the disk.
constexpr std::uint64_t kListingBytesMax = std::uint64_t{64} << 20;
constexpr std::uint64_t kPackBytesMax = std::uint64_t{16} << 30;

void check_answer(const HttpResponse& response, const std::string& kind) {
  if (response.status != 200) throw Error(ErrorCode::Source, describe_status(response));
  const std::string expected = std::string("application/x-") + kService + "-" + kind;
  if (response.header("content-type").starts_with(expected)) return;
  throw Error(ErrorCode::Source,
              "that is no git repository: the server answers with " +
                  (response.header("content-type").empty() ? "no type" : response.header("content-type")));
}

// One request and its answer. `base` is what libgit2 holds.
struct Stream {
  git_smart_subtransport_stream base{};
  const HttpSettings* settings = nullptr;
  std::string url;
  bool sends = false;  // by POST
  std::string request;
  std::unique_ptr<HttpTransfer> transfer;
  std::uint64_t received = 0;

  std::size_t read(std::span<std::byte> buffer) {
    if (!transfer) begin();
    const std::size_t count = transfer->read(buffer);
    received += count;
    const std::uint64_t limit = sends ? kPackBytesMax : kListingBytesMax;
    if (received > limit)
      throw Error(ErrorCode::Source, "the server sends more than " + std::to_string(limit >> 20) + " MiB");
    return count;
  }

  void begin() {
    HttpRequest wanted{
        .url = url + (sends ? std::string("/") + kService : std::string("/info/refs?service=") + kService)};
    if (sends) {
      wanted.headers = {std::string("Content-Type: application/x-") + kService + "-request",
                        std::string("Accept: application/x-") + kService + "-result", "Expect:"};
      wanted.body = std::move(request);
    }
    transfer = std::make_unique<HttpTransfer>(*settings, wanted);
    check_answer(transfer->response(), sends ? "result" : "advertisement");
  }
};

struct Subtransport {
  git_smart_subtransport base{};
  const HttpSettings* settings = nullptr;
};

// Runs `body` on behalf of C.
template <class Body>
int guarded(Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception& failure) {
    ::git_error_set_str(GIT_ERROR_HTTP, failure.what());
    return -1;
  }
}

int read_stream(git_smart_subtransport_stream* base, char* buffer, std::size_t size, std::size_t* count) {
  return guarded([&] {
    *count = reinterpret_cast<Stream*>(base)->read({reinterpret_cast<std::byte*>(buffer), size});
  });
}

int write_stream(git_smart_subtransport_stream* base, const char* data, std::size_t size) {
  return guarded([&] {
    auto& stream = *reinterpret_cast<Stream*>(base);
    if (stream.request.size() + size > kRequestBytesMax)
      throw Error(ErrorCode::Source, "ask for objects: the request grew too large");
    stream.request.append(data, size);
  });
}

void free_stream(git_smart_subtransport_stream* base) {
  delete reinterpret_cast<Stream*>(base);
}

int act(git_smart_subtransport_stream** made, git_smart_subtransport* base, const char* url,
        git_smart_service_t service) {
  return guarded([&] {
    auto& transport = *reinterpret_cast<Subtransport*>(base);
    if (service != GIT_SERVICE_UPLOADPACK_LS && service != GIT_SERVICE_UPLOADPACK)
      throw Error(ErrorCode::Source, "push: hubcell reads repositories only");
    auto stream = std::make_unique<Stream>();
    stream->base = {.subtransport = base, .read = &read_stream, .write = &write_stream, .free = &free_stream};
    stream->settings = transport.settings;
    stream->url = url;
    stream->sends = service == GIT_SERVICE_UPLOADPACK;
    *made = &stream.release()->base;
  });
}

int close_transport(git_smart_subtransport*) {
  return 0;
}

void free_transport(git_smart_subtransport* base) {
  delete reinterpret_cast<Subtransport*>(base);
}

int make_subtransport(git_smart_subtransport** made, git_transport*, void* settings) {
  return guarded([&] {
    auto transport = std::make_unique<Subtransport>();
    transport->base = {.action = &act, .close = &close_transport, .free = &free_transport};
    transport->settings = static_cast<const HttpSettings*>(settings);
    *made = &transport.release()->base;
  });
}

int make_transport(git_transport** made, git_remote* remote, void* settings) {
  git_smart_subtransport_definition definition{.callback = &make_subtransport, .rpc = 1, .param = settings};
  return ::git_transport_smart(made, remote, &definition);
}

}  // namespace

void use_http(const HttpSettings& settings) {
  for (const char* scheme : {"http", "https"}) {
    check(::git_transport_register(scheme, &make_transport, const_cast<HttpSettings*>(&settings)),
          std::string("take over ") + scheme);
  }
}

}  // namespace hubcell::fetch::git
