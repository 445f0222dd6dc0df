// What /metrics shows of this program.
//
// Thread rule: may be called from any thread.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/http/metrics.h"
#include "server/service/rpc/stats.h"
#include "server/service/serving_state.h"

namespace bursar {

void CollectMetrics(const Engine& engine, const RpcStats& rpcs, const ServingState& state,
                    const std::string& version, absl::Time start_time, MetricWriter* writer);

}  // namespace bursar
