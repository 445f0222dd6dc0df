// From the ledger's values to the public messages: what every service's replies are made of.
//
// The enums of both sides have the same numbers (checked at compile time in conversion.cc).
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "server/engine/engine.h"
#include "server/ledger/ledger.h"
#include "server/service/validation.h"

namespace bursar {

// A ledger enum as the public enum of the same numbers.
template <class Proto, class Value>
constexpr Proto ToProtoEnum(Value value) {
  return static_cast<Proto>(static_cast<int>(value));
}
// A public enum that was checked to be known and specified, as the ledger's.
template <class Value, class Proto>
constexpr Value FromProtoEnum(Proto value) {
  return static_cast<Value>(static_cast<int>(value));
}

// "included_month" …, "spend_limit", "balance".
std::string_view SourceWord(BoundSource source);

void WriteEvaluation(const EvaluationLine& line, std::string_view currency_code,
                     v1::Evaluation* evaluation);

// The denial with its ready google.rpc.Status (rule D4). `now` is when it was decided. The store's
// epoch goes into the ids of what it names.
void WriteDenial(const Denial& denial, std::string_view organization_id, std::string_view epoch,
                 std::string_view currency_code, absl::Time now, v1::Denial* proto);

// Everything of a check's answer but its position.
void WriteDecision(const CheckReply& reply, std::string_view organization_id,
                   std::string_view epoch, v1::CheckAdmissionResponse* response);

// What a hold holds and until when.
void WriteHold(const Hold& hold, std::string_view currency_code, v1::Hold* proto);

void WriteOpenHold(const Hold& hold, std::string admission_id, std::string_view currency_code,
                   v1::OpenHold* proto);

// Everything of a refund's answer but its sequence and position.
void WriteReversal(const WalletHeader& header, const ReverseEntryOutcome& outcome,
                   v1::ReverseEntryResponse* response);

void WriteReceipt(const RecordReply& reply, v1::RecordConsumptionResponse* response);

void WriteUsage(const Usage& usage, v1::Usage* proto);
Usage ReadUsage(const v1::Usage& proto);

void WritePosition(const Position& position, const std::string& epoch, v1::WalletPosition* proto);

// A version of settings as an etag, and back: nothing for "", and a version that no settings ever
// have for one that we did not make, so that it is a mismatch.
std::string MakeEtag(int64_t version);
std::optional<int64_t> ReadEtag(const std::string& etag);

void WriteOrganization(const WalletHeader& header, v1::Organization* proto);
void WriteMember(const WalletHeader& header, const Member& member, v1::Member* proto);
void WriteExtraUsage(const WalletHeader& header, v1::ExtraUsage* proto);
void WriteCreditGrant(const CreditGrant& grant, std::string_view currency_code,
                      v1::CreditGrant* proto);
void WriteBlocker(const Blocker& blocker, v1::Blocker* proto);

}  // namespace bursar
