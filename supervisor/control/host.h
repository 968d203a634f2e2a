// What the sessions of one supervisor have in common.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "shared/wire/limits.h"
#include "supervisor/control/template_pool.h"
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
};

}  // namespace hubcell::control
