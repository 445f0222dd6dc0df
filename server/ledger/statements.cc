#include "server/ledger/statements.h"

#include <algorithm>
#include <variant>

namespace bursar {
namespace {

Amount& CreditOf(CreditKind kind, StatementTotals& totals) {
  switch (kind) {
    case CreditKind::kPurchase:
      return totals.purchased;
    case CreditKind::kAutoReload:
      return totals.auto_reloaded;
    case CreditKind::kPromotion:
      return totals.promotional;
    case CreditKind::kAdjustment:
      return totals.adjusted;
  }
  return totals.adjusted;
}

// What each kind of body counts for.
struct Counter {
  StatementTotals& totals;

  void operator()(const UsageCharged& charge) {
    ++totals.charge_count;
    totals.included += charge.included;
    totals.extra += charge.extra;
    totals.metered += charge.metered;
    for (const GrantDraw& draw : charge.grant_draws) totals.drawn += draw.amount;
    totals.overdrawn += charge.overdraft;
  }
  void operator()(const EntryReversed& reversed) {
    ++totals.reversal_count;
    totals.reversed_included += reversed.included;
    totals.reversed_extra += reversed.extra;
    totals.reversed_metered += reversed.metered;
  }
  void operator()(const CreditGranted& granted) {
    totals.repaid_overdraft += granted.repaid_overdraft;
    (granted.refund_of != 0 ? totals.refunded_credit : CreditOf(granted.kind, totals)) +=
        granted.amount;
  }
  void operator()(const CreditExpired& expired) { totals.expired += expired.amount; }
  void operator()(const ChargedBack& taken) {
    totals.paid_back += taken.amount;
    totals.billed_overdraft += taken.billed;
  }
  void operator()(const PlanChanged& changed) {
    totals.billed_overdraft += changed.billed_overdraft;
  }
  // The others move no money.
  template <typename Body>
  void operator()(const Body&) {}
};

}  // namespace

void AddToTotals(const EntryBody& body, StatementTotals& totals) {
  std::visit(Counter{totals}, body);
}

Window StatementPeriodAt(const WalletHeader& header, const DecisionContext& context) {
  Window period = FindCurrentMonth(header.month, header.settings, context).counter.month;
  period.start = std::max(period.start, header.statement.finalized_until);
  return period;
}

std::optional<EntryBody> StatementOpening(const WalletHeader& header,
                                          const DecisionContext& context) {
  if (header.statement.IsOpen() || header.statement.totals == StatementTotals()) {
    return std::nullopt;
  }
  return StatementOpened{StatementPeriodAt(header, context)};
}

StatementFinalized FinalizeStatement(const WalletHeader& header) {
  const OpenStatement& open = header.statement;
  StatementFinalized final_statement;
  final_statement.period = open.period;
  final_statement.first_sequence = open.finalized_sequence + 1;
  final_statement.totals = open.totals;
  final_statement.opening_balance = open.opening_balance;
  final_statement.opening_overdraft = open.opening_overdraft;
  final_statement.closing_balance = header.Balance();
  final_statement.closing_overdraft = header.overdraft;
  return final_statement;
}

void CountOnStatement(const EntryBody& body, WalletHeader& header) {
  AddToTotals(body, header.statement.totals);
  const auto* month = std::get_if<MonthOpened>(&body);
  if (month == nullptr || month->scope != Scope::kOrganization) return;
  // Where credit opened the statement first and the zone changed since, it ends with the month that
  // limits count in; otherwise it has the same end already.
  OpenStatement& open = header.statement;
  if (!open.IsOpen()) open.period.start = std::max(month->month.start, open.finalized_until);
  open.period.end = month->month.end;
}

bool OpenStatementFor(WalletHeader& header, const StatementOpened& body) {
  OpenStatement& open = header.statement;
  const bool fits = !open.IsOpen() && body.period.start < body.period.end &&
                    body.period.start >= open.finalized_until;
  if (fits) open.period = body.period;
  return fits;
}

bool CloseStatement(WalletHeader& header, const StatementFinalized& body, int64_t sequence) {
  OpenStatement& open = header.statement;
  const StatementFinalized expected = FinalizeStatement(header);
  const bool fits = open.IsOpen() && body.period == expected.period &&
                    body.first_sequence == expected.first_sequence &&
                    body.totals == expected.totals &&
                    body.opening_balance == expected.opening_balance &&
                    body.opening_overdraft == expected.opening_overdraft &&
                    body.closing_balance == expected.closing_balance &&
                    body.closing_overdraft == expected.closing_overdraft;
  if (!fits) return false;
  open = OpenStatement();
  open.opening_balance = body.closing_balance;
  open.opening_overdraft = body.closing_overdraft;
  open.finalized_sequence = sequence;
  open.finalized_until = body.period.end;
  return true;
}

}  // namespace bursar
