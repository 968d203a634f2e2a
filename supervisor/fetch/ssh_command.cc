// Nothing blocks but the agent: libssh2 does what it can, and where it has to wait, we wait for the socket, with patience.
#include "supervisor/fetch/ssh_command.h"

#include <libssh2.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include <hubcell/error.h>

#include "supervisor/fetch/known_hosts.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

constexpr std::size_t kComplaintBytesMax = 4096;
// Older ones sign by RSA keys with SHA-1 alone.
constexpr int kSignsRsaWell = 0x010b00;

[[noreturn]] void fail(const std::string& why) {
  throw Error(ErrorCode::Source, why);
}

struct FreeAgent {
  void operator()(LIBSSH2_AGENT* agent) const {
    ::libssh2_agent_disconnect(agent);
    ::libssh2_agent_free(agent);
  }
};
using Agent = std::unique_ptr<LIBSSH2_AGENT, FreeAgent>;

bool is_rsa(const libssh2_agent_publickey& key) {
  constexpr std::string_view kName("\0\0\0\7ssh-rsa", 11);
  return std::string_view(reinterpret_cast<const char*>(key.blob), key.blob_len).starts_with(kName);
}

// The first line of what a command printed on its standard error.
std::string first_line(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of("\r\n "), text.size());
  text.remove_prefix(begin);
  return source::printable(text.substr(0, text.find_first_of("\r\n")));
}

}  // namespace

