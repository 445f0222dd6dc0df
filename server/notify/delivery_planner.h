// Whom a notice goes to, and what belongs to it that only long reads can tell.
//
// Thread rule: free functions; they read snapshots and may take long.
//
// Source: rules N2 and N3 (docs/rules.md).
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/engine/outbox.h"

namespace bursar {

// People of one notice that are mailed; further ones of its roles are not.
inline constexpr size_t kMaxMailRecipients = 500;
// Open requests that a digest lists; of further ones it says how many there are.
inline constexpr int kMaxDigestLines = 20;

struct DeliveryPlan {
  Delivery delivery;
  // Whether any channel is on that carries such notices.
  bool has_channel = false;
  // Whether its filters let this one through, be there an address or not.
  bool is_wanted = false;
  // The organization wants no notices at all: mail is off and there is no webhook.
  bool is_switched_off = false;
  // It asks for a payment that has ended meanwhile: nobody is to be asked any more (rule X4).
  bool has_ended = false;

  // Nobody wants to be told, which is another thing than nobody being there to be told.
  bool IsUnwanted() const { return has_ended || is_switched_off || (has_channel && !is_wanted); }
};

// Plans a notice at `now`. `has_mail`: the server has a mail server. A recipient whose address no
// mail can go to is dead from the start, and so in plain sight. NOT_FOUND for an unknown
// organization; otherwise the store's errors.
absl::StatusOr<DeliveryPlan> PlanDelivery(Engine& engine, const NoticeName& name,
                                          const StoredNotice& notice, bool has_mail,
                                          absl::Time now);

// The channels of an organization as they are stored.
absl::StatusOr<NotificationChannels> ReadChannels(Engine& engine,
                                                  const std::string& organization_id);

}  // namespace bursar
