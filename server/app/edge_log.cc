#include "server/app/edge_log.h"

#include "absl/time/clock.h"
#include "spdlog/spdlog.h"

namespace bursar {

void EdgeLog::HiddenError(const char* rpc, const absl::Status& status) {
  const absl::Time now = absl::Now();
  int64_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    if (now - last_error_ < absl::Seconds(1)) {
      ++errors_left_out_;
      return;
    }
    last_error_ = now;
    std::swap(left_out, errors_left_out_);
  }
  spdlog::error("{}: {} (left out before: {})", rpc, status.ToString(), left_out);
}

void EdgeLog::PriceFallback(const std::string& provider, const std::string& model) {
  {
    const std::lock_guard lock(mutex_);
    if (models_.size() >= kMaxModels || !models_.emplace(provider, model).second) return;
  }
  spdlog::warn(
      "no price for model \"{}\" of provider \"{}\" or for a meter it used: charged at fallback "
      "prices; publish a price book that has it",
      model, provider);
}

}  // namespace bursar
