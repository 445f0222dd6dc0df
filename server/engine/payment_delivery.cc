#include "server/engine/payment_delivery.h"

#include "server/base/status.h"
#include "server/engine/scoped_id.h"

namespace bursar {

namespace {

constexpr char kLeaves[] = "leaves";

}  // namespace

absl::StatusOr<bool> MarkPaymentSent(Engine& engine, const std::string& organization_id,
                                     const std::string& payment_id) {
  const std::optional<int64_t> sequence =
      ParsePaymentId(engine.epoch(), organization_id, payment_id);
  if (!sequence.has_value()) {
    return WithReason(absl::NotFoundError("there is no such payment in this organization"),
                      "PAYMENT_NOT_FOUND");
  }
  const auto reply = engine.Administer(organization_id, MarkPaymentSentCommand{*sequence}, {}, {},
                                       [](const Wallet&, const AdministrationOutcome& outcome,
                                          const Position&, const DecisionContext&) -> std::string {
                                         const PaymentState state = outcome.payment->payment.state;
                                         return state == PaymentState::kSent ? kLeaves : "";
                                       });
  if (!reply.ok()) return reply.status();
  return reply->bytes == kLeaves;
}

}  // namespace bursar
