// The part of AdminService that is about notices on their way: channels, deliveries, resending.
//
// Thread rule: every method may be called from any thread; the object is a plain reference to the
// engine.
//
// Source: rules N1, N2 and A3 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bursar/v1/admin_service.pb.h"
#include "server/base/status.h"
#include "server/engine/engine.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// Whether a webhook may be posted there, as far as text can tell: https, or http to a loopback
// host; a host; no user, password or fragment; at most 512 bytes of printable ASCII. Notes what is
// wrong under `field`.
void CheckWebhookUrl(const std::string& field, const std::string& url, FieldViolations* violations);

absl::StatusOr<SetNotificationChannelsCommand> ReadCommand(
    const v1::SetNotificationChannelsRequest& request);

class DeliveryHandlers {
 public:
  // `engine` outlives this.
  explicit DeliveryHandlers(Engine& engine) : engine_(engine) {}

  // Each is the RPC of its name: validates, asks what the actor may do, fills the response.
  absl::Status GetNotificationChannels(const v1::GetNotificationChannelsRequest& request,
                                       v1::GetNotificationChannelsResponse* response);
  absl::Status SetNotificationChannels(const CallContext& call,
                                       const v1::SetNotificationChannelsRequest& request,
                                       v1::SetNotificationChannelsResponse* response);
  absl::Status ListDeliveries(const CallContext& call, const v1::ListDeliveriesRequest& request,
                              v1::ListDeliveriesResponse* response);
  absl::Status ResendNotice(const v1::ResendNoticeRequest& request,
                            v1::ResendNoticeResponse* response);
  absl::Status SendTestNotice(const CallContext& call, const v1::SendTestNoticeRequest& request,
                              v1::SendTestNoticeResponse* response);

 private:
  // NOT_FOUND for an organization that is unknown.
  absl::Status CheckExists(const std::string& organization_id);

  Engine& engine_;
};

}  // namespace bursar
