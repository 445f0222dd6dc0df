// Payments inside the ledger: folding their entries, and the pieces of their decisions that others
// use (switching extra usage, checks, what falls due).
//
// Thread rule: pure functions of their arguments. Only the ledger itself uses them.
//
// Source: rules X0, X1, X4 and X7 (docs/rules.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/payment_commands.h"
#include "server/ledger/state.h"

namespace bursar {

// Each folds one entry; DATA_LOSS with a few words where it does not fit the wallet.
absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const PaymentRequested& body);
absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const PaymentSent& body);
absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const PaymentFinished& body);
absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const AutoReloadUpdated& body);
absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const ChargedBack& body);
absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const LowBalanceNoticed& body);
// What a credit means to the payment that it comes from, and to the notice of a low balance. Called
// after the credit itself was folded.
absl::Status FoldCredit(Wallet& wallet, const Entry& entry, const CreditGranted& body);

// When credit that is granted without an expiry expires: one year on, exact to the instant: the
// same UTC date and time of day (rule X2).
absl::Time DefaultCreditExpiry(absl::Time now);

// The entry that sets auto-reload as asked, or nothing where that changes nothing, validated.
// `prefix` goes before the field names in refusals, for example "auto_reload.".
absl::StatusOr<std::optional<AutoReloadUpdated>> ChangeAutoReload(
    const WalletHeader& header, const UpdateAutoReloadCommand& command, const std::string& prefix,
    const DecisionContext& context);
// Withdraws the reload in flight where it was not sent yet; appends nothing otherwise.
void CancelUnsentReload(const WalletHeader& header, std::vector<EntryBody>& bodies);
// What a change of the organization does to payments and auto-reload, before it acts. `plan` and
// `suspended` are as the change leaves them. Nothing that was not sent is collected where nothing
// may be drawn: of the suspended no reload, where extra usage is off no reload, on a plan without a
// balance nothing at all, and auto-reload is off there (rules X1, X4).
void FollowOrganization(const WalletHeader& header, const Plan& plan, bool suspended,
                        std::vector<EntryBody>& bodies);

// The end of a payment that has fallen due without a verdict, at its instant.
PaymentFinished LosePayment(const WalletHeader& header, const Payment& payment);

// The reload that policy asks for now. Requires: ReloadAllowedAt() is not after now.
PaymentRequested RequestReload(const WalletHeader& header, ReloadCause cause,
                               const DecisionContext& context);

// Takes `amount` from live credit in the order of drawing, that of `first_grant` before all others.
// Returns what no credit covered.
Nanos DrawForChargeback(const WalletHeader& header, int64_t first_grant, Nanos amount,
                        std::vector<GrantDraw>& draws);

}  // namespace bursar
