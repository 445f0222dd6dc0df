// QueryUsage (seeing_reads.h).
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/service/conversion.h"
#include "server/service/read_page.h"
#include "server/service/seeing_reads.h"

namespace bursar {
namespace {

constexpr int kMaxFilterNames = 100;

bool* FlagOf(int dimension, UsageQuery* query) {
  switch (dimension) {
    case v1::USAGE_DIMENSION_MEMBER:
      return &query->by_member;
    case v1::USAGE_DIMENSION_SURFACE:
      return &query->by_surface;
    case v1::USAGE_DIMENSION_MODEL:
      return &query->by_model;
    case v1::USAGE_DIMENSION_PROVIDER:
      return &query->by_provider;
    case v1::USAGE_DIMENSION_SEAT_TIER:
      return &query->by_tier;
    case v1::USAGE_DIMENSION_METER:
      return &query->by_meter;
    case v1::USAGE_DIMENSION_HOUR:
      return &query->by_hour;
    case v1::USAGE_DIMENSION_DAY:
      return &query->by_day;
    case v1::USAGE_DIMENSION_MONTH:
      return &query->by_month;
    default:
      return nullptr;
  }
}

void ReadFilter(const char* field, const google::protobuf::RepeatedPtrField<std::string>& names,
                std::vector<std::string>* wanted, FieldViolations* violations) {
  if (names.size() > kMaxFilterNames) {
    violations->Add(field, absl::StrCat("must have at most ", kMaxFilterNames, " names"));
    return;
  }
  for (int i = 0; i < names.size(); ++i) {
    CheckText(absl::StrCat(field, "[", i, "]"), names[i], 200, violations);
    wanted->push_back(names[i]);
  }
}

UsageQuery ReadQuery(const v1::QueryUsageRequest& request, FieldViolations* violations) {
  UsageQuery query;
  ReadDimensions(request.group_by(), false, &query, violations);
  ReadTimeRange(request, &query.start, &query.end, violations);
  ReadFilter("member_ids", request.member_ids(), &query.member_ids, violations);
  ReadFilter("surfaces", request.surfaces(), &query.surfaces, violations);
  ReadFilter("providers", request.providers(), &query.providers, violations);
  ReadFilter("models", request.models(), &query.models, violations);
  ReadFilter("seat_tiers", request.seat_tiers(), &query.seat_tiers, violations);
  ReadFilter("meters", request.meters(), &query.meters, violations);
  return query;
}

// What must not change between pages.
std::string ScopeOf(const v1::QueryUsageRequest& request) {
  v1::QueryUsageRequest same = request;
  same.clear_page_size();
  same.clear_page_token();
  return absl::StrCat("QueryUsage|", same.SerializeAsString());
}

// A charge by its meters, as its price card splits it. What cannot be split exactly as it was
// priced stays whole, under no meter.
std::vector<MeterPart> SplitByMeter(const Catalogs& catalogs, const std::string& currency_code,
                                    const UsageCharged& charge) {
  std::vector<MeterPart> parts;
  if (charge.usage.has_value()) {
    const auto priced = catalogs.Price(currency_code, charge.provider, charge.model, *charge.usage,
                                       charge.occurred_at);
    if (priced.ok() && priced->card == charge.price_card && priced->cost == charge.cost) {
      for (const PricedLine& line : priced->lines) {
        parts.push_back({std::string(LineName(line, *charge.usage)), line.quantity, line.cost});
      }
    }
  }
  if (parts.empty()) parts.push_back({"", 0, charge.cost});
  return parts;
}

}  // namespace

void ReadDimensions(const google::protobuf::RepeatedField<int>& group_by, bool of_statement,
                    UsageQuery* query, FieldViolations* violations) {
  for (int i = 0; i < group_by.size(); ++i) {
    const std::string field = absl::StrCat("group_by[", i, "]");
    bool* flag = FlagOf(group_by[i], query);
    const bool refused = of_statement && (group_by[i] == v1::USAGE_DIMENSION_METER ||
                                          group_by[i] == v1::USAGE_DIMENSION_HOUR ||
                                          group_by[i] == v1::USAGE_DIMENSION_MONTH);
    if (flag == nullptr || refused) {
      violations->Add(field, of_statement
                                 ? "must be member, seat_tier, surface, model, provider or day"
                                 : "must be a known dimension");
    } else if (*flag) {
      violations->Add(field, "names a dimension twice");
    } else {
      *flag = true;
    }
  }
  if (query->by_hour && query->by_day) violations->Add("group_by", "has hour and day: choose one");
}

std::string DimensionKey(const UsageQuery& query) {
  return absl::StrCat(query.by_member, query.by_surface, query.by_model, query.by_provider,
                      query.by_tier, query.by_meter, query.by_hour, query.by_day, query.by_month);
}

void WriteUsageSum(const UsageSum& sum, const UsageQuery& query, const std::string& currency_code,
                   v1::UsageRow* row) {
  row->set_member_id(sum.member_id);
  row->set_surface(sum.surface);
  row->set_provider(sum.provider);
  row->set_model(sum.model);
  row->set_seat_tier(sum.tier_id);
  row->set_record_count(sum.record_count);
  WriteMoney(sum.cost, currency_code, row->mutable_cost());
  WriteMoney(sum.refunded, currency_code, row->mutable_refunded());
  if (!(sum.period == Window())) {
    WriteTimestamp(sum.period.start, row->mutable_period_start());
    WriteTimestamp(sum.period.end, row->mutable_period_end());
    row->set_period(absl::FormatTime(query.by_hour ? "%Y-%m-%dT%H:%M%Ez" : "%Y-%m-%d",
                                     sum.period.start, query.zone.time_zone()));
  }
  if (!(sum.month == Window())) {
    WriteTimestamp(sum.month.start, row->mutable_month_start());
    WriteTimestamp(sum.month.end, row->mutable_month_end());
    row->set_month(absl::FormatTime("%Y-%m", sum.month.start, query.zone.time_zone()));
  }
  if (query.by_meter || !query.meters.empty()) {
    row->set_meter(sum.meter);
    row->set_quantity(sum.quantity);
    return;
  }
  WriteMoney(sum.included, currency_code, row->mutable_included());
  WriteMoney(sum.extra, currency_code, row->mutable_extra());
  WriteMoney(sum.metered, currency_code, row->mutable_metered());
  v1::Usage* usage = row->mutable_usage();
  usage->set_input_tokens(sum.input);
  usage->set_output_tokens(sum.output);
  usage->set_cache_write_5m_tokens(sum.cache_write_5m);
  usage->set_cache_write_1h_tokens(sum.cache_write_1h);
  usage->set_cache_read_tokens(sum.cache_read);
  usage->set_web_searches(sum.web_searches);
}

RowPage ReadRowPage(const std::string& position) {
  const std::vector<std::string> parts = absl::StrSplit(position, ':');
  if (parts.size() != 2) return {};
  return {static_cast<size_t>(std::max<int64_t>(NumberIn(parts[0]), 0)), NumberIn(parts[1])};
}

std::string MakeRowPage(size_t begin, int64_t revision) {
  return absl::StrCat(begin, ":", revision);
}

absl::StatusOr<SeeingReads::Basics> SeeingReads::BasicsOf(const std::string& organization_id) {
  Basics basics;
  const absl::Status status = engine_.Read(
      organization_id, {}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        basics = {wallet.header.settings.currency_code, wallet.header.settings.time_zone};
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return basics;
}

absl::Status SeeingReads::QueryUsage(const v1::QueryUsageRequest& request,
                                     v1::QueryUsageResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  UsageQuery query = ReadQuery(request, &violations);
  const Page page =
      ReadPage(request, ScopeOf(request), kDefaultUsagePage, kLargestUsagePage, &violations);
  if (!request.time_zone().empty() && !engine_.zones().Find(request.time_zone()).ok()) {
    violations.Add("time_zone", "is no known IANA time zone");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto basics = BasicsOf(request.organization_id());
  if (!basics.ok()) return basics.status();
  const auto zone =
      engine_.zones().Find(request.time_zone().empty() ? basics->time_zone : request.time_zone());
  if (!zone.ok()) return zone.status();
  query.zone = *zone;
  query.split = [&](const UsageCharged& charge) {
    return SplitByMeter(engine_.catalogs(), basics->currency_code, charge);
  };
  const RowPage rows = ReadRowPage(page.position);
  if (rows.revision != 0) query.last_sequence = rows.revision;
  const auto report = bursar::QueryUsage(engine_.store(), request.organization_id(), query);
  if (!report.ok()) return report.status();
  const size_t begin = std::min(rows.begin, report->rows.size());
  const size_t end = std::min(begin + page.size, report->rows.size());
  for (size_t i = begin; i < end; ++i) {
    WriteUsageSum(report->rows[i], query, basics->currency_code, response->add_rows());
  }
  WriteUsageSum(report->total, query, basics->currency_code, response->mutable_total());
  if (end < report->rows.size()) {
    response->set_next_page_token(MakePageToken(page.scope, MakeRowPage(end, report->revision)));
  }
  WritePosition({report->revision, report->as_of}, engine_.epoch(), response->mutable_position());
  return absl::OkStatus();
}

}  // namespace bursar
