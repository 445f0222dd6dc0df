// From the ledger's values to the public messages: what more than one RPC shows.
//
// Thread rule: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include <optional>
#include <string>

#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/common.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "server/base/status.h"
#include "server/engine/engine.h"
#include "server/ledger/ledger.h"

namespace bursar {

// An etag is the version of a resource's settings; usage never changes it.
std::string MakeEtag(int64_t settings_version);
// The version in an etag; notes a violation of `etag` for one that we never made.
std::optional<int64_t> ReadEtag(const std::string& etag, FieldViolations* violations);

void WritePosition(const Position& position, const std::string& epoch, v1::WalletPosition* proto);
void WriteOrganization(const WalletHeader& header, v1::Organization* proto);
void WriteMember(const WalletHeader& header, const Member& member, v1::Member* proto);
void WriteEvaluation(const EvaluationLine& line, std::string_view currency_code,
                     v1::Evaluation* proto);
void WriteDenial(const Denial& denial, std::string_view currency_code, v1::Denial* proto);
void WriteBlockers(const std::vector<Blocker>& blockers,
                   google::protobuf::RepeatedPtrField<v1::Blocker>* proto);
void WriteCredit(const CreditGrant& grant, std::string_view currency_code, v1::CreditGrant* proto);
void WriteExtraUsage(const WalletHeader& header, v1::ExtraUsage* proto);
// `grt_` and the sequence, sortable.
std::string GrantId(int64_t sequence);
// Draws that are not zero, in the order included, extra, metered.
void WriteDraws(const UsageCharged& charge, std::string_view currency_code,
                google::protobuf::RepeatedPtrField<v1::Draw>* proto);
void WriteUsage(const Usage& usage, v1::Usage* proto);

// The limit of a scope with what was spent of it. `spent` empty: not shown.
void WriteSpendLimit(Scope scope, std::string_view scope_id, const SpendLimit& limit,
                     const std::optional<Amount>& spent, absl::Time resets_at,
                     std::string_view currency_code, v1::SpendLimit* proto);

// What evaluations and verdict of a member's plain check are now, as GetMemberUsage and `why` show
// them; the same evaluation that the gate reads (rule D5).
void WriteMemberState(const Wallet& wallet, const Member& member, const DecisionContext& context,
                      v1::GetMemberUsageResponse* proto);

}  // namespace bursar
