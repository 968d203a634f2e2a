#include "tools/client/lock_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"

namespace hubcell::client {
namespace {

using Json = nlohmann::ordered_json;

std::vector<wire::Pin> parse(const Json& json) {
  if (json.at("version") != 1) throw std::runtime_error("it is of another version of hubcell");
  std::vector<wire::Pin> pins;
  for (const Json& entry : json.at("repositories"))
    pins.push_back({.name = entry.at("name"), .ref = entry.at("ref"), .commit = entry.at("commit")});
  for (const Json& entry : json.at("files"))
    pins.push_back({.url = entry.at("url"), .sha256 = entry.at("sha256")});
  return pins;
}

bool is_of_one_thing(const wire::Pin& one, const wire::Pin& other) {
  return one.name == other.name && one.ref == other.ref && one.url == other.url;
}

}  // namespace

LockFile::LockFile(std::string path) : path_(std::move(path)) {
  std::ifstream stream(path_);
  if (!stream) {
    std::error_code failed;
    if (!std::filesystem::exists(path_, failed) && !failed) return;
    throw Error(ErrorCode::Usage, "read the lock file " + path_ + ": it cannot be opened");
  }
  try {
    pins_ = parse(Json::parse(stream));
  } catch (const std::exception& failure) {
    throw Error(ErrorCode::Usage,
                "read the lock file " + path_ + ": " + failure.what() + "; remove it to begin a new one");
  }
}

std::vector<wire::Pin> LockFile::pins() const {
  const std::scoped_lock lock(mutex_);
  return pins_;
}

void LockFile::note(const std::vector<wire::Pin>& used) {
  const std::scoped_lock lock(mutex_);
  bool changed = false;
  for (const wire::Pin& pin : used)
    changed = add(pin) || changed;
  if (changed) write();
}

bool LockFile::add(const wire::Pin& used) {
  const auto known =
      std::ranges::find_if(pins_, [&](const wire::Pin& pin) { return is_of_one_thing(pin, used); });
  if (known == pins_.end()) {
    pins_.push_back(used);
    return true;
  }
  if (known->commit == used.commit && known->sha256 == used.sha256) return false;
  throw Error(ErrorCode::Source, used.url.empty() ? used.name + "@" + used.ref + " is commit " + used.commit +
                                                        ", and " + path_ + " says " + known->commit
                                                  : used.url + " has the sha256 " + used.sha256 + ", and " +
                                                        path_ + " says " + known->sha256);
}

void LockFile::write() const {
  Json json = {{"version", 1}, {"repositories", Json::array()}, {"files", Json::array()}};
  for (const wire::Pin& pin : pins_) {
    if (pin.url.empty()) {
      json["repositories"].push_back({{"name", pin.name}, {"ref", pin.ref}, {"commit", pin.commit}});
    } else {
      json["files"].push_back({{"url", pin.url}, {"sha256", pin.sha256}});
    }
  }
  const std::string attempt = "write the lock file " + path_;
  const std::string temporary = path_ + "." + std::to_string(::getpid());
  {
    std::ofstream stream(temporary);
    stream << json.dump(2) << '\n';
    stream.flush();
    if (!stream) posix::throw_errno(attempt, errno == 0 ? EIO : errno);
  }
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) posix::throw_errno(attempt);
}

}  // namespace hubcell::client
