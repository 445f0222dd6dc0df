// From public requests to the ledger's commands, validated: each function refuses with
// INVALID_ARGUMENT naming every field that is wrong, and converts nothing halfway.
//
// What needs the wallet (does the member exist, is that the currency, does the plan have the tier)
// is decided later.
//
// Thread rule: pure functions.
#pragma once

#include "absl/status/statusor.h"
#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "server/engine/queries.h"
#include "server/ledger/ledger.h"

namespace bursar {

absl::StatusOr<CheckAdmissionCommand> ReadCommand(const v1::CheckAdmissionRequest& request);
absl::StatusOr<RecordConsumptionCommand> ReadCommand(const v1::RecordConsumptionRequest& request);
absl::StatusOr<CreateOrganizationCommand> ReadCommand(const v1::CreateOrganizationRequest& request);
absl::StatusOr<UpdateOrganizationCommand> ReadCommand(const v1::UpdateOrganizationRequest& request);
absl::StatusOr<UpsertMembersCommand> ReadCommand(const v1::BatchUpsertMembersRequest& request);
absl::StatusOr<UpdateExtraUsageCommand> ReadCommand(const v1::UpdateExtraUsageRequest& request);
absl::StatusOr<SetSpendLimitCommand> ReadCommand(const v1::SetSpendLimitRequest& request);
absl::StatusOr<GrantCreditCommand> ReadCommand(const v1::GrantCreditRequest& request);
// These two name the hold by text, which the caller resolves into `sequence`.
absl::StatusOr<ExtendAdmissionCommand> ReadCommand(const v1::ExtendAdmissionRequest& request);
absl::StatusOr<ReleaseAdmissionCommand> ReadCommand(const v1::ReleaseAdmissionRequest& request);
absl::StatusOr<ConfirmExtraUsageCommand> ReadCommand(const v1::ConfirmExtraUsageRequest& request);
absl::StatusOr<ReverseEntryCommand> ReadCommand(const v1::ReverseEntryRequest& request);

}  // namespace bursar
