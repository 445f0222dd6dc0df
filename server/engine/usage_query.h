// Usage, summed from the journal itself, so that totals equal the ledger exactly (rule S2).
//
// A query reads one snapshot of the store from front to back, away from the engine's lock, and
// keeps only the rows of its answer: at most kMaxUsageRows of them, some tens of megabytes, however
// long the journal is.
//
// Thread rule: free functions; each call takes its own snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/base/zone.h"
#include "server/ledger/entry.h"
#include "server/ledger/window.h"
#include "storage/store.h"

namespace bursar {

// The most rows that one query may make.
inline constexpr size_t kMaxUsageRows = 100'000;

// A meter's part of one charge.
struct MeterPart {
  std::string meter;  // Empty: of no meter of its own.
  int64_t quantity = 0;
  Nanos cost;
};
// Splits a charge between its meters; the costs must add up to the charge's.
using MeterSplitter = std::function<std::vector<MeterPart>(const UsageCharged& charge)>;

// What to sum by, and over what. Lists that are empty let everything through.
struct UsageQuery {
  bool by_member = false;
  bool by_surface = false;
  bool by_model = false;  // Provider and model.
  bool by_provider = false;
  bool by_tier = false;  // The tier that was charged.
  bool by_meter = false;
  bool by_hour = false;  // These three in `zone`.
  bool by_day = false;
  bool by_month = false;
  Zone zone;
  absl::Time start = absl::InfinitePast();  // Recorded in [start, end).
  absl::Time end = absl::InfiniteFuture();
  int64_t first_sequence = 1;             // Entries from here on,
  int64_t last_sequence = kLastSequence;  // up to here.
  std::vector<std::string> member_ids;
  std::vector<std::string> surfaces;
  std::vector<std::string> providers;
  std::vector<std::string> models;
  std::vector<std::string> seat_tiers;
  std::vector<std::string> meters;
  MeterSplitter split;  // Required with `by_meter` and `meters`.
  size_t max_rows = kMaxUsageRows;
};

struct UsageSum {
  std::string member_id;
  std::string surface;
  std::string provider;
  std::string model;
  std::string tier_id;
  std::string meter;
  Window period;  // The hour or day; empty where neither is asked for.
  Window month;   // Likewise.
  int64_t record_count = 0;
  // Net of refunds. By bucket only where meters play no part.
  Amount cost, included, extra, metered;
  Amount refunded;       // What refunds took off `cost`.
  int64_t quantity = 0;  // Of the meter.
  // Quantities; sums of at most 10^12 each.
  int64_t input = 0, output = 0, cache_write_5m = 0, cache_write_1h = 0, cache_read = 0,
          web_searches = 0;
};
struct UsageReport {
  std::vector<UsageSum> rows;  // By month, day and hour; then dearest first, then by names.
  UsageSum total;
  int64_t revision = 0;  // The wallet's, or `last_sequence` where that is less.
  absl::Time as_of;      // When the wallet's last entry was recorded.
};

// NOT_FOUND for an unknown organization; FAILED_PRECONDITION with reason USAGE_QUERY_TOO_LARGE
// where there would be more than `max_rows` rows.
absl::StatusOr<UsageReport> QueryUsage(Store& store, const std::string& organization_id,
                                       const UsageQuery& query);
// The same on a snapshot that the caller has.
absl::StatusOr<UsageReport> QueryUsage(const Reader& reader, const std::string& organization_id,
                                       const UsageQuery& query);

}  // namespace bursar
