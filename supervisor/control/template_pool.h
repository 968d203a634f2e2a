// The templates, one for each interpreter, started when first needed and kept.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <hubcell/error.h>

#include "supervisor/process/template_process.h"

namespace hubcell::control {

class TemplatePool {
 public:
  TemplatePool(process::asio::io_context& loop, std::string extension,
               const process::Environment& environment);

  // The template of `python`, started if there is none that lives. Requests that come meanwhile wait for the
  // same one.
  process::Task<std::shared_ptr<process::TemplateProcess>> get(std::string python);

 private:
  struct Starting {
    explicit Starting(process::asio::io_context& loop) : finished(loop) {}
    process::Occasion finished;
    std::shared_ptr<process::TemplateProcess> started;
    std::optional<Error> error;
  };

  process::asio::io_context& loop_;
  std::string extension_;
  const process::Environment& environment_;
  std::map<std::string, std::shared_ptr<Starting>> templates_;
};

}  // namespace hubcell::control
