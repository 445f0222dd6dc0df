#include "server/engine/explain.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/status.h"
#include "server/engine/record_codec.h"

namespace bursar {
namespace {

// Folds a journal, entry by entry, until told to stop before one.
class Folder {
 public:
  static absl::StatusOr<std::unique_ptr<Folder>> Open(const Store& store,
                                                      const std::string& organization_id) {
    auto folder = std::make_unique<Folder>();
    absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
    if (!snapshot.ok()) return snapshot.status();
    folder->snapshot_ = *std::move(snapshot);
    absl::StatusOr<std::unique_ptr<JournalCursor>> cursor =
        folder->snapshot_->ReadJournal(organization_id, 1, Direction::kForward);
    if (!cursor.ok()) return cursor.status();
    folder->cursor_ = *std::move(cursor);
    return folder;
  }

  // Applies entries while `goes_on(entry)`. The entry that it stopped at, or none at the end.
  template <typename GoesOn>
  absl::StatusOr<std::optional<Entry>> FoldWhile(const GoesOn& goes_on) {
    while (true) {
      absl::StatusOr<std::optional<JournalRecord>> record = cursor_->Next();
      if (!record.ok()) return record.status();
      if (!record->has_value()) return std::nullopt;
      absl::StatusOr<DecodedJournal> journal = DecodeJournal((*record)->record);
      if (!journal.ok()) return journal.status();
      for (Entry& entry : journal->entries) {
        if (!goes_on(entry)) return std::move(entry);
        if (absl::Status s = Apply(wallet_, entry); !s.ok()) return s;
        Forget(entry);
      }
    }
  }

  Wallet& wallet() { return wallet_; }

 private:
  // Holds that ended without a capture are many, and no later entry needs them.
  void Forget(const Entry& entry) {
    const int64_t hold = HoldTouched(entry);
    const EndedHold* ended = hold == 0 ? nullptr : wallet_.FindEndedHold(hold);
    if (ended != nullptr && !ended->capture.has_value()) wallet_.ended_holds.erase(hold);
  }

  std::unique_ptr<Snapshot> snapshot_;
  std::unique_ptr<JournalCursor> cursor_;
  Wallet wallet_;
};

absl::Status NoSuchDecision(const std::string& what) {
  return WithReason(absl::NotFoundError(what), "DECISION_NOT_FOUND");
}

// Applies what had fallen due by the context's instant and was not journaled (rule T3).
absl::Status ApplyDues(Wallet& wallet, const DecisionContext& context) {
  while (true) {
    const std::vector<DueEntry> dues = DueEntries(wallet, context);
    if (dues.empty()) return absl::OkStatus();
    for (const DueEntry& due : dues) {
      absl::Status s = Apply(wallet, {wallet.header.revision + 1, due.at, {}, due.body});
      if (!s.ok()) return s;
    }
  }
}

absl::Status CheckPlan(const WalletHeader& header, const PlanCatalog& plans) {
  if (plans.Find(header.settings.plan_id) != nullptr) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("plan \"", header.settings.plan_id,
                                          "\" is not in the plan catalog of that time"));
}

}  // namespace

absl::StatusOr<ExplainedDecision> ExplainEntry(const Store& store, const Catalogs& catalogs,
                                               const ZoneDatabase& zones,
                                               const std::string& organization_id,
                                               int64_t sequence) {
  absl::StatusOr<std::unique_ptr<Folder>> folder = Folder::Open(store, organization_id);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<std::optional<Entry>> entry =
      (*folder)->FoldWhile([&](const Entry& one) { return one.sequence < sequence; });
  if (!entry.ok()) return entry.status();
  const std::string none = absl::StrCat("entry ", sequence, " is no charge and no placed hold");
  if (!entry->has_value()) return NoSuchDecision(none);
  Wallet& wallet = (*folder)->wallet();
  ExplainedDecision decision;
  decision.sequence = sequence;
  decision.revision = wallet.header.revision;
  decision.decided_at = (*entry)->recorded_at;
  decision.currency_code = wallet.header.settings.currency_code;
  const std::shared_ptr<const PlanCatalog> plans = catalogs.PlansAt(decision.decided_at);
  const DecisionContext context{decision.decided_at, plans.get(), &zones};
  const auto* placed = std::get_if<HoldPlaced>(&(*entry)->body);
  if (placed == nullptr && !std::holds_alternative<UsageCharged>((*entry)->body)) {
    return NoSuchDecision(none);
  }
  if (absl::Status s = CheckPlan(wallet.header, *plans); !s.ok()) return s;
  if (const auto* charge = std::get_if<UsageCharged>(&(*entry)->body)) {
    decision.member_id = charge->member_id;
    decision.charge = *charge;
    decision.explanation = ExplainCharge(wallet, *charge, context);
    return decision;
  }
  decision.hold = placed->hold;
  decision.hold->sequence = sequence;
  decision.member_id = placed->hold.member_id;
  decision.explanation = ExplainHold(wallet, *decision.hold, context);
  return decision;
}

absl::StatusOr<ExplainedDecision> ExplainCheckAt(const Store& store, const Catalogs& catalogs,
                                                 const ZoneDatabase& zones,
                                                 const std::string& organization_id,
                                                 const CheckAdmissionCommand& command,
                                                 absl::Time instant, int64_t revision) {
  absl::StatusOr<std::unique_ptr<Folder>> folder = Folder::Open(store, organization_id);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<std::optional<Entry>> stopped = (*folder)->FoldWhile([&](const Entry& one) {
    return revision == 0 ? one.recorded_at <= instant : one.sequence <= revision;
  });
  if (!stopped.ok()) return stopped.status();
  Wallet& wallet = (*folder)->wallet();
  if (wallet.header.revision == 0) {
    return NoSuchDecision(
        absl::StrCat("there is no organization ", organization_id, ", or it did not exist yet at ",
                     absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", instant, absl::UTCTimeZone())));
  }
  const std::shared_ptr<const PlanCatalog> plans = catalogs.PlansAt(instant);
  const DecisionContext context{instant, plans.get(), &zones};
  if (absl::Status s = CheckPlan(wallet.header, *plans); !s.ok()) return s;
  ExplainedDecision decision;
  decision.revision = wallet.header.revision;
  if (absl::Status s = ApplyDues(wallet, context); !s.ok()) return s;
  if (wallet.FindMember(command.member_id) == nullptr &&
      !wallet.header.settings.auto_provision_members) {
    return WithReason(
        absl::NotFoundError(absl::StrCat("there was no member \"", command.member_id, "\" then")),
        "MEMBER_NOT_FOUND");
  }
  decision.decided_at = instant;
  decision.currency_code = wallet.header.settings.currency_code;
  decision.member_id = command.member_id;
  decision.explanation = ExplainCheck(wallet, command, context);
  return decision;
}

}  // namespace bursar
