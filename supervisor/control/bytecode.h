// The code of checkouts in the cache, compiled once for each commit and Python, so that workers need not.
//
// Compiling foreign source is a worker's work: a process that the template forks reads the checkout in a sandbox and runs nothing
// of it. What it makes comes back in a memfd of ours and is stored, unread, beside the checkout, under a name that is ours too.
// So whoever takes such a process over decides what workers of that same commit run, which that commit does anyway, and nothing
// else; and no worker can write where the archives lie.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "supervisor/process/template_process.h"

namespace hubcell::control {

class BytecodeCache {
 public:
  // The archive for Pythons of that tag; empty where there is none.
  static std::string find(const std::string& checkout, const std::string& tag);

  // Has it made where there is none: in the background, once, and where the cache can be written. What fails costs nobody
  // anything but the time that it saves.
  void provide(process::asio::io_context& loop, const std::shared_ptr<process::TemplateProcess>& origin,
               const std::string& checkout);

 private:
  std::set<std::string> tried_;
};

}  // namespace hubcell::control
