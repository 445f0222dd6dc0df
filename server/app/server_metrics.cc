#include "server/app/server_metrics.h"

#include <sys/resource.h>

#include <optional>

#include "server/app/memory_guard.h"
#include "server/service/authorization.h"

namespace bursar {
namespace {

constexpr const char* kCodeNames[RpcStats::kCodeCount] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

void CollectRpcs(const RpcStats& rpcs, MetricWriter* writer) {
  for (const RpcRule& rule : AuthorizationTable()) {
    for (size_t code = 0; code < RpcStats::kCodeCount; ++code) {
      const uint64_t count = rpcs.Get(rule, static_cast<grpc::StatusCode>(code));
      // Every RPC shows its OK from the start, so that a rate of zero is a zero and not a gap.
      if (count == 0 && code != 0) continue;
      writer->Counter("bursar_rpc_answers_total", "Answers to calls, by RPC and status code.",
                      static_cast<double>(count),
                      {{"rpc", rule.path + 1}, {"code", kCodeNames[code]}});
    }
  }
}

void CollectEngine(const EngineStats& stats, MetricWriter* writer) {
  const auto counter = [writer](const char* name, const char* help, int64_t value) {
    writer->Counter(name, help, static_cast<double>(value));
  };
  const auto gauge = [writer](const char* name, const char* help, int64_t value) {
    writer->Gauge(name, help, static_cast<double>(value));
  };
  constexpr char kChecksHelp[] = "Admission checks decided, by decision.";
  writer->Counter("bursar_checks_total", kChecksHelp, static_cast<double>(stats.checks_admitted),
                  {{"decision", "admitted"}});
  writer->Counter("bursar_checks_total", kChecksHelp, static_cast<double>(stats.checks_denied),
                  {{"decision", "denied"}});
  counter("bursar_records_total", "Usage records acknowledged for the first time.", stats.records);
  counter("bursar_records_replayed_total", "Repeated records answered with the first receipt.",
          stats.records_replayed);
  counter("bursar_price_fallbacks_total", "Records charged at fallback prices.",
          stats.price_fallbacks);
  counter("bursar_unadmitted_records_total", "Records that a check would have denied.",
          stats.unadmitted_records);
  counter("bursar_denials_not_kept_total",
          "Denied checks that were not remembered because too many different ones came at once.",
          stats.denials_not_kept);
  counter("bursar_commands_refused_total", "Commands refused because the queue was full.",
          stats.commands_refused_queue_full);
  counter("bursar_groups_committed_total", "Groups made durable, one sync each.",
          stats.groups_committed);
  counter("bursar_entries_committed_total", "Journal entries made durable.",
          stats.entries_committed);
  counter("bursar_wallet_loads_total", "Wallets read from the store.", stats.wallet_loads);
  counter("bursar_wallets_put_away_total", "Wallets put away for want of --wallet-memory.",
          stats.wallets_put_away);
  gauge("bursar_wallets_in_memory", "Wallets held in memory.", stats.wallets_in_memory);
  gauge("bursar_members_in_memory", "Members held in memory.", stats.members_in_memory);
  gauge("bursar_queue_length", "Commands waiting to be durable.", stats.queue_length);
  gauge("bursar_store_failed", "1 when the store failed and the server is about to end.",
        stats.latched ? 1 : 0);
}

void CollectProcess(absl::Time start_time, MetricWriter* writer) {
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& value) {
      return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) / 1e6;
    };
    writer->Counter("process_cpu_seconds_total", "User and system CPU time of the process.",
                    seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  if (const std::optional<int64_t> bytes = ReadResidentBytes(); bytes.has_value()) {
    writer->Gauge("process_resident_memory_bytes", "Resident memory of the process.",
                  static_cast<double>(*bytes));
  }
  writer->Gauge("process_start_time_seconds", "When the process started, as a Unix time.",
                absl::ToDoubleSeconds(start_time - absl::UnixEpoch()));
}

}  // namespace

void CollectBackups(int64_t last_backup_seconds, MetricWriter* writer) {
  writer->Gauge("bursar_last_backup_timestamp_seconds",
                "When the newest backup was made; 0 where there is none. Only with --backups.",
                static_cast<double>(last_backup_seconds));
}

void CollectMetrics(const Engine& engine, const RpcStats& rpcs, const ServingState& state,
                    const std::string& version, absl::Time start_time, MetricWriter* writer) {
  writer->Gauge("bursar_build_info", "Always 1; the version is in the label.", 1,
                {{"version", version}});
  writer->Gauge("bursar_serving", "1 while the server serves.", state.IsServing() ? 1 : 0);
  CollectRpcs(rpcs, writer);
  CollectEngine(engine.Stats(), writer);
  CollectProcess(start_time, writer);
}

}  // namespace bursar
