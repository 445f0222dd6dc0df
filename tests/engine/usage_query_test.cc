// Usage summed by any mix of dimensions, against a second, naive way of adding up.
#include "server/engine/usage_query.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

// What a row says, as a name for it and its figures.
struct NaiveSum {
  int64_t records = 0;
  Amount cost, included, extra, metered;
  int64_t input = 0;

  friend bool operator==(const NaiveSum&, const NaiveSum&) = default;
};
using NaiveRows = std::map<std::string, NaiveSum>;

std::string NameOf(const UsageQuery& query, const std::string& member, const std::string& surface,
                   const std::string& provider, const std::string& model, const std::string& tier,
                   absl::Time period, absl::Time month) {
  return absl::StrCat(
      query.by_member ? member : "", "|", query.by_surface ? surface : "", "|",
      query.by_model || query.by_provider ? provider : "", "|", query.by_model ? model : "", "|",
      query.by_tier ? tier : "", "|",
      query.by_day || query.by_hour ? absl::FormatTime(period, absl::UTCTimeZone()) : "", "|",
      query.by_month ? absl::FormatTime(month, absl::UTCTimeZone()) : "");
}

bool IsIn(const std::vector<std::string>& wanted, const std::string& name) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

// Adds a whole journal up in memory, with the calendar of Abseil.
NaiveRows AddUp(const std::vector<Entry>& journal, const UsageQuery& query) {
  NaiveRows rows;
  const absl::TimeZone zone = query.zone.time_zone();
  for (const Entry& entry : journal) {
    if (entry.recorded_at < query.start || entry.recorded_at >= query.end) continue;
    const absl::CivilSecond local = absl::ToCivilSecond(entry.recorded_at, zone);
    const absl::Time period = query.by_hour ? absl::FromCivil(absl::CivilHour(local), zone)
                                            : absl::FromCivil(absl::CivilDay(local), zone);
    const absl::Time month = absl::FromCivil(absl::CivilMonth(local), zone);
    const auto* charge = std::get_if<UsageCharged>(&entry.body);
    const auto* reversed = std::get_if<EntryReversed>(&entry.body);
    if (charge != nullptr) {
      if (!IsIn(query.member_ids, charge->member_id) || !IsIn(query.surfaces, charge->surface) ||
          !IsIn(query.models, charge->model)) {
        continue;
      }
      NaiveSum& sum = rows[NameOf(query, charge->member_id, charge->surface, charge->provider,
                                  charge->model, charge->tier_id, period, month)];
      ++sum.records;
      sum.cost += charge->cost;
      sum.included += charge->included;
      sum.extra += charge->extra;
      sum.metered += charge->metered;
      if (charge->usage.has_value()) sum.input += charge->usage->input;
    } else if (reversed != nullptr) {
      const ChargeFacts& facts = reversed->facts;
      if (!IsIn(query.member_ids, facts.member_id) || !IsIn(query.surfaces, facts.surface) ||
          !IsIn(query.models, facts.model)) {
        continue;
      }
      NaiveSum& sum = rows[NameOf(query, facts.member_id, facts.surface, facts.provider,
                                  facts.model, facts.tier_id, period, month)];
      sum.included -= reversed->included;
      sum.extra -= reversed->extra;
      sum.metered -= reversed->metered;
      sum.cost -= Amount(reversed->included) + reversed->extra + reversed->metered;
    }
  }
  return rows;
}

