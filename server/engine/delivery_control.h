// What people may do about deliveries: send a dead letter again, try the channels.
//
// Thread rule: every function may be called from any thread; durable on return.
//
// Source: rule N1 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"
#include "server/engine/outbox.h"

namespace bursar {

// Lets delivery begin anew, under the same id, for those recipients that were given up. NOT_FOUND
// where the notice is not on its way any more; FAILED_PRECONDITION (NOTICE_NOT_DEAD) where nobody
// was given up.
absl::StatusOr<StoredNotice> ResendNotice(Engine& engine, const NoticeName& name);

// Puts a notice that tells nothing into the outbox and returns its id: the same for the same
// request id, so a repeat sends nothing new (once it was delivered it goes out again under its id).
// `actor` may be empty. NOT_FOUND for an unknown
// organization.
absl::StatusOr<std::string> SendTestNotice(Engine& engine, const std::string& organization_id,
                                           const std::string& request_id, const std::string& actor);

}  // namespace bursar
