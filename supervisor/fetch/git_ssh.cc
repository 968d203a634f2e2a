#include "supervisor/fetch/git_ssh.h"

#include "supervisor/fetch/ssh_url.h"

namespace hubcell::fetch::git {
namespace {

class SshStream : public Stream {
 public:
  SshStream(const SshSettings& settings, const SshAddress& address, const std::string& command)
      : command_(settings, address, command) {}
  std::size_t read(std::span<std::byte> buffer) override { return command_.read(buffer); }
  void write(std::string_view bytes) override { command_.write(bytes); }

 private:
  SshCommand command_;
};

// One word for a shell, as git writes it.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '!') {
      word += std::string("'\\") + letter + "'";
    } else {
      word += letter;
    }
  }
  return word + "'";
}

}  // namespace

std::unique_ptr<Stream> SshCarrier::open(const std::string& url, Part) {
  const SshAddress address = parse_ssh_url(url);
  return std::make_unique<SshStream>(settings_, address,
                                     std::string(kUploadPack) + " " + quoted(address.path));
}

}  // namespace hubcell::fetch::git
