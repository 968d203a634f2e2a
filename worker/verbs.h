// What a request asks of a worker's objects and of its repository, done in Python.
#pragma once

#include "shared/channel/call_frame.h"
#include "shared/python/convert.h"
#include "worker/hub/hub_module.h"
#include "worker/objects/object_table.h"
#include "worker/objects/operations.h"
#include "worker/weights/weights.h"

namespace hubcell::worker {

class Verbs {
 public:
  Verbs(const python::Converter& converter, const ObjectTable& objects, const Operations& operations,
        const HubModule& hub, Weights& weights);

  // The answer to `request`. Throws Error: Remote for what foreign code raised, StaleHandle, Usage, System.
  Value perform(const channel::CallRequest& request) const;

 private:
  python::PyRef run(const channel::CallRequest& request) const;
  python::PyRef load(const channel::CallRequest& request) const;
  python::PyRef call(const channel::CallRequest& request) const;
  python::PyRef operate(const channel::CallRequest& request) const;
  python::PyRef make_inputs(const channel::CallRequest& request) const;
  void set_gradients(bool enabled) const;

  const python::Converter& converter_;
  const ObjectTable& objects_;
  const Operations& operations_;
  const HubModule& hub_;
  Weights& weights_;
  python::PyRef set_grad_enabled_;
};

}  // namespace hubcell::worker
