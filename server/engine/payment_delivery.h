// What the delivery of payment requests asks of the engine.
//
// Thread rule: free functions; any thread; they block until what they do is durable.
//
// Source: rules X1 and X4 (docs/rules.md, docs/payments.md).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"

namespace bursar {

// Says that a payment is about to leave for the payment system, before the first byte does. True:
// it may leave, also when it was said before, because deliveries are repeated. False: it has ended
// (succeeded, failed, lost, withdrawn); nobody is to be asked for it any more. NOT_FOUND for an
// unknown organization or payment; otherwise the engine's errors: then it must not leave either.
absl::StatusOr<bool> MarkPaymentSent(Engine& engine, const std::string& organization_id,
                                     const std::string& payment_id);

}  // namespace bursar
