// The templates, one for each interpreter and environment, started when first needed and kept. Sessions that ask for the
// same share one: nothing of a session is in a template.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <hubcell/error.h>

#include "supervisor/process/template_process.h"

namespace hubcell::control {

class TemplatePool {
 public:
  // `streams`: where templates print.
  TemplatePool(process::asio::io_context& loop, std::shared_ptr<process::CallerStreams> streams);

  // The template of that plan, started if there is none that lives. Requests that come meanwhile wait for the same one.
  process::Task<std::shared_ptr<process::TemplateProcess>> get(process::TemplatePlan plan);
  // Whether there is one, of an interpreter that has torch therefore.
  bool has(const process::TemplatePlan& plan) const;
  std::size_t size() const { return templates_.size(); }

 private:
  struct Starting {
    explicit Starting(process::asio::io_context& loop) : finished(loop) {}
    process::Occasion finished;
    std::shared_ptr<process::TemplateProcess> started;
    std::optional<Error> error;
    std::uint64_t last_use = 0;
  };
  void make_room();

  process::asio::io_context& loop_;
  std::shared_ptr<process::CallerStreams> streams_;
  std::map<std::string, std::shared_ptr<Starting>> templates_;  // by key_of their plans
  std::uint64_t uses_ = 0;
};

}  // namespace hubcell::control
