#include "server/engine/webhook_secrets.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "bursar/storage/v1/system.pb.h"
#include "server/base/random_bytes.h"
#include "server/base/sha256.h"

namespace bursar {
namespace {

constexpr char kKeyName[] = "webhook_key";
constexpr size_t kKeyBytes = 32;
// What tells this use of the key from any other.
constexpr char kPurpose[] = "bursar webhook secret 1";

}  // namespace

absl::StatusOr<WebhookSecrets> WebhookSecrets::Load(Store& store) {
  absl::StatusOr<std::optional<std::string>> stored = store.GetSystem(kKeyName);
  if (!stored.ok()) return stored.status();
  storage::v1::WebhookKeyRecord record;
  if (stored->has_value()) {
    if (!record.ParseFromString(**stored) || record.key().size() != kKeyBytes) {
      return absl::DataLossError("the store's key of webhook secrets is damaged");
    }
    return WebhookSecrets(record.key());
  }
  absl::StatusOr<std::string> key = RandomBytes(kKeyBytes);
  if (!key.ok()) return key.status();
  record.set_key(*key);
  if (absl::Status s = store.PutSystem({{kKeyName, record.SerializeAsString()}}); !s.ok()) return s;
  return WebhookSecrets(*std::move(key));
}

std::string WebhookSecrets::Secret(const std::string& organization_id, const std::string& target_id,
                                   int64_t sequence) const {
  const std::string zero(1, '\0');
  const std::string secret = HmacSha256(
      key_, absl::StrCat(kPurpose, zero, organization_id, zero, target_id, zero, sequence));
  return absl::StrCat("whsec_", absl::Base64Escape(secret));
}

std::vector<std::string> WebhookSecrets::InForce(const std::string& organization_id,
                                                 const WebhookTarget& target,
                                                 absl::Time now) const {
  std::vector<std::string> secrets = {
      Secret(organization_id, target.target_id, target.secret_sequence)};
  if (target.previous_secret_sequence != 0 && now < target.previous_secret_until) {
    secrets.push_back(Secret(organization_id, target.target_id, target.previous_secret_sequence));
  }
  return secrets;
}

}  // namespace bursar
