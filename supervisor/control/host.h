// What the sessions of one supervisor have in common.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/wire/limits.h"
#include "supervisor/control/bytecode.h"
#include "supervisor/control/template_pool.h"
#include "supervisor/process/environment.h"
#include "supervisor/process/interpreter.h"
#include "supervisor/process/line_sink.h"
#include "supervisor/process/loop.h"
#include "supervisor/weights/store.h"

namespace hubcell::control {

// Where the programs and the worker's extension lie.
struct Installation {
  std::string fetcher;
  std::string extension;
};

// What one session may have.
struct Quotas {
  std::size_t workers = wire::kWorkersMax;  // at a time
  std::uint64_t worker_memory_bytes = 0;    // the budget of each at most; 0: as the program says

  // The budget of a worker whose program wishes for that much; 0 stands for no bound.
  std::uint64_t memory_of_worker(std::uint64_t wished) const {
    return wished == 0 || worker_memory_bytes == 0 ? std::max(wished, worker_memory_bytes)
                                                   : std::min(wished, worker_memory_bytes);
  }
};

struct Host {
  process::asio::io_context& loop;
  Installation installation;
  Quotas quotas = {};
  // What becomes of what templates print; none: as the session that has one started says of its workers.
  std::optional<wire::WorkerOutput> template_output = std::nullopt;
  TemplatePool templates;
  std::shared_ptr<weights::SegmentStore> weights;
  BytecodeCache bytecode = {};
  process::TorchlessPythons torchless = {};
  // Lets in a further session of the same program; none where programs come by themselves.
  std::function<void(posix::UniqueFd)> attach = nullptr;

  // The template of an interpreter for a session of that environment and output.
  process::TemplatePlan plan_template(const std::string& python, const process::Environment& session,
                                      wire::WorkerOutput output) const {
    std::vector<std::string> environment = session.for_template();
    // How much one program wants to be told is nothing that parts it from others.
    if (template_output) {
      std::erase_if(environment, [](const std::string& entry) { return entry.starts_with("HUBCELL_LOG"); });
    }
    return {.python = python,
            .extension = installation.extension,
            .environment = std::move(environment),
            .output = template_output.value_or(output)};
  }
};

}  // namespace hubcell::control
