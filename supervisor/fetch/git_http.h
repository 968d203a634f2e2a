// git's smart protocol over http and https, carried by HttpTransfer.
#pragma once

#include "supervisor/fetch/git_transport.h"
#include "supervisor/fetch/http.h"

namespace hubcell::fetch::git {

class HttpCarrier : public Carrier {
 public:
  // Borrows `settings`.
  explicit HttpCarrier(const HttpSettings& settings) : settings_(settings) {}
  bool has_requests() const override { return true; }
  std::unique_ptr<Stream> open(const std::string& url, Part part) override;

 private:
  const HttpSettings& settings_;
};

}  // namespace hubcell::fetch::git
