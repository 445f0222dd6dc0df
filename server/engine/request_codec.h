// Requests for more between the ledger's values and their records
// (proto/bursar/storage/v1/increase_request.proto), and what of them is in the journal. The other
// record codecs use it; record_codec.h has what they all promise.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bursar/storage/v1/increase_request.pb.h"
#include "bursar/storage/v1/journal.pb.h"
#include "server/engine/record_parts.h"
#include "server/ledger/entry.h"
#include "server/ledger/increase_request.h"

namespace bursar {

// A request, open or decided, as the record that bears its sequence.
std::string EncodeRequest(const IncreaseRequest& request);
absl::StatusOr<IncreaseRequest> DecodeRequest(std::string_view bytes);

void ToRecord(const MemberRequests& requests, storage::v1::MemberRequestsRecord* record);
MemberRequests FromRecord(const storage::v1::MemberRequestsRecord& record, Damage& damage);

void ToRecord(const EpisodeAnswer& answer, storage::v1::EpisodeAnswerRecord* record);
EpisodeAnswer FromRecord(const storage::v1::EpisodeAnswerRecord& record, Damage& damage);

// The journal's bodies.
void BodyToRecord(const IncreaseRequested& body, storage::v1::EntryRecord* record);
void BodyToRecord(const IncreaseDecided& body, storage::v1::EntryRecord* record);
void BodyToRecord(const MemberSelected& body, storage::v1::EntryRecord* record);
void BodyToRecord(const EpisodeAnswered& body, storage::v1::EntryRecord* record);
// Notes a body that is none of these.
EntryBody RequestBodyFromRecord(const storage::v1::EntryRecord& record, Damage& damage);

}  // namespace bursar
