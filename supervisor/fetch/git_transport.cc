// libgit2 calls us from C, so that what is thrown is told by its error code and message. The first failure of a stream stays its
// failure: libgit2 says goodbye on a connection that broke, too, and what comes of that must not hide why.
#include "supervisor/fetch/git_transport.h"

#include <git2.h>
#include <git2/sys/transport.h>

#include <cstdint>
#include <exception>

#include <hubcell/error.h>

#include "supervisor/fetch/git.h"

namespace hubcell::fetch::git {
namespace {

// What a server may send: libgit2 holds the list of refs in memory, and writes objects to the disk.
constexpr std::uint64_t kListingBytesMax = std::uint64_t{64} << 20;
constexpr std::uint64_t kPackBytesMax = std::uint64_t{16} << 30;

struct Subtransport;

// `base` is what libgit2 holds.
struct OpenStream {
  git_smart_subtransport_stream base{};
  Subtransport* transport = nullptr;
  std::unique_ptr<Stream> stream;
  std::uint64_t received = 0;
  std::uint64_t received_max = 0;
  std::string failure;

  std::size_t read(std::span<std::byte> buffer) {
    const std::size_t count = stream->read(buffer);
    received += count;
    if (received > received_max) {
      throw Error(ErrorCode::Source,
                  "the server sends more than " + std::to_string(received_max >> 20) + " MiB");
    }
    return count;
  }
};

struct Subtransport {
  git_smart_subtransport base{};
  Carrier* carrier = nullptr;
  OpenStream* conversation = nullptr;  // libgit2's
};

int fail(const std::string& why) noexcept {
  ::git_error_set_str(GIT_ERROR_NET, why.c_str());
  return -1;
}

// Runs `body` on behalf of C.
template <class Body>
int guarded(Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception& failure) {
    return fail(failure.what());
  }
}

template <class Body>
int guarded(OpenStream& stream, Body body) noexcept {
  if (!stream.failure.empty()) return fail(stream.failure);
  return guarded([&] {
    try {
      body();
    } catch (const std::exception& failure) {
      stream.failure = failure.what();
      throw;
    }
  });
}

int read_stream(git_smart_subtransport_stream* base, char* buffer, std::size_t size, std::size_t* count) {
  auto& stream = *reinterpret_cast<OpenStream*>(base);
  return guarded(stream, [&] { *count = stream.read({reinterpret_cast<std::byte*>(buffer), size}); });
}

int write_stream(git_smart_subtransport_stream* base, const char* data, std::size_t size) {
  auto& stream = *reinterpret_cast<OpenStream*>(base);
  return guarded(stream, [&] { stream.stream->write({data, size}); });
}

void free_stream(git_smart_subtransport_stream* base) {
  auto* stream = reinterpret_cast<OpenStream*>(base);
  if (stream->transport->conversation == stream) stream->transport->conversation = nullptr;
  delete stream;
}

OpenStream& open(Subtransport& transport, const char* url, Carrier::Part part) {
  auto stream = std::make_unique<OpenStream>();
  stream->base = {
      .subtransport = &transport.base, .read = &read_stream, .write = &write_stream, .free = &free_stream};
  stream->transport = &transport;
  stream->stream = transport.carrier->open(url, part);
  if (!transport.carrier->has_requests()) transport.conversation = stream.get();
  return *stream.release();
}

int act(git_smart_subtransport_stream** made, git_smart_subtransport* base, const char* url,
        git_smart_service_t service) {
  return guarded([&] {
    auto& transport = *reinterpret_cast<Subtransport*>(base);
    if (service != GIT_SERVICE_UPLOADPACK_LS && service != GIT_SERVICE_UPLOADPACK)
      throw Error(ErrorCode::Source, "push: hubcell reads repositories only");
    const bool wants_objects = service == GIT_SERVICE_UPLOADPACK;
    OpenStream& stream =
        wants_objects && transport.conversation != nullptr
            ? *transport.conversation
            : open(transport, url, wants_objects ? Carrier::Part::Objects : Carrier::Part::Listing);
    stream.received_max = wants_objects ? kPackBytesMax : kListingBytesMax;
    *made = &stream.base;
  });
}

int close_transport(git_smart_subtransport*) {
  return 0;
}

void free_transport(git_smart_subtransport* base) {
  delete reinterpret_cast<Subtransport*>(base);
}

int make_subtransport(git_smart_subtransport** made, git_transport*, void* carrier) {
  return guarded([&] {
    auto transport = std::make_unique<Subtransport>();
    transport->base = {.action = &act, .close = &close_transport, .free = &free_transport};
    transport->carrier = static_cast<Carrier*>(carrier);
    *made = &transport.release()->base;
  });
}

int make_transport(git_transport** made, git_remote* remote, void* carrier) {
  const bool has_requests = static_cast<Carrier*>(carrier)->has_requests();
  git_smart_subtransport_definition definition{
      .callback = &make_subtransport, .rpc = has_requests ? 1U : 0U, .param = carrier};
  return ::git_transport_smart(made, remote, &definition);
}

}  // namespace

void use_carrier(const char* scheme, Carrier& carrier) {
  check(::git_transport_register(scheme, &make_transport, &carrier), std::string("take over ") + scheme);
}

}  // namespace hubcell::fetch::git
