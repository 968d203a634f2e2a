// A load in several workers that are alike: of one commit, with the same arguments and random numbers, so that all have the same
// weights.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "shared/channel/call_frame.h"
#include "tools/client/pending_call.h"
#include "tools/client/session.h"

namespace hubcell::client {

inline constexpr unsigned kReplicasMax = 64;

// Error(Usage) on options that cannot be, under a supervisor that gives a session so many workers.
void check_replicas(const HubOptions& options, std::uint64_t workers_max);

// Starts it in as many workers as the session's options say, opened one after the other while the first load already. Its outcome waits
// for all; what it returns are handles of all (replicas.h).
std::unique_ptr<PendingCall> begin_replicated_load(const std::shared_ptr<Session>& session,
                                                   const std::string& repository,
                                                   channel::CallRequest request,
                                                   std::chrono::milliseconds limit);

}  // namespace hubcell::client
