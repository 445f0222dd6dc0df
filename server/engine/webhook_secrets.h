// The secrets that sign webhooks, derived when they are needed.
//
// A secret is a function of a key that is drawn once for the store, of the organization, of the
// target and of the journal entry that gave the target its secret. So no journal, record, backup of
// a wallet or log ever holds one, a target that is removed and made again never gets its old secret
// back, and every server on the same store signs alike.
//
// Thread rule: immutable; every method may be called from any thread.
//
// Source: rule N2 (docs/rules.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/channels.h"
#include "storage/store.h"

namespace bursar {

class WebhookSecrets {
 public:
  // Reads the store's key, or draws and keeps one. DATA_LOSS where it is damaged.
  static absl::StatusOr<WebhookSecrets> Load(Store& store);
  // With that key, 32 bytes.
  explicit WebhookSecrets(std::string key) : key_(std::move(key)) {}

  // The secret of the target that the entry gave it: "whsec_" and base64, as Standard Webhooks
  // writes secrets.
  std::string Secret(const std::string& organization_id, const std::string& target_id,
                     int64_t sequence) const;
  // What signs at `now`: the secret in force, then the one before while it is still good.
  std::vector<std::string> InForce(const std::string& organization_id, const WebhookTarget& target,
                                   absl::Time now) const;

 private:
  std::string key_;
};

}  // namespace bursar
