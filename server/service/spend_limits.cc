#include "server/service/spend_limits.h"

#include <optional>

#include "server/service/conversion.h"

namespace bursar {

Window CurrentMonthOf(const WalletHeader& header, const DecisionContext& context) {
  return FindCurrentMonth(header.month, header.settings, context).counter.month;
}

void WriteLimit(const WalletHeader& header, const LimitLine& line, absl::Time now,
                v1::SpendLimit* proto) {
  const std::string& currency_code = header.settings.currency_code;
  const std::optional<Nanos>& amount = line.limit.AmountAt(now);
  proto->set_scope(ToProtoEnum<v1::Scope>(line.scope));
  proto->set_scope_id(line.scope_id);
  proto->set_period(ToProtoEnum<v1::LimitPeriod>(line.period));
  if (line.scope == Scope::kSeatTier) {
    proto->set_basis(ToProtoEnum<v1::LimitBasis>(line.limit.BasisAt(now)));
  }
  if (amount.has_value()) WriteMoney(*amount, currency_code, proto->mutable_amount());
  WriteTimestamp(line.window.end, proto->mutable_reset_time());
  if (line.spent.has_value() && line.held.has_value()) {
    WriteMoney(*line.spent, currency_code, proto->mutable_spent());
    WriteMoney(*line.held, currency_code, proto->mutable_held());
    if (amount.has_value()) {
      const Amount left = Amount(*amount) - *line.spent - *line.held;
      WriteMoney(left.FlooredAtZero(), currency_code, proto->mutable_remaining());
    }
  }
  if (!line.limit.raise.has_value() || line.limit.raise->expires_at <= now) return;
  WriteTimestamp(line.limit.raise->expires_at, proto->mutable_expire_time());
  if (line.limit.amount.has_value()) {
    WriteMoney(*line.limit.amount, currency_code, proto->mutable_base_amount());
  }
}

void WriteMemberSummary(const WalletHeader& header, const Member& member,
                        const DecisionContext& context, v1::MemberSummary* proto) {
  const std::string& currency_code = header.settings.currency_code;
  WriteMember(header, member, proto->mutable_member());
  const MonthCounter month = FindScopeMonth(member.month, CurrentMonthOf(header, context)).counter;
  WriteMoney(month.extra, currency_code, proto->mutable_month_to_date());
  WriteMoney(month.included, currency_code, proto->mutable_included_month_to_date());
  if (context.plans->Find(header.settings.plan_id) == nullptr) return;
  const AdmissionState state =
      Evaluate(header, &member, AdmissionQuery{member.member_id, "", ""}, context);
  const Evaluation* least = LeastLimit(state);
  if (least == nullptr) return;
  WriteMoney(*least->limit, currency_code, proto->mutable_effective_limit());
  proto->set_limit_source(ToProtoEnum<v1::Scope>(least->scope));
  proto->set_limit_period(ToProtoEnum<v1::LimitPeriod>(least->period));
  WriteMoney(least->Headroom().FlooredAtZero(), currency_code, proto->mutable_limit_remaining());
}

}  // namespace bursar