class UsageQueries : public EngineTest {
 protected:
  int64_t RecordUsage(const std::string& member_id, const std::string& surface,
                      const std::string& model, const Usage& usage) {
    RecordConsumptionCommand command = MakeRecord(member_id, Nanos());
    command.surface = surface;
    command.model = model;
    command.usage = usage;
    Promised<absl::StatusOr<RecordReply>> promised;
    engine().RecordConsumption("acme", command, {absl::StrCat("r", ++requests_), "content"}, {},
                               [&](absl::StatusOr<RecordReply> reply) { promised.Set(reply); });
    EXPECT_TRUE(promised.Wait().ok()) << promised.Wait().status();
    return promised.Wait().ok() ? promised.Wait()->sequence : 0;
  }
  // Weeks of drawn usage of three members, with refunds.
  void DrawTraffic(std::mt19937_64& random, int count) {
    SetUpAcme("team");
    Grant("acme", 1000);
    const std::vector<std::string> members = {"olga", "ann", "bob"};
    const std::vector<std::string> surfaces = {"chat", "claude-code", "zed"};
    const std::vector<std::string> models = {"model-a", "model-b"};
    for (int i = 0; i < count; ++i) {
      clock_.Advance(absl::Seconds(static_cast<int64_t>(random() % 40'000)));
      Usage usage;
      usage.input = static_cast<int64_t>(random() % 200'000);
      usage.output = static_cast<int64_t>(random() % 10'000);
      const int64_t charge =
          RecordUsage(members[random() % 3], surfaces[random() % 3], models[random() % 2], usage);
      if (random() % 6 != 0) continue;
      ReverseEntryCommand refund;
      refund.sequence = charge;
      if (random() % 2 == 0) refund.amount = Nanos(1);
      Administer("acme", refund, absl::StrCat("refund-", i)).status().IgnoreError();
    }
  }
  UsageReport Usages(const UsageQuery& query) {
    absl::StatusOr<UsageReport> report = QueryUsage(store(), "acme", query);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : UsageReport();
  }

  int requests_ = 0;
};
BURSAR_ENGINE_SUITE(UsageQueries);

// Rules: S2, R7
TEST_P(UsageQueries, EveryMixOfDimensionsAndFiltersEqualsTheJournalExactly) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  DrawTraffic(random, 120);
  const std::vector<Entry> journal = Journal("acme");
  for (int i = 0; i < 150; ++i) {
    UsageQuery query;
    query.by_member = random() % 2 == 0;
    query.by_surface = random() % 2 == 0;
    query.by_model = random() % 2 == 0;
    query.by_provider = random() % 2 == 0;
    query.by_tier = random() % 2 == 0;
    query.by_month = random() % 2 == 0;
    query.by_day = random() % 3 == 0;
    query.by_hour = !query.by_day && random() % 3 == 0;
    const char* zones[] = {"UTC", "America/New_York", "Asia/Kolkata"};
    query.zone = *zones_.Find(zones[random() % 3]);
    if (random() % 3 == 0) query.member_ids = {"ann", "nobody"};
    if (random() % 3 == 0) query.surfaces = {"chat"};
    if (random() % 3 == 0) query.models = {"model-b", "model-a"};
    if (random() % 2 == 0) query.start = TestStart() + absl::Hours(random() % 500);
    if (random() % 2 == 0) query.end = clock_.Now() - absl::Hours(random() % 200);
    const UsageReport report = Usages(query);
    NaiveRows rows;
    NaiveSum total;
    for (const UsageSum& row : report.rows) {
      NaiveSum& sum = rows[NameOf(query, row.member_id, row.surface, row.provider, row.model,
                                  row.tier_id, row.period.start, row.month.start)];
      EXPECT_EQ(sum.records, 0) << "a row is there twice";
      sum = {row.record_count, row.cost, row.included, row.extra, row.metered, row.input};
      total.cost += row.cost;
      total.records += row.record_count;
    }
    EXPECT_TRUE(rows == AddUp(journal, query)) << "query " << i;
    EXPECT_EQ(total.cost, report.total.cost);
    EXPECT_EQ(total.records, report.total.record_count);
  }
}

// Rules: S2, M3
TEST_P(UsageQueries, MetersAddUpToTheCostToTheNano) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  DrawTraffic(random, 60);
  UsageQuery query;
  const UsageReport whole = Usages(query);
  query.by_meter = true;
  query.split = [&](const UsageCharged& charge) {
    std::vector<MeterPart> parts;
    const auto priced = engine().catalogs().Price("USD", charge.provider, charge.model,
                                                  *charge.usage, charge.occurred_at);
    for (const PricedLine& line : priced->lines) {
      parts.push_back({std::string(LineName(line, *charge.usage)), line.quantity, line.cost});
    }
    return parts;
  };
  const UsageReport by_meter = Usages(query);
  std::set<std::string> meters;
  Amount sum;
  for (const UsageSum& row : by_meter.rows) {
    meters.insert(row.meter);
    sum += row.cost;
    if (row.meter == "input") {
      EXPECT_EQ(row.quantity, whole.total.input);
    }
  }
  EXPECT_EQ(sum, whole.total.cost);
  EXPECT_EQ(by_meter.total.cost, whole.total.cost);
  EXPECT_EQ(by_meter.total.record_count, whole.total.record_count);
  EXPECT_TRUE(meters.contains("input"));
  EXPECT_TRUE(meters.contains("output"));
  query.meters = {"output"};
  const UsageReport output = Usages(query);
  ASSERT_EQ(output.rows.size(), 1u);
  EXPECT_EQ(output.rows[0].quantity, whole.total.output);
}

// Rules: S2
TEST_P(UsageQueries, AnAnswerOfTooManyRowsIsRefusedNotKept) {
  SetUpAcme("team");
  for (int i = 0; i < 5; ++i) {
    RecordUsage("ann", absl::StrCat("surface-", i), "model-a",
                Usage{100, 0, 0, 0, 0, 0, {}, "", ""});
  }
  UsageQuery query;
  query.by_surface = true;
  query.max_rows = 5;
  EXPECT_EQ(Usages(query).rows.size(), 5u);
  query.max_rows = 4;
  const absl::Status refused = QueryUsage(store(), "acme", query).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_EQ(Reason(refused), "USAGE_QUERY_TOO_LARGE");
}

// Rules: S2
TEST_P(UsageQueries, AReportOfAnEarlierRevisionStaysTheSame) {
  SetUpAcme("team");
  RecordUsage("ann", "chat", "model-a", Usage{1000, 0, 0, 0, 0, 0, {}, "", ""});
  UsageQuery query;
  const UsageReport before = Usages(query);
  RecordUsage("ann", "chat", "model-a", Usage{1000, 0, 0, 0, 0, 0, {}, "", ""});
  query.last_sequence = before.revision;
  const UsageReport again = Usages(query);
  EXPECT_EQ(again.total.cost, before.total.cost);
  EXPECT_EQ(again.revision, before.revision);
  query.last_sequence = kLastSequence;
  EXPECT_EQ(Usages(query).total.record_count, 2);
}

}  // namespace
}  // namespace bursar
