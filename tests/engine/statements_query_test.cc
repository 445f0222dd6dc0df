// Statements of an engine: finalized by the sweeper, stored, listed, verified.
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/engine/record_codec.h"
#include "server/engine/statement_query.h"
#include "server/ledger/statements.h"
#include "tests/engine/engine_fixture.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

class StatementQueries : public EngineTest {
 protected:
  StatementList List() {
    const auto snapshot = store().NewSnapshot();
    EXPECT_TRUE(snapshot.ok());
    absl::StatusOr<StatementList> list = ListStatements(**snapshot, "acme");
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? *std::move(list) : StatementList();
  }
  UsageReport Lines(const StatementView& view) {
    const auto snapshot = store().NewSnapshot();
    EXPECT_TRUE(snapshot.ok());
    UsageQuery query;
    query.by_member = query.by_tier = query.by_surface = query.by_model = true;
    absl::StatusOr<UsageReport> lines = StatementLines(**snapshot, "acme", view, query);
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.ok() ? *std::move(lines) : UsageReport();
  }
  // Every entry's own contribution, by its instant.
  StatementTotals AddUp(const Window& period) {
    StatementTotals totals;
    for (const Entry& entry : Journal("acme")) {
      if (period.Contains(entry.recorded_at)) AddToTotals(entry.body, totals);
    }
    return totals;
  }
};
BURSAR_ENGINE_SUITE(StatementQueries);

// Rules: S4, T3
TEST_P(StatementQueries, TheSweeperFinalizesAMonthThatNobodyTouches) {
  SetUpAcme("usage");
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(3), "r1").ok());
  ASSERT_EQ(List().statements.size(), 1u);
  EXPECT_EQ(List().statements[0].finalized_sequence, 0) << "a draft";
  EXPECT_EQ(Lines(List().statements[0]).total.cost, Amount(Nanos::Units(3)));
  Restart();
  clock_.Advance(absl::Hours(24 * 31));
  EXPECT_EQ(core().SweepNow().value(), 1);
  EXPECT_EQ(core().SweepNow().value(), 0);
  const StatementList list = List();
  ASSERT_EQ(list.statements.size(), 1u);
  const StatementView& view = list.statements[0];
  EXPECT_EQ(view.finalized_sequence, Journal("acme").back().sequence);
  EXPECT_EQ(view.finalized_at, view.statement.period.end);
  EXPECT_EQ(view.statement.totals.metered, Amount(Nanos::Units(3)));
  EXPECT_EQ(Lines(view).total.cost, Amount(Nanos::Units(3)));
  EXPECT_EQ(StatementId(view.statement.period, Zone()), "2026-03-01");
  ExpectVerified();
}

// Rules: S4, S2, R7
TEST_P(StatementQueries, MonthsOfDrawnTrafficTieToTheJournalToTheNano) {
  std::mt19937_64 random(TestSeed());
  SetUpAcme("team");
  for (int i = 0; i < 120; ++i) {
    clock_.Advance(absl::Hours(static_cast<int64_t>(random() % 60)));
    if (random() % 8 == 0) {
      Grant("acme", static_cast<int64_t>(random() % 9) + 1,
            random() % 2 == 0 ? std::optional<absl::Time>(clock_.Now() + absl::Hours(500))
                              : std::nullopt);
    }
    const auto reply =
        Record("acme", random() % 2 == 0 ? "ann" : "bob",
               Nanos(static_cast<int64_t>(random() % 3'000'000'000)), absl::StrCat("r", i));
    ASSERT_TRUE(reply.ok()) << reply.status();
    if (random() % 7 != 0) continue;
    ReverseEntryCommand refund;
    refund.sequence = reply->sequence;
    Administer("acme", refund, absl::StrCat("refund-", i)).status().IgnoreError();
  }
  const StatementList list = List();
  ASSERT_GE(list.statements.size(), 3u);
  Amount net;
  for (size_t i = 0; i < list.statements.size(); ++i) {
    const StatementView& view = list.statements[i];
    EXPECT_EQ(view.statement.totals, AddUp(view.statement.period)) << i;
    const UsageReport lines = Lines(view);
    Amount sum;
    for (const UsageSum& line : lines.rows) sum += line.cost;
    EXPECT_EQ(sum, view.statement.totals.NetCost()) << i;
    net += sum;
    if (i > 0) {
      EXPECT_EQ(view.last_sequence + 1, view.finalized_sequence) << i;
      EXPECT_EQ(list.statements[i - 1].statement.opening_balance, view.statement.closing_balance);
    }
  }
  EXPECT_EQ(net, QueryUsage(store(), "acme", UsageQuery())->total.cost);
  ExpectVerified();
}

// Rules: S4, J1
TEST_P(StatementQueries, VerifyFindsAStatementThatWasTamperedWith) {
  SetUpAcme("usage");
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(3), "r1").ok());
  clock_.Advance(absl::Hours(24 * 31));
  ASSERT_EQ(core().SweepNow().value(), 1);
  StatementView view = List().statements[0];
  view.statement.totals.metered += Nanos(1);
  const auto snapshot = store().NewSnapshot();
  ASSERT_TRUE(snapshot.ok());
  UsageQuery query;
  EXPECT_TRUE(absl::IsDataLoss(StatementLines(**snapshot, "acme", view, query).status()));
  // The record beside the journal is changed, as a bad disk or hand would.
  const int64_t revision = Journal("acme").back().sequence;
  const auto header = store().Load({LoadKey::Header("acme")}, LoadMode::kMayBlock);
  ASSERT_TRUE(header.ok());
  absl::StatusOr<StoredHeader> stored = DecodeHeader(header->front().value);
  ASSERT_TRUE(stored.ok());
  OrganizationCommit commit;
  commit.organization_id = "acme";
  commit.expected_revision = revision;
  commit.new_revision = revision + 1;
  commit.committed_at = clock_.Now();
  const std::vector<Entry> entries = {
      {revision + 1, clock_.Now(), {}, CrossingNoticed{"ann", "chat", {}}}};
  const EncodedJournal journal = EncodeJournal(stored->chain_hash, entries);
  commit.journal_record = journal.bytes;
  stored->header.revision = revision + 1;
  stored->header.last_entry_at = clock_.Now();
  commit.puts = {{RecordKind::kHeader, "", EncodeHeader(stored->header, journal.chain_hash)},
                 {RecordKind::kStatement, SequenceKey(view.finalized_sequence), "no record"}};
  ASSERT_TRUE(store().Commit({{commit}}).ok());
  const auto report = VerifyLedger(store(), "acme", clock_.Now());
  ASSERT_TRUE(report.ok()) << report.status();
  bool found = false;
  for (const VerifyReport::Item& item : report->violations) found = found || item.rule == "S4";
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace bursar
