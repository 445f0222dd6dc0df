#include "server/app/edge_log.h"

#include <optional>

#include "server/base/clock.h"
#include "spdlog/spdlog.h"

namespace bursar {

void EdgeLog::HiddenError(const char* rpc, const absl::Status& status) {
  const std::optional<int64_t> left_out = errors_.Take(SystemClock().Monotonic());
  if (!left_out.has_value()) return;
  spdlog::error("{}: {} (left out before: {})", rpc, status.ToString(), *left_out);
}

void EdgeLog::RefusedCredential(const char* rpc, absl::FunctionRef<std::string()> what) {
  const std::optional<int64_t> left_out = refusals_.Take(SystemClock().Monotonic());
  if (!left_out.has_value()) return;
  spdlog::warn("{}: no valid credential {} (left out before: {})", rpc, what(), *left_out);
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
