#include "tools/client/permissions.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

#include <hubcell/error.h>

#include "shared/base/url_text.h"

namespace hubcell::client {
namespace {

namespace fs = std::filesystem;

std::string checked_host(const std::string& given) {
  std::string host = lower_case(given);
  const auto is_part = [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-' || letter == '.';
  };
  if (host.empty() || !std::ranges::all_of(host, is_part))
    throw Error(ErrorCode::Usage, "allow the network to " + host + ": a host is named as in example.org");
  return host;
}

// A rule for what does not exist could not be made, and would be missed later.
std::string checked_path(const char* attempt, const std::string& path) {
  std::error_code failed;
  const fs::path full = fs::absolute(path, failed).lexically_normal();
  if (!path.empty() && !failed && fs::exists(full, failed)) return full;
  throw Error(ErrorCode::Usage, std::string(attempt) + " " + (path.empty() ? "''" : path) + ": " +
                                    (failed ? failed.message() : "there is no such file or folder") +
                                    "; name one that is there");
}

wire::SandboxLevel level_of(Sandbox sandbox) {
  switch (sandbox) {
    case Sandbox::Best:
      return wire::SandboxLevel::Best;
    case Sandbox::Full:
      return wire::SandboxLevel::Full;
    case Sandbox::Minimal:
      return wire::SandboxLevel::Minimal;
    case Sandbox::Off:
      return wire::SandboxLevel::Off;
  }
  throw Error(ErrorCode::Usage, "start hubcell: HubOptions::sandbox is none of Best, Full, Minimal and Off");
}

}  // namespace

wire::Permissions permissions_of(const HubOptions& options) {
  wire::Permissions permissions;
  permissions.sandbox = level_of(options.sandbox);
  permissions.writable_checkout = options.writable_checkout;
  if (options.scratch_bytes != 0) permissions.scratch_bytes = options.scratch_bytes;
  for (const std::string& path : options.allow_read)
    permissions.read.push_back(checked_path("allow reading", path));
  for (const std::string& path : options.allow_write)
    permissions.write.push_back(checked_path("allow writing", path));
  for (const std::string& host : options.allow_net)
    permissions.hosts.push_back(checked_host(host));
  return permissions;
}

}  // namespace hubcell::client
