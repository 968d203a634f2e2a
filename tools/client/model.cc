#include "tools/client/model.h"

#include <algorithm>
#include <array>
#include <functional>
#include <shared_mutex>
#include <thread>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "tools/client/replicas.h"
#include "tools/client/worker.h"

namespace hubcell::client {
namespace {

using std::chrono::milliseconds;

// Before a model is loaded again for the first time since its last answer, for the second, ...; then no more.
constexpr std::array kPauses{milliseconds(0), milliseconds(100), milliseconds(500), milliseconds(2000),
                             milliseconds(5000)};
constexpr milliseconds kPollEvery{50};

}  // namespace

void Model::adopt(std::shared_ptr<Worker> worker, std::span<const std::shared_ptr<HandleLease>> handles) {
  const std::scoped_lock lock(mutex_);
  worker_ = std::move(worker);
  for (const std::shared_ptr<HandleLease>& handle : handles) {
    handle->belong_to(shared_from_this(), handles_.size());
    handles_.push_back(handle);
  }
}

void Model::note_answer(std::size_t handle, const channel::CallRequest* change) {
  const std::scoped_lock lock(mutex_);
  fruitless_ = 0;
  has_given_up_ = false;
  if (change != nullptr) changes_.note(handle, *change);
}

void Model::note_change(std::size_t handle, const channel::CallRequest& change) {
  const std::scoped_lock lock(mutex_);
  changes_.note(handle, change);
}

void Model::restore(const std::string& what) {
  std::shared_lock<std::shared_mutex> unchanged;
  if (group_) unchanged = std::shared_lock(group_->changing);
  const std::scoped_lock lock(mutex_);
  if (!worker_->has_ended()) return;  // another thread was here before
  const std::string label = worker_->label();
  if (session_->has_ended())
    throw Error(ErrorCode::StaleHandle, what + " of " + label + ": its Hub was closed; load it again");
  if (fruitless_ == kPauses.size()) {
    throw Error(ErrorCode::WorkerDied,
                what + " of " + label + ": its worker died " + std::to_string(fruitless_) +
                    " times without an answer in between and is not started again; the last time: " +
                    (last_failure_.empty() ? worker_->death() : last_failure_) + "; load it again");
  }
  pause(kPauses.at(fruitless_++));
  has_given_up_ = fruitless_ == kPauses.size();
  try {
    load_again();
    last_failure_.clear();
  } catch (const Error& failure) {
    last_failure_ = failure.what();
    throw failure.context(what + " of " + label + ", which was loaded again after its worker had died");
  }
}

void Model::pause(milliseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  for (auto now = std::chrono::steady_clock::now(); now < end && !session_->has_ended();
       now = std::chrono::steady_clock::now()) {
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(end - now, kPollEvery));
    if (session_->options().poll) session_->options().poll();
  }
}

void Model::load_again() {
  if (changes_.are_too_many())
    throw Error(ErrorCode::StaleHandle, "more was changed of it than can be changed again; load it again");
  const std::shared_ptr<Worker> worker =
      session_->open_worker_like(*worker_, recipe_.repository, recipe_.replica);
  log::info("model " + recipe_.request.name + " of " + worker->label() +
            ": loaded again after its worker died");
  std::vector<std::shared_ptr<HandleLease>> fresh;
  worker
      ->begin_load(recipe_.request, recipe_.limit,
                   [&fresh](std::span<const std::shared_ptr<HandleLease>> handles) {
                     fresh.assign(handles.begin(), handles.end());
                   })
      ->get();
  if (fresh.size() != handles_.size()) {
    throw Error(ErrorCode::StaleHandle, "the same load returned " + std::to_string(handles_.size()) +
                                            " objects before, and " + std::to_string(fresh.size()) +
                                            " now; load it again");
  }
  for (const ModeChanges::Change& change : changes_.all()) {
    channel::CallRequest request = change.request;
    request.target = fresh.at(change.handle)->place().id;
    worker->perform(std::move(request), "change it again (" + change.request.name + ")");
  }
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (const std::shared_ptr<HandleLease> handle = handles_[i].lock()) handle->take_over(*fresh[i]);
  }
  worker_ = worker;
}

HandleLease::Place serve(const HandleLease& lease, const std::string& what) {
  HandleLease::Place place = lease.place();
  if (!place.worker->death_was_told()) return place;
  const std::shared_ptr<Model> model = lease.model();
  if (!model) {
    throw Error(ErrorCode::StaleHandle,
                what + " of " + place.worker->label() +
                    ": a call returned it, and its worker has died since; call again");
  }
  model->restore(what);
  return lease.place();
}

}  // namespace hubcell::client
