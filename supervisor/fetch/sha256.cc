#include "supervisor/fetch/sha256.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"

namespace hubcell::fetch {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18;

void require(int outcome) {
  if (outcome != 1) throw Error(ErrorCode::System, "compute a sha256: OpenSSL refuses");
}

}  // namespace

struct Sha256::State {
  State() : context(::EVP_MD_CTX_new()) { require(context != nullptr ? 1 : 0); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ::EVP_MD_CTX_free(context); }
  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(::EVP_DigestInit_ex(state_->context, ::EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
  require(::EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

std::string Sha256::take() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned count = 0;
  require(::EVP_DigestFinal_ex(state_->context, digest.data(), &count));
  require(::EVP_DigestInit_ex(state_->context, ::EVP_sha256(), nullptr));
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text += {kDigits[digest[i] / 16U], kDigits[digest[i] % 16U]};
  return text;
}

std::string sha256_of_file(const std::filesystem::path& file) {
  const std::string attempt = "read " + file.string();
  const posix::UniqueFd opened(posix::checked(::open(file.c_str(), O_RDONLY | O_CLOEXEC), attempt));
  std::vector<std::byte> buffer(kReadBytes);
  Sha256 hash;
  for (;;) {
    const ssize_t count = ::read(opened.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (posix::checked(count, attempt) == 0) return hash.take();
    hash.add(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

}  // namespace hubcell::fetch
