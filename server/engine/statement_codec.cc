#include "server/engine/statement_codec.h"

namespace bursar {
namespace {

namespace record = storage::v1;

void ToRecord(const StatementTotals& totals, record::StatementTotalsRecord* out) {
  out->set_charge_count(totals.charge_count);
  PutAmount(totals.included, [out] { return out->mutable_included(); });
  PutAmount(totals.extra, [out] { return out->mutable_extra(); });
  PutAmount(totals.metered, [out] { return out->mutable_metered(); });
  out->set_reversal_count(totals.reversal_count);
  PutAmount(totals.reversed_included, [out] { return out->mutable_reversed_included(); });
  PutAmount(totals.reversed_extra, [out] { return out->mutable_reversed_extra(); });
  PutAmount(totals.reversed_metered, [out] { return out->mutable_reversed_metered(); });
  PutAmount(totals.purchased, [out] { return out->mutable_purchased(); });
  PutAmount(totals.auto_reloaded, [out] { return out->mutable_auto_reloaded(); });
  PutAmount(totals.promotional, [out] { return out->mutable_promotional(); });
  PutAmount(totals.adjusted, [out] { return out->mutable_adjusted(); });
  PutAmount(totals.refunded_credit, [out] { return out->mutable_refunded_credit(); });
  PutAmount(totals.repaid_overdraft, [out] { return out->mutable_repaid_overdraft(); });
  PutAmount(totals.drawn, [out] { return out->mutable_drawn(); });
  PutAmount(totals.overdrawn, [out] { return out->mutable_overdrawn(); });
  PutAmount(totals.expired, [out] { return out->mutable_expired(); });
  PutAmount(totals.paid_back, [out] { return out->mutable_paid_back(); });
  PutAmount(totals.billed_overdraft, [out] { return out->mutable_billed_overdraft(); });
}

StatementTotals FromRecord(const record::StatementTotalsRecord& in, Damage& damage) {
  StatementTotals totals;
  totals.charge_count = in.charge_count();
  totals.included = FromRecord(in.included(), damage);
  totals.extra = FromRecord(in.extra(), damage);
  totals.metered = FromRecord(in.metered(), damage);
  totals.reversal_count = in.reversal_count();
  totals.reversed_included = FromRecord(in.reversed_included(), damage);
  totals.reversed_extra = FromRecord(in.reversed_extra(), damage);
  totals.reversed_metered = FromRecord(in.reversed_metered(), damage);
  totals.purchased = FromRecord(in.purchased(), damage);
  totals.auto_reloaded = FromRecord(in.auto_reloaded(), damage);
  totals.promotional = FromRecord(in.promotional(), damage);
  totals.adjusted = FromRecord(in.adjusted(), damage);
  totals.refunded_credit = FromRecord(in.refunded_credit(), damage);
  totals.repaid_overdraft = FromRecord(in.repaid_overdraft(), damage);
  totals.drawn = FromRecord(in.drawn(), damage);
  totals.overdrawn = FromRecord(in.overdrawn(), damage);
  totals.expired = FromRecord(in.expired(), damage);
  totals.paid_back = FromRecord(in.paid_back(), damage);
  totals.billed_overdraft = FromRecord(in.billed_overdraft(), damage);
  return totals;
}

}  // namespace

void ToRecord(const OpenStatement& statement, record::OpenStatementRecord* out) {
  if (statement.IsOpen()) ToRecord(statement.period, out->mutable_period());
  ToRecord(statement.totals, out->mutable_totals());
  PutAmount(statement.opening_balance, [out] { return out->mutable_opening_balance(); });
  PutAmount(statement.opening_overdraft, [out] { return out->mutable_opening_overdraft(); });
  out->set_finalized_sequence(statement.finalized_sequence);
  if (statement.finalized_until != absl::InfinitePast()) {
    out->set_finalized_until_unix_nanos(TimeToRecord(statement.finalized_until));
  }
}

OpenStatement FromRecord(const record::OpenStatementRecord& in, Damage& damage) {
  OpenStatement statement;
  if (in.has_period()) statement.period = FromRecord(in.period(), damage);
  statement.totals = FromRecord(in.totals(), damage);
  statement.opening_balance = FromRecord(in.opening_balance(), damage);
  statement.opening_overdraft = FromRecord(in.opening_overdraft(), damage);
  statement.finalized_sequence = in.finalized_sequence();
  if (in.has_finalized_until_unix_nanos()) {
    statement.finalized_until = TimeFromRecord(in.finalized_until_unix_nanos());
  }
  return statement;
}

void ToRecord(const StatementFinalized& statement, record::StatementFinalizedRecord* out) {
  ToRecord(statement.period, out->mutable_period());
  out->set_first_sequence(statement.first_sequence);
  ToRecord(statement.totals, out->mutable_totals());
  PutAmount(statement.opening_balance, [out] { return out->mutable_opening_balance(); });
  PutAmount(statement.opening_overdraft, [out] { return out->mutable_opening_overdraft(); });
  PutAmount(statement.closing_balance, [out] { return out->mutable_closing_balance(); });
  PutAmount(statement.closing_overdraft, [out] { return out->mutable_closing_overdraft(); });
}

StatementFinalized FromRecord(const record::StatementFinalizedRecord& in, Damage& damage) {
  StatementFinalized statement;
  statement.period = FromRecord(in.period(), damage);
  statement.first_sequence = in.first_sequence();
  statement.totals = FromRecord(in.totals(), damage);
  statement.opening_balance = FromRecord(in.opening_balance(), damage);
  statement.opening_overdraft = FromRecord(in.opening_overdraft(), damage);
  statement.closing_balance = FromRecord(in.closing_balance(), damage);
  statement.closing_overdraft = FromRecord(in.closing_overdraft(), damage);
  return statement;
}

std::string EncodeStatement(const StoredStatement& statement) {
  record::StatementFinalizedRecord out;
  ToRecord(statement.statement, &out);
  out.set_sequence(statement.sequence);
  out.set_finalized_at_unix_nanos(TimeToRecord(statement.finalized_at));
  return out.SerializeAsString();
}

absl::StatusOr<StoredStatement> DecodeStatement(std::string_view bytes) {
  Damage damage("a statement");
  record::StatementFinalizedRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  StoredStatement statement;
  statement.statement = FromRecord(in, damage);
  statement.sequence = in.sequence();
  statement.finalized_at = TimeFromRecord(in.finalized_at_unix_nanos());
  if (statement.sequence <= 0) damage.Note("it has no sequence");
  if (damage.found()) return damage.ToStatus();
  return statement;
}

void BodyToRecord(const StatementOpened& body, record::EntryRecord* out) {
  ToRecord(body.period, out->mutable_statement_opened());
}

void BodyToRecord(const StatementFinalized& body, record::EntryRecord* out) {
  ToRecord(body, out->mutable_statement_finalized());
}

std::optional<EntryBody> TakeStatementBody(const record::EntryRecord& in, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kStatementOpened:
      return StatementOpened{FromRecord(in.statement_opened(), damage)};
    case record::EntryRecord::kStatementFinalized:
      return FromRecord(in.statement_finalized(), damage);
    default:
      return std::nullopt;
  }
}

}  // namespace bursar
