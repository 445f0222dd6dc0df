// The edge's events in the program's log, held to a bounded number of lines.
//
// Thread rule: as EventLog: every method may be called from any thread.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "server/app/line_limit.h"
#include "server/service/event_log.h"

namespace bursar {

class EdgeLog final : public EventLog {
 public:
  // At most one line a second; how many were left out is on the next one.
  void HiddenError(const char* rpc, const absl::Status& status) override;
  // Each model once while the process lives, and at most kMaxModels of them.
  void RefusedCredential(const char* rpc, absl::FunctionRef<std::string()> what) override;
  void PriceFallback(const std::string& provider, const std::string& model) override;

  static constexpr size_t kMaxModels = 1000;

 private:
  LineLimit errors_{1, absl::Seconds(1)};
  LineLimit refusals_{1, absl::Seconds(1)};
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> models_;  // Guarded by mutex_.
};

}  // namespace bursar
