#include "client/cli/replay_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

double RateOf(int64_t count, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string InMilliseconds(absl::Duration duration) {
  return absl::StrFormat("%.2f ms", absl::ToDoubleMilliseconds(duration));
}

nlohmann::ordered_json MoneyAsJson(absl::int128 nanos, const std::string& currency) {
  // Truncation gives both parts the sign of the whole, as Money wants it.
  const absl::int128 units = nanos / kNanosPerCurrencyUnit;
  const std::string text = FormatNanos(units * kNanosPerCurrencyUnit);
  return {{"currencyCode", currency},
          {"units", text.substr(0, text.find('.'))},
          {"nanos", static_cast<int64_t>(nanos % kNanosPerCurrencyUnit)}};
}

nlohmann::ordered_json CallsAsJson(const LatencyTally& calls, absl::Duration time) {
  return {{"calls", calls.count()},
          {"seconds", absl::ToDoubleSeconds(time)},
          {"perSecond", RateOf(calls.count(), time)},
          {"p50Milliseconds", absl::ToDoubleMilliseconds(calls.Percentile(50))},
          {"p99Milliseconds", absl::ToDoubleMilliseconds(calls.Percentile(99))}};
}

void AddCallsRow(const char* name, const LatencyTally& calls, absl::Duration time, Table* table) {
  if (calls.count() == 0) return;
  table->Add({name, FormatCount(calls.count()),
              FormatCount(static_cast<int64_t>(RateOf(calls.count(), time))),
              InMilliseconds(calls.Percentile(50)), InMilliseconds(calls.Percentile(99))});
}

void PrintDenials(const ReplayTally& tally, std::ostream& out) {
  for (const auto& [reason, denial] : tally.denials) {
    out << "\n"
        << Spaced(Word(reason)) << ": " << FormatCount(denial.count) << " denied, first at row "
        << FormatCount(denial.first_row) << ":\n  " << denial.first_message << "\n";
  }
}

}  // namespace

void PrintReplaySummary(const ReplayTally& tally, std::ostream& out) {
  const auto money = [&](absl::int128 nanos) {
    const std::string amount = FormatNanos(nanos);
    return tally.currency_code.empty() ? amount : amount + " " + tally.currency_code;
  };
  Table facts({{""}, {"", Align::kRight}});
  facts.Add({"rows", FormatCount(tally.row_count)});
  facts.Add({"admitted", FormatCount(tally.admitted_count)});
  facts.Add({"denied", FormatCount(tally.denied_count)});
  if (tally.denied_by_holds_count > 0) {
    facts.Add({"  by live holds alone", FormatCount(tally.denied_by_holds_count)});
  }
  if (tally.held_count > 0) {
    facts.Add({"holds placed", FormatCount(tally.held_count)});
    facts.Add({"holds settled", FormatCount(tally.settled_count)});
  }
  facts.Add({"recorded", FormatCount(tally.recorded_count)});
  if (tally.replayed_count > 0) {
    facts.Add({"  of them recorded before", FormatCount(tally.replayed_count)});
  }
  if (tally.price_fallback_count > 0) {
    facts.Add({"  at the fallback price", FormatCount(tally.price_fallback_count)});
  }
  if (tally.unadmitted_count > 0) {
    facts.Add({"  unadmitted", FormatCount(tally.unadmitted_count)});
  }
  if (tally.unseated_count > 0) {
    facts.Add({"  without a seat", FormatCount(tally.unseated_count)});
  }
  facts.Add({"charged", money(tally.charged_nanos)});
  for (const auto& [bucket, nanos] : tally.drawn_nanos) {
    facts.Add({"  from " + Word(bucket), money(nanos)});
  }
  if (tally.overshoot_nanos != 0) facts.Add({"overshoot", money(tally.overshoot_nanos)});
  if (tally.retry_count > 0) facts.Add({"repeated calls", FormatCount(tally.retry_count)});
  facts.Add({"wall time", absl::StrFormat("%.1f s", absl::ToDoubleSeconds(tally.wall_time))});
  out << facts.Text();
  PrintDenials(tally, out);

  Table rates({{"CALLS"},
               {"COUNT", Align::kRight},
               {"PER SECOND", Align::kRight},
               {"P50", Align::kRight},
               {"P99", Align::kRight}});
  AddCallsRow("check", tally.check_latency, tally.check_time, &rates);
  AddCallsRow("record", tally.record_latency, tally.record_time, &rates);
  if (!rates.empty()) out << "\n" << rates.Text();
}

void PrintReplaySummaryAsJson(const ReplayTally& tally, std::ostream& out) {
  nlohmann::ordered_json summary;
  summary["rows"] = tally.row_count;
  summary["admitted"] = tally.admitted_count;
  summary["denied"] = tally.denied_count;
  summary["deniedByHolds"] = tally.denied_by_holds_count;
  summary["holdsPlaced"] = tally.held_count;
  summary["holdsSettled"] = tally.settled_count;
  summary["denials"] = nlohmann::ordered_json::array();
  for (const auto& [reason, denial] : tally.denials) {
    summary["denials"].push_back({{"reason", v1::DenialReason_Name(reason)},
                                  {"count", denial.count},
                                  {"firstRow", denial.first_row},
                                  {"message", denial.first_message}});
  }
  summary["recorded"] = tally.recorded_count;
  summary["replayed"] = tally.replayed_count;
  summary["priceFallback"] = tally.price_fallback_count;
  summary["unadmitted"] = tally.unadmitted_count;
  summary["unseated"] = tally.unseated_count;
  summary["retries"] = tally.retry_count;
  summary["charged"] = MoneyAsJson(tally.charged_nanos, tally.currency_code);
  summary["draws"] = nlohmann::ordered_json::array();
  for (const auto& [bucket, nanos] : tally.drawn_nanos) {
    summary["draws"].push_back(
        {{"bucket", v1::Bucket_Name(bucket)}, {"amount", MoneyAsJson(nanos, tally.currency_code)}});
  }
  summary["overshoot"] = MoneyAsJson(tally.overshoot_nanos, tally.currency_code);
  summary["seconds"] = absl::ToDoubleSeconds(tally.wall_time);
  summary["check"] = CallsAsJson(tally.check_latency, tally.check_time);
  summary["record"] = CallsAsJson(tally.record_latency, tally.record_time);
  out << summary.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

}  // namespace bursar::cli
