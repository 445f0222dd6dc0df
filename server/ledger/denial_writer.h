// What the texts and remedies of one denial are written from; for denial.cc and denial_text.cc
// alone.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/ledger/admission.h"
#include "server/ledger/denial.h"

namespace bursar {

// The amount rounded up to cents, so that what is said to be needed is never too little.
Amount UpToCents(Amount amount);

// Everything that the texts of one denial are built from.
struct DenialWriter {
  const WalletHeader& header;
  const Member* member;
  const AdmissionState& state;
  const Verdict& verdict;
  const DecisionContext& context;
  const AdmissionQuery& query;
  const AdmissionAsk& ask;
  absl::Time ends_at;  // When it ends by time alone.

  // The bound that denied, or null where none did.
  const Evaluation* Bound() const {
    return verdict.blocking_bound < 0 ? nullptr : &state.bounds[verdict.blocking_bound];
  }
  // "25.00 USD".
  std::string Money(Amount amount) const;
  // "28 Nov 2026, 10:00 (Europe/Berlin)", in the member's zone or the organization's. Within a
  // minute to come its end is shown, so that nobody comes too early; of one that is over its
  // beginning.
  std::string Time(absl::Time instant) const;
  // " until 28 Nov 2026, 10:00 (UTC)"; "" for the infinite future.
  std::string Until(absl::Time instant) const;
  // " (by 28 Nov 2026, 10:00 (UTC) at the latest)"; "" where time alone promises nothing.
  std::string AtTheLatest() const;
  // What would have to be left beyond included usage, more than zero.
  Amount Needed() const;
  // How much of the estimate could be admitted in that state; nothing without an estimate.
  std::optional<Amount> Fitting(const AdmissionState& at) const;
  // Denied only because no hold may be that large.
  bool IsAboveMaxHold() const {
    return verdict.reason == DenialReason::kHoldDoesNotFit && verdict.blocking_bound < 0;
  }
  // The denied member was removed.
  bool IsRemoved() const { return member != nullptr && member->status == AccountStatus::kRemoved; }
};

// The sentence or two to show first (rule D3).
std::string DenialBanner(const DenialWriter& writer, bool admin_notified);

// What did not happen, what is in the way and whether trying again helps (rule D4).
std::string DenialExplanation(const DenialWriter& writer, const Denial& denial);

}  // namespace bursar
