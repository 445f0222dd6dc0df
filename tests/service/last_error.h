// An event log that remembers the last error, or the last reason of a refusal, which a caller does
// not get to see.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <mutex>
#include <string>

#include "server/service/event_log.h"

namespace bursar {

class LastError final : public EventLog {
 public:
  void HiddenError(const char* rpc, const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    last_ = std::string(rpc) + ": " + std::string(status.message());
  }
  void RefusedCredential(const char* rpc, absl::FunctionRef<std::string()> what) override {
    const std::lock_guard lock(mutex_);
    last_ = std::string(rpc) + ": " + what();
  }
  void PriceFallback(const std::string&, const std::string&) override {}
  // "/path/of/Rpc: message"; empty where there was none.
  std::string last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::string last_;
};

}  // namespace bursar
