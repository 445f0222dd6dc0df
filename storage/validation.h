// What every store refuses before it looks at anything: malformed ids and groups. One place, so
// that all implementations refuse the same.
//
// Thread rule: pure functions. Every error is INVALID_ARGUMENT.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/store.h"

namespace bursar {

absl::Status ValidateOrganizationId(const std::string& organization_id);

// `what` names the id in the message ("request id"). An empty id is refused unless `may_be_empty`.
absl::Status ValidateId(const std::string& id, const char* what, bool may_be_empty = false);

absl::Status ValidateLoadKey(const LoadKey& key);

// The arguments of ScanRecords.
absl::Status ValidateRecordScan(const std::string& organization_id, RecordKind kind,
                                const std::string& after);

// Everything that store.h says of a group: ids, revisions, instants, and nothing twice.
absl::Status ValidateGroup(const CommitGroup& group);

absl::Status ValidateAsideChanges(const std::vector<AsideChange>& changes);

absl::Status ValidateSystemChanges(const std::vector<SystemChange>& changes);

absl::Status ValidateOutboxChanges(const std::vector<OutboxChange>& changes);

}  // namespace bursar
