#include "server/service/spend_limits.h"

#include <optional>

#include "server/service/conversion.h"

namespace bursar {
namespace {

void WriteLimit(const WalletHeader& header, Scope scope, const std::string& scope_id,
                const SpendLimit& limit, const DecisionContext& context, v1::SpendLimit* proto) {
  proto->set_scope(ToProtoEnum<v1::Scope>(scope));
  proto->set_scope_id(scope_id);
  if (limit.amount.has_value()) {
    WriteMoney(*limit.amount, header.settings.currency_code, proto->mutable_amount());
  }
  proto->set_period(v1::LIMIT_PERIOD_MONTH);
  WriteTimestamp(CurrentMonthOf(header, context).end, proto->mutable_reset_time());
}

}  // namespace

Window CurrentMonthOf(const WalletHeader& header, const DecisionContext& context) {
  return FindCurrentMonth(header.month, header.settings, context).counter.month;
}

void WriteOrganizationLimit(const WalletHeader& header, const DecisionContext& context,
                            v1::SpendLimit* proto) {
  WriteLimit(header, Scope::kOrganization, header.organization_id,
             header.limit.value_or(SpendLimit()), context, proto);
  const MonthCounter month = FindCurrentMonth(header.month, header.settings, context).counter;
  WriteMoney(month.extra, header.settings.currency_code, proto->mutable_spent());
}

void WriteTierLimit(const WalletHeader& header, const TierState& tier,
                    const DecisionContext& context, v1::SpendLimit* proto) {
  const SpendLimit limit = tier.limit.value_or(SpendLimit());
  WriteLimit(header, Scope::kSeatTier, tier.tier_id, limit, context, proto);
  proto->set_basis(ToProtoEnum<v1::LimitBasis>(limit.basis));
  if (limit.basis == LimitBasis::kEachMember) return;
  const MonthCounter month = FindScopeMonth(tier.month, CurrentMonthOf(header, context)).counter;
  WriteMoney(month.extra, header.settings.currency_code, proto->mutable_spent());
}

void WriteMemberLimit(const WalletHeader& header, const Member& member,
                      const DecisionContext& context, v1::SpendLimit* proto) {
  WriteLimit(header, Scope::kMember, member.member_id, member.limit.value_or(SpendLimit()), context,
             proto);
  const MonthCounter month = FindScopeMonth(member.month, CurrentMonthOf(header, context)).counter;
  WriteMoney(month.extra, header.settings.currency_code, proto->mutable_spent());
}

void WriteMemberSummary(const WalletHeader& header, const Member& member,
                        const DecisionContext& context, v1::MemberSummary* proto) {
  const std::string& currency_code = header.settings.currency_code;
  WriteMember(header, member, proto->mutable_member());
  const MonthCounter month = FindScopeMonth(member.month, CurrentMonthOf(header, context)).counter;
  WriteMoney(month.extra, currency_code, proto->mutable_month_to_date());
  WriteMoney(month.included, currency_code, proto->mutable_included_month_to_date());

  std::optional<Nanos> least;
  const auto consider = [&](const std::optional<SpendLimit>& limit, Scope scope) {
    if (!limit.has_value() || !limit->amount.has_value()) return;
    if (least.has_value() && *least <= *limit->amount) return;
    least = limit->amount;
    proto->set_limit_source(ToProtoEnum<v1::Scope>(scope));
  };
  consider(member.limit, Scope::kMember);
  if (const TierState* tier = header.FindTier(member.tier_id); tier != nullptr) {
    consider(tier->limit, Scope::kSeatTier);
  }
  consider(header.limit, Scope::kOrganization);
  if (least.has_value()) WriteMoney(*least, currency_code, proto->mutable_effective_limit());
}

}  // namespace bursar
