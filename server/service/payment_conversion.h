// Payments and auto-reload: from public requests to commands, and from the ledger's values to the
// public messages. Part of request_reader.h and conversion.h, which promise the rest.
//
// Thread rule: pure functions.
//
// Source: rules X4, X7 and S1 (docs/rules.md).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bursar/v1/admin_service.pb.h"
#include "server/base/status.h"
#include "server/engine/queries.h"
#include "server/ledger/ledger.h"

namespace bursar {

// ---- Requests. Those that name a payment leave its sequence to the caller. ----

absl::StatusOr<PurchaseCreditCommand> ReadCommand(const v1::PurchaseCreditRequest& request);
absl::StatusOr<UpdateAutoReloadCommand> ReadCommand(const v1::UpdateAutoReloadRequest& request);
absl::StatusOr<CompletePaymentCommand> ReadCommand(const v1::CompletePaymentRequest& request);
absl::StatusOr<RecordChargebackCommand> ReadCommand(const v1::RecordChargebackRequest& request);
// The change, noting what is wrong under "auto_reload.".
UpdateAutoReloadCommand ReadAutoReloadChange(const v1::AutoReloadChange& change,
                                             FieldViolations* violations);
// What an organization says about payments, where it says anything.
void ReadPaymentPolicy(const v1::Organization& organization, OrganizationSettings* settings,
                       FieldViolations* violations);
// The fields of an update that are about payments; an unset one is as shipped. False: `path` names
// none of them.
bool ReadPaymentUpdate(const std::string& path, const v1::Organization& organization,
                       UpdateOrganizationCommand* command, FieldViolations* violations);

// ---- Replies ----

// Where a wallet's payments are named from.
struct PaymentNaming {
  const std::string& epoch;
  const std::string& organization_id;
  const std::string& currency_code;
};

void WritePayment(const Payment& payment, const PaymentNaming& naming, v1::Payment* proto);
void WriteAutoReloadStatus(const WalletHeader& header, const std::string& epoch,
                           const DecisionContext& context, v1::AutoReloadStatus* proto);
// Whether the organization's plan has a balance to reload.
bool IsPrepaid(const WalletHeader& header, const DecisionContext& context);
// What a wallet's answer says of payments.
void WriteWalletPayments(const WalletHeader& header, const std::string& epoch,
                         const DecisionContext& context, v1::GetWalletResponse* response);

}  // namespace bursar
