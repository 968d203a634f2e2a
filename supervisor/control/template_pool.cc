#include "supervisor/control/template_pool.h"

#include <algorithm>

#include <hubcell/error.h>

namespace hubcell::control {
namespace {

// Templates that are kept although they have no workers. Each holds about 150 MB, most of it shared with other processes.
constexpr std::size_t kUnusedMax = 8;

std::string key_of(const process::TemplatePlan& plan) {
  std::string key = plan.python + '\0' + std::to_string(static_cast<unsigned>(plan.output));
  for (const std::string& assignment : plan.environment)
    key += '\0' + assignment;
  return key;
}

}  // namespace

TemplatePool::TemplatePool(process::asio::io_context& loop, std::shared_ptr<process::CallerStreams> streams)
    : loop_(loop), streams_(std::move(streams)) {}

process::Task<std::shared_ptr<process::TemplateProcess>> TemplatePool::get(process::TemplatePlan plan) {
  const std::string key = key_of(plan);
  const std::string python = plan.python;
  const auto known = templates_.find(key);
  if (known != templates_.end() && !(known->second->started && !known->second->started->serves())) {
    const std::shared_ptr<Starting> starting = known->second;
    starting->last_use = ++uses_;
    co_await starting->finished.wait(2 * wire::kTemplateStartDeadline);
    if (starting->error) throw Error(*starting->error);
    if (starting->started) co_return starting->started;
    throw Error(ErrorCode::System, "start the interpreter " + python + ": it is still starting");
  }
  auto starting = std::make_shared<Starting>(loop_);
  starting->last_use = ++uses_;
  templates_[key] = starting;
  make_room();
  try {
    starting->started = co_await process::TemplateProcess::start(loop_, std::move(plan), streams_);
  } catch (const Error& failure) {
    starting->error = failure;
  } catch (const std::exception& failure) {
    starting->error = Error(ErrorCode::System, "start the interpreter " + python + ": " + failure.what());
  }
  if (starting->error) templates_.erase(key);
  starting->finished.happen();
  if (starting->error) throw Error(*starting->error);
  co_return starting->started;
}

bool TemplatePool::has(const process::TemplatePlan& plan) const {
  const auto known = templates_.find(key_of(plan));
  return known != templates_.end() && known->second->started && known->second->started->serves();
}

// Those that have ended, and of those without workers the ones that were not asked for the longest.
void TemplatePool::make_room() {
  std::erase_if(templates_,
                [](const auto& entry) { return entry.second->started && !entry.second->started->serves(); });
  for (;;) {
    std::size_t unused = 0;
    auto oldest = templates_.end();
    for (auto entry = templates_.begin(); entry != templates_.end(); ++entry) {
      const Starting& starting = *entry->second;
      if (!starting.started || starting.started->is_used()) continue;
      ++unused;
      if (oldest == templates_.end() || starting.last_use < oldest->second->last_use) oldest = entry;
    }
    if (unused <= kUnusedMax) return;
    oldest->second->started->leave();
    templates_.erase(oldest);
  }
}

}  // namespace hubcell::control
