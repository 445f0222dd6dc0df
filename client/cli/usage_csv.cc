#include "client/cli/usage_csv.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/csv.h"
#include "client/cli/format.h"

namespace bursar::cli {
namespace {

std::string Instant(const google::protobuf::Timestamp& timestamp) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", FromProto(timestamp), absl::UTCTimeZone());
}

void AddKeys(const v1::QueryUsageRequest& request, std::vector<std::string>* titles) {
  for (const int dimension : request.group_by()) {
    switch (dimension) {
      case v1::USAGE_DIMENSION_MODEL:
        titles->insert(titles->end(), {"provider", "model"});
        break;
      case v1::USAGE_DIMENSION_HOUR:
      case v1::USAGE_DIMENSION_DAY:
        titles->insert(titles->end(), {"period", "period_start", "period_end"});
        break;
      case v1::USAGE_DIMENSION_MONTH:
        titles->insert(titles->end(), {"month", "month_start", "month_end"});
        break;
      case v1::USAGE_DIMENSION_METER:
        titles->insert(titles->end(), {"meter", "quantity"});
        break;
      default:
        titles->push_back(Word(static_cast<v1::UsageDimension>(dimension)));
    }
  }
}

std::string KeyCell(const v1::UsageRow& row, const std::string& title) {
  if (title == "member") return row.member_id();
  if (title == "surface") return row.surface();
  if (title == "provider") return row.provider();
  if (title == "model") return row.model();
  if (title == "seat_tier") return row.seat_tier();
  if (title == "meter") return row.meter();
  if (title == "quantity") return absl::StrCat(row.quantity());
  if (title == "period") return row.period();
  if (title == "month") return row.month();
  if (title == "period_start") return Instant(row.period_start());
  if (title == "period_end") return Instant(row.period_end());
  if (title == "month_start") return Instant(row.month_start());
  return Instant(row.month_end());
}

std::vector<std::string> FigureCells(const v1::UsageRow& row) {
  const v1::Usage& usage = row.usage();
  return {absl::StrCat(row.record_count()),
          absl::StrCat(usage.input_tokens()),
          absl::StrCat(usage.output_tokens()),
          absl::StrCat(usage.cache_read_tokens()),
          absl::StrCat(usage.cache_write_5m_tokens()),
          absl::StrCat(usage.cache_write_1h_tokens()),
          absl::StrCat(usage.web_searches()),
          PlainAmount(row.cost()),
          row.has_included() ? PlainAmount(row.included()) : "",
          row.has_extra() ? PlainAmount(row.extra()) : "",
          row.has_metered() ? PlainAmount(row.metered()) : "",
          PlainAmount(row.refunded()),
          row.cost().currency_code()};
}

// What left the wallet for a row: extra and metered usage.
v1::Money BeyondIncluded(const v1::UsageRow& row) {
  constexpr int64_t kNanos = 1'000'000'000;
  v1::Money sum = row.extra();
  sum.set_units(sum.units() + row.metered().units());
  int64_t nanos = int64_t{sum.nanos()} + row.metered().nanos();
  sum.set_units(sum.units() + nanos / kNanos);
  nanos %= kNanos;
  // Units and nanos have one sign.
  if (sum.units() > 0 && nanos < 0) {
    sum.set_units(sum.units() - 1);
    nanos += kNanos;
  } else if (sum.units() < 0 && nanos > 0) {
    sum.set_units(sum.units() + 1);
    nanos -= kNanos;
  }
  sum.set_nanos(static_cast<int32_t>(nanos));
  return sum;
}

}  // namespace

std::string PlainAmount(const v1::Money& money) {
  const bool negative = money.units() < 0 || money.nanos() < 0;
  const auto units = static_cast<uint64_t>(money.units());
  std::string text =
      absl::StrFormat("%s%d.%09d", negative ? "-" : "", money.units() < 0 ? 0 - units : units,
                      money.nanos() < 0 ? -money.nanos() : money.nanos());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string UsageAsCsv(const v1::QueryUsageRequest& request, const v1::QueryUsageResponse& usage) {
  std::vector<std::string> titles;
  AddKeys(request, &titles);
  const size_t key_count = titles.size();
  titles.insert(titles.end(), {"records", "input_tokens", "output_tokens", "cache_read_tokens",
                               "cache_write_5m_tokens", "cache_write_1h_tokens", "web_searches",
                               "cost", "included", "extra", "metered", "refunded", "currency"});
  std::string text = CsvLine(titles);
  for (const v1::UsageRow& row : usage.rows()) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < key_count; ++i) cells.push_back(KeyCell(row, titles[i]));
    for (std::string& cell : FigureCells(row)) cells.push_back(std::move(cell));
    text += CsvLine(cells);
  }
  return text;
}

void AskForFocus(bool by_hour, v1::QueryUsageRequest* request) {
  request->clear_group_by();
  request->add_group_by(v1::USAGE_DIMENSION_MONTH);
  request->add_group_by(by_hour ? v1::USAGE_DIMENSION_HOUR : v1::USAGE_DIMENSION_DAY);
  request->add_group_by(v1::USAGE_DIMENSION_MEMBER);
  request->add_group_by(v1::USAGE_DIMENSION_SEAT_TIER);
  request->add_group_by(v1::USAGE_DIMENSION_SURFACE);
  request->add_group_by(v1::USAGE_DIMENSION_MODEL);
}

std::string UsageAsFocus(const v1::Organization& organization,
                         const v1::QueryUsageResponse& usage) {
  std::string text = CsvLine({"BilledCost",      "BillingAccountId",  "BillingAccountName",
                              "BillingCurrency", "BillingPeriodEnd",  "BillingPeriodStart",
                              "ChargeCategory",  "ChargeDescription", "ChargeFrequency",
                              "ChargePeriodEnd", "ChargePeriodStart", "EffectiveCost",
                              "ListCost",        "ProviderName",      "PublisherName",
                              "ServiceCategory", "ServiceName",       "SkuId",
                              "SubAccountId",    "x_CacheReadTokens", "x_CacheWriteTokens",
                              "x_IncludedCost",  "x_InputTokens",     "x_OutputTokens",
                              "x_Records",       "x_Refunded",        "x_SeatTier"});
  for (const v1::UsageRow& row : usage.rows()) {
    const std::string billed = PlainAmount(BeyondIncluded(row));
    const v1::Usage& used = row.usage();
    text +=
        CsvLine({billed,
                 organization.organization_id(),
                 organization.display_name(),
                 row.cost().currency_code(),
                 Instant(row.month_end()),
                 Instant(row.month_start()),
                 "Usage",
                 absl::StrCat(row.model().empty() ? "Usage" : row.model(), " on ", row.surface()),
                 "Usage-Based",
                 Instant(row.period_end()),
                 Instant(row.period_start()),
                 billed,
                 PlainAmount(row.cost()),
                 row.provider(),
                 row.provider(),
                 "AI and Machine Learning",
                 row.surface(),
                 row.model(),
                 row.member_id(),
                 absl::StrCat(used.cache_read_tokens()),
                 absl::StrCat(used.cache_write_5m_tokens() + used.cache_write_1h_tokens()),
                 PlainAmount(row.included()),
                 absl::StrCat(used.input_tokens()),
                 absl::StrCat(used.output_tokens()),
                 absl::StrCat(row.record_count()),
                 PlainAmount(row.refunded()),
                 row.seat_tier()});
  }
  return text;
}

}  // namespace bursar::cli