class SshCommand::Session {
 private:
  void wait() {
    const int directions = ::libssh2_session_block_directions(session_);
    const bool sends = (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
    const bool receives = (directions & LIBSSH2_SESSION_BLOCK_INBOUND) != 0 || !sends;
    wait_for(socket_.get(), static_cast<short>((sends ? POLLOUT : 0) | (receives ? POLLIN : 0)),
             settings_.patience);
  }

  // What `step` of libssh2 answers once it needs to wait no more.
  template <typename Step>
  auto finish(Step step) {
    for (;;) {
      const auto answer = step();
      if (answer != LIBSSH2_ERROR_EAGAIN) return answer;
      wait();
    }
  }
  template <typename Step>
  auto finish_pointer(Step step) {
    for (;;) {
      const auto answer = step();
      if (answer != nullptr || ::libssh2_session_last_errno(session_) != LIBSSH2_ERROR_EAGAIN) return answer;
      wait();
    }
  }

 public:
  Session(const SshSettings& settings, const SshAddress& address)
      : settings_(settings), address_(address), session_(::libssh2_session_init()) {
    if (session_ == nullptr) throw Error(ErrorCode::System, "start libssh2: no memory");
    ::libssh2_session_set_blocking(session_, 0);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Whatever libssh2 still has to say, it is not waited for.
  ~Session() {
    if (socket_) {
      ::libssh2_session_disconnect(session_, "done");
      ::shutdown(socket_.get(), SHUT_RDWR);
    }
    for (int tries = 0; tries < kFreeTriesMax && ::libssh2_session_free(session_) == LIBSSH2_ERROR_EAGAIN;)
      ++tries;
  }

  void connect() {
    const KnownHosts known(session_, settings_.known_hosts);
    try {
      socket_ = connect_to(address_.host, address_.port, settings_.patience);
      const std::string types = known.preferred_types(address_.host, address_.port);
      ::libssh2_session_method_pref(session_, LIBSSH2_METHOD_HOSTKEY, types.c_str());
      const int failed = finish([&] { return ::libssh2_session_handshake(session_, socket_.get()); });
      if (failed != 0) fail("begin ssh with " + address_.host + ": " + last_error() + advice(failed));
    } catch (const Error& failure) {
      if (failure.code() == ErrorCode::Source && settings_.unreachable) settings_.unreachable();
      throw;
    }
    check_host_key(known);
  }

  void authenticate() {
    const char* methods = finish_pointer([&] {
      return ::libssh2_userauth_list(session_, address_.user.c_str(),
                                     static_cast<unsigned>(address_.user.size()));
    });
    if (methods == nullptr) {
      if (::libssh2_userauth_authenticated(session_) != 0) return;
      fail("ask " + address_.host + " how it knows its users: " + last_error());
    }
    if (std::string_view(methods).find("publickey") == std::string_view::npos)
      fail(address_.host + " takes no keys, and hubcell has nothing else to show (" + methods + ")");
    try_keys(open_agent());
  }

  void start(const std::string& command) {
    channel_ = finish_pointer([&] { return ::libssh2_channel_open_session(session_); });
    if (channel_ == nullptr) fail("ask " + address_.host + " for a channel: " + last_error());
    const int failed = finish([&] { return ::libssh2_channel_exec(channel_, command.c_str()); });
    if (failed != 0) fail("run " + command + ": " + last_error());
  }

  std::size_t read(std::span<std::byte> buffer) {
    for (;;) {
      const auto count =
          ::libssh2_channel_read(channel_, reinterpret_cast<char*>(buffer.data()), buffer.size());
      if (count > 0) return static_cast<std::size_t>(count);
      read_complaints();
      if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) {
        complain();
        fail("the connection to " + address_.host + " broke off: " + last_error());
      }
      if (::libssh2_channel_eof(channel_) == 1) {
        complain();
        return 0;
      }
      wait();
    }
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count =
          finish([&] { return ::libssh2_channel_write(channel_, bytes.data(), bytes.size()); });
      if (count < 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

 private:
  static constexpr int kFreeTriesMax = 100;

  std::string last_error() const {
    char* text = nullptr;
    ::libssh2_session_last_error(session_, &text, nullptr, 0);
    return text == nullptr || *text == '\0' ? "libssh2 does not say why" : text;
  }

  static std::string advice(int failure) {
    const bool disagree = failure == LIBSSH2_ERROR_KEX_FAILURE || failure == LIBSSH2_ERROR_METHOD_NONE;
    return disagree ? std::string("; it may want newer methods than libssh2 ") + ::libssh2_version(0) + " has"
                    : "";
  }

  void check_host_key(const KnownHosts& known) const {
    std::size_t size = 0;
    HostKey key;
    const char* bytes = ::libssh2_session_hostkey(session_, &size, &key.type);
    if (bytes == nullptr) fail("begin ssh with " + address_.host + ": it shows no key");
    key.bytes = {bytes, size};
    const std::string name = name_in_known_hosts(address_.host, address_.port);
    const std::string shown = key.type_name() + " key " + key.fingerprint();
    switch (known.judge(address_.host, address_.port, key)) {
      case KnownHosts::Verdict::Known:
        return;
      case KnownHosts::Verdict::Unknown:
        fail("the host " + name + " is not known, its " + shown +
             " is not in ~/.ssh/known_hosts; connect to it once yourself: ssh " + address_.words());
      case KnownHosts::Verdict::OtherType:
        fail("the host " + name + " shows its " + shown +
             ", and known_hosts has keys of other types alone; connect to it once yourself: ssh " +
             address_.words());
      case KnownHosts::Verdict::Changed:
        fail("the host " + name + " shows another key than known_hosts has, " + shown +
             ": this may be an attack; if its owner changed it, run ssh-keygen -R '" + name + "' and ssh " +
             address_.words());
      case KnownHosts::Verdict::Revoked:
        fail("the host " + name + " shows a key that known_hosts has as @revoked, " + shown +
             ": somebody else may have it; ask the host's owner for a new one");
    }
  }

  Agent open_agent() const {
    if (settings_.agent.empty()) {
      fail(address_.host +
           " wants a key, and there is no ssh agent (SSH_AUTH_SOCK is not set); start one with "
           "eval $(ssh-agent), and give it your key with ssh-add");
    }
    Agent agent(::libssh2_agent_init(session_));
    if (!agent) throw Error(ErrorCode::System, "talk to the ssh agent: no memory");
    if (::libssh2_agent_connect(agent.get()) != 0 || ::libssh2_agent_list_identities(agent.get()) != 0) {
      fail("the ssh agent at " + settings_.agent + " (SSH_AUTH_SOCK) does not answer: " + last_error() +
           "; start one with eval $(ssh-agent), and give it your key with ssh-add");
    }
    return agent;
  }

  void try_keys(const Agent& agent) {
    libssh2_agent_publickey* key = nullptr;
    int count = 0;
    bool has_rsa = false;
    while (::libssh2_agent_get_identity(agent.get(), &key, key) == 0) {
      ++count;
      has_rsa = has_rsa || is_rsa(*key);
      const int failed =
          finish([&] { return ::libssh2_agent_userauth(agent.get(), address_.user.c_str(), key); });
      if (failed == 0) return;
      if (failed == LIBSSH2_ERROR_SOCKET_DISCONNECT || failed == LIBSSH2_ERROR_SOCKET_RECV)
        fail(address_.host + " hung up after " + std::to_string(count) +
             " keys of the ssh agent: " + last_error());
    }
    if (count == 0) fail("the ssh agent has no key; give it yours with ssh-add");
    const bool is_old = has_rsa && ::libssh2_version(kSignsRsaWell) == nullptr;
    fail(address_.host + " takes no key of the ssh agent (it has " + std::to_string(count) + ") for " +
         source::in_quotes(address_.user) + "; ssh-add -l lists them" +
         (is_old ? std::string("; libssh2 ") + ::libssh2_version(0) +
                       " uses RSA keys in a way that new servers refuse, ed25519 works"
                 : ""));
  }

  void read_complaints() {
    std::array<char, 512> part{};
    for (;;) {
      const auto count = ::libssh2_channel_read_stderr(channel_, part.data(), part.size());
      if (count <= 0) return;
      complaints_.append(part.data(), static_cast<std::size_t>(count));
      if (complaints_.size() > kComplaintBytesMax) complaints_.resize(kComplaintBytesMax);
    }
  }

  void complain() const {
    const std::string line = first_line(complaints_);
    if (!line.empty()) fail(address_.host + " says: " + line);
  }

  const SshSettings& settings_;
  const SshAddress address_;
  std::string complaints_;
  posix::UniqueFd socket_;
  LIBSSH2_SESSION* session_;
  LIBSSH2_CHANNEL* channel_ = nullptr;  // the session's
};

SshCommand::SshCommand(const SshSettings& settings, const SshAddress& address, const std::string& command)
    : session_(std::make_unique<Session>(settings, address)) {
  session_->connect();
  session_->authenticate();
  session_->start(command);
}

SshCommand::~SshCommand() = default;

std::size_t SshCommand::read(std::span<std::byte> buffer) {
  return session_->read(buffer);
}

void SshCommand::write(std::string_view bytes) {
  session_->write(bytes);
}

}  // namespace hubcell::fetch
