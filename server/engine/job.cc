#include "server/engine/job.h"

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

}  // namespace bursar
