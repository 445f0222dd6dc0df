// Payments as the store has them: lists and single ones, durable state only.
//
// Thread rule: free functions; each call takes its own snapshot.
//
// Source: rules X4 and X7 (docs/rules.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/payment.h"
#include "storage/store.h"

namespace bursar {

// Payments of an organization, newest first.
struct PaymentPage {
  std::vector<Payment> payments;
  bool more = false;
  std::string currency_code;  // The organization's.
  int64_t revision = 0;
  absl::Time as_of;
};
// Those requested before the entry `before` (zero: all), at most `limit` of them, which is at least
// 1. `open_only`: only those that wait for a verdict. NOT_FOUND for an unknown organization.
absl::StatusOr<PaymentPage> ListPayments(Store& store, const std::string& organization_id,
                                         int64_t before, bool open_only, int limit);

// The payment that the entry requested, alone on its page. NOT_FOUND with reason PAYMENT_NOT_FOUND
// where it requested none, NOT_FOUND for an unknown organization.
absl::StatusOr<PaymentPage> FindPayment(Store& store, const std::string& organization_id,
                                        int64_t sequence);

}  // namespace bursar
