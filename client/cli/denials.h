// What `bursar why` and `bursar explain` share about past moments.
//
// Thread rule: one thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/session.h"

namespace bursar::cli {

// A past moment as people type it: an instant, or a time of day such as "02:40", which is the last
// one before `now` in the organization's zone (asked of the server). A usage error otherwise.
absl::StatusOr<absl::Time> ReadMoment(Session& session, const std::string& organization_id,
                                      const std::string& text, absl::Time now);

}  // namespace bursar::cli
