// What /metrics shows of this program.
//
// Thread rule: may be called from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/http/metrics.h"
#include "server/service/rpc/stats.h"
#include "server/service/serving_state.h"

namespace bursar {

// When the newest backup was made, in seconds since 1970; 0 where there is none yet.
void CollectBackups(int64_t last_backup_seconds, MetricWriter* writer);

void CollectMetrics(const Engine& engine, const RpcStats& rpcs, const ServingState& state,
                    const std::string& version, absl::Time start_time, MetricWriter* writer);

}  // namespace bursar
