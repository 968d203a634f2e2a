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
  // Borrows the environment and the streams. `like` is what all templates have in common.
  TemplatePool(process::asio::io_context& loop, process::TemplatePlan like,
               const process::Environment& environment, process::CallerStreams& streams);

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
  process::TemplatePlan like_;
  const process::Environment& environment_;
  process::CallerStreams& streams_;
  std::map<std::string, std::shared_ptr<Starting>> templates_;
};

}  // namespace hubcell::control
