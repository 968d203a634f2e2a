#include "tools/client/replicated_load.h"

#include <random>
#include <vector>

#include <hubcell/error.h>

#include "tools/client/model.h"
#include "tools/client/replicas.h"
#include "tools/client/worker.h"

namespace hubcell::client {
namespace {

// The same random numbers in all replicas, whatever the caller gives of its own; a seed of the Hub's does that already.
Value with_common_seed(const Value& state) {
  Dict common = state.is<Dict>() ? state.as<Dict>() : Dict{};
  std::random_device device;
  common.items.emplace_back("seed", static_cast<std::int64_t>(device()));
  return common;
}

// A load that goes on in all replicas.
struct Loading {
  std::shared_ptr<ReplicaGroup> group = std::make_shared<ReplicaGroup>();
  std::vector<std::vector<std::shared_ptr<HandleLease>>> handles;  // by replica

  // All have loaded, and nobody has what they returned.
  void join() {
    for (const auto& of_one : handles) {
      if (of_one.size() != handles[0].size())
        throw Error(ErrorCode::Usage,
                    "load replicas: the same load returned " + std::to_string(handles[0].size()) +
                        " objects in one of them, and " + std::to_string(of_one.size()) + " in another");
    }
    for (std::size_t i = 0; i < handles[0].size(); ++i) {
      std::vector<std::shared_ptr<HandleLease>> others;
      for (std::size_t replica = 1; replica < handles.size(); ++replica)
        others.push_back(handles[replica][i]);
      handles[0][i]->replicate(std::make_unique<Replicas>(group, std::move(others)));
    }
    handles.clear();
  }
};

}  // namespace

void check_replicas(const HubOptions& options, std::uint64_t workers_max) {
  if (options.replicas == 1) return;
  const std::string attempt = "start hubcell with " + std::to_string(options.replicas) + " replicas: ";
  if (options.replicas == 0 || options.replicas > kReplicasMax)
    throw Error(ErrorCode::Usage, attempt + "from 1 to " + std::to_string(kReplicasMax) + " may be");
  if (!options.stateless)
    throw Error(ErrorCode::Usage,
                attempt +
                    "calls go to any of them, and a model that keeps something between its calls would "
                    "answer wrongly; say stateless if it does not");
  if (options.replicas > workers_max)
    throw Error(ErrorCode::Usage, attempt + "the shared supervisor gives a program " +
                                      std::to_string(workers_max) + " workers at most");
}

std::unique_ptr<PendingCall> begin_replicated_load(const std::shared_ptr<Session>& session,
                                                   const std::string& repository,
                                                   channel::CallRequest request,
                                                   std::chrono::milliseconds limit) {
  const unsigned count = session->options().replicas;
  if (!session->options().seed) request.state = with_common_seed(request.state);
  const auto loading = std::make_shared<Loading>();
  loading->handles.resize(count);
  std::unique_ptr<PendingCall> load;
  auto companions = std::make_unique<Companions>();
  std::shared_ptr<Worker> first;
  for (unsigned replica = 0; replica < count; ++replica) {
    const std::shared_ptr<Worker> worker =
        first ? session->open_worker_like(*first, repository, replica) : session->open_worker(repository);
    const auto model = std::make_shared<Model>(
        session, LoadRecipe{.repository = repository, .request = request, .limit = limit, .replica = replica},
        loading->group);
    std::unique_ptr<PendingCall> begun =
        worker->begin_load(request, limit, [loading, model, worker, replica](auto handles) {
          model->adopt(worker, handles);
          loading->handles[replica].assign(handles.begin(), handles.end());
        });
    if (replica == 0) {
      first = worker;
      load = std::move(begun);
    } else {
      companions->calls.push_back(std::move(begun));
    }
  }
  companions->on_all = [loading] { loading->join(); };
  load->accompany(std::move(companions));
  return load;
}

}  // namespace hubcell::client
