// SHA-256 of bytes as they come, by OpenSSL.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace hubcell::fetch {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::span<const std::byte> bytes);
  // Of all that was added: 64 hexadecimal digits in lower case. Starts anew.
  std::string take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Throws Error(System) where the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace hubcell::fetch
