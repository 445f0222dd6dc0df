// From the outbox's notices to the public message.
//
// Thread rule: pure functions.
#pragma once

#include <string>

#include "bursar/v1/notice.pb.h"
#include "server/engine/queries.h"

namespace bursar {

void WriteNotice(const PendingNotice& notice, v1::Notice* proto);
void WriteNotice(const std::string& organization_id, const std::string& notice_id,
                 const StoredNotice& notice, v1::Notice* proto);

}  // namespace bursar
