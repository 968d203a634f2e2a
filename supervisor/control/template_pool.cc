#include "supervisor/control/template_pool.h"

#include <hubcell/error.h>

namespace hubcell::control {

TemplatePool::TemplatePool(process::asio::io_context& loop, process::TemplatePlan like,
                           const process::Environment& environment, process::CallerStreams& streams)
    : loop_(loop), like_(std::move(like)), environment_(environment), streams_(streams) {}

process::Task<std::shared_ptr<process::TemplateProcess>> TemplatePool::get(std::string python) {
  const auto known = templates_.find(python);
  if (known != templates_.end() && !(known->second->started && !known->second->started->serves())) {
    const std::shared_ptr<Starting> starting = known->second;
    co_await starting->finished.wait(2 * wire::kTemplateStartDeadline);
    if (starting->error) throw Error(*starting->error);
    if (starting->started) co_return starting->started;
    throw Error(ErrorCode::System, "start the interpreter " + python + ": it is still starting");
  }
  auto starting = std::make_shared<Starting>(loop_);
  templates_[python] = starting;
  try {
    process::TemplatePlan plan = like_;
    plan.python = python;
    starting->started =
        co_await process::TemplateProcess::start(loop_, std::move(plan), environment_, streams_);
  } catch (const Error& failure) {
    starting->error = failure;
  } catch (const std::exception& failure) {
    starting->error = Error(ErrorCode::System, "start the interpreter " + python + ": " + failure.what());
  }
  if (starting->error) templates_.erase(python);
  starting->finished.happen();
  if (starting->error) throw Error(*starting->error);
  co_return starting->started;
}

}  // namespace hubcell::control
