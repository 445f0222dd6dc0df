#include "server/engine/job.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace bursar {

Disposition Job::DecideWithoutWallet(EngineCore&, const DecisionContext&) {
  return {absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\"")),
          nullptr};
}

// Only jobs with a request id are repeated.
void Job::RepeatStaged(const GroupPart&, const StagedRequest&) { BURSAR_CHECK(false); }

bool Job::RepeatRemembered(const RememberedRequest&) {
  BURSAR_CHECK(false);
  return false;
}

absl::Status Job::ReadReplay(const Store&, JournalCache&) { return absl::OkStatus(); }

absl::Status Job::ReadCharge(const Store& store, JournalCache& cache) {
  absl::StatusOr<const Entry*> entry = cache.Find(store, organization_id, NamedCharge());
  if (!entry.ok()) return entry.status();
  if (*entry != nullptr && std::holds_alternative<UsageCharged>((*entry)->body)) charge = **entry;
  return absl::OkStatus();
}

}  // namespace bursar
