// What a program allows its workers, checked, and in the form in which supervisor and workers compare it.
#pragma once

#include <hubcell/options.h>

#include "shared/wire/permissions.h"

namespace hubcell::client {

// Throws Error(Usage) on a host that can be none, and on a path that is not there.
wire::Permissions permissions_of(const HubOptions& options);

}  // namespace hubcell::client
