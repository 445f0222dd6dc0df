// Delivery of notices, put together from the settings: transports, deliverer, threads.
//
// Thread rule: made and ended by one thread; Stats and Stop may be called from any.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/delivery_options.h"
#include "server/engine/engine.h"
#include "server/http/metrics.h"

namespace bursar {

class DeliveryService {
 public:
  // Starts to deliver. `allow_loopback`: webhooks may go to this machine. Engine and clock outlive
  // it. Errors: those of ReadSmtpPassword.
  static absl::StatusOr<std::unique_ptr<DeliveryService>> Start(const DeliveryOptions& options,
                                                                bool allow_loopback, Engine* engine,
                                                                const Clock* clock);
  virtual ~DeliveryService() = default;

  // Attempts under way have until `grace`; nothing new begins. Idempotent.
  virtual void Stop(absl::Duration grace) = 0;
  virtual void CollectMetrics(MetricWriter* writer) const = 0;
};

}  // namespace bursar
