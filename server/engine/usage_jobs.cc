// Checks and records.
#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/jobs.h"

namespace bursar {
namespace {

// How far the instant of usage may lie from the instant of its recording (rule T2).
constexpr absl::Duration kMaxOccurredAhead = absl::Minutes(5);
constexpr absl::Duration kMaxOccurredBehind = absl::Hours(24 * 35);

// Takes back the promise that the admins know.
void DropNotifiedSentence(CheckAdmissionOutcome& outcome) {
  if (!outcome.denial.has_value()) return;
  std::string& message = outcome.denial->message;
  const std::string_view sentence = kAdminNotifiedSentence;
  const size_t place = message.find(sentence);
  if (place != std::string::npos) message.erase(place, sentence.size());
}

// The later of two parts of one wallet, of which either may be null.
GroupPart* Later(const WalletSlot& slot, GroupPart* a, GroupPart* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return a == slot.gathering.get() ? a : b;
}

}  // namespace

Disposition CheckJob::Decide(Turn& turn) {
  if (command_.estimate_usage.has_value()) {
    absl::StatusOr<PricedUsage> priced =
        turn.core.catalogs().Price(currency_code, command_.provider, command_.model,
                                   *command_.estimate_usage, turn.context.now);
    if (!priced.ok()) return {Prefixed(priced.status(), "estimate"), nullptr};
    command_.estimate = priced->cost;
  }
  if (is_repeat && ShowsLiveHold(turn.slot.wallet, turn.context)) {
    return {absl::OkStatus(), turn.slot.LastPart()};
  }
  absl::StatusOr<Decision<CheckAdmissionOutcome>> decision =
      bursar::Decide(turn.slot.wallet, command_, turn.context);
  if (!decision.ok()) return {decision.status(), nullptr};
  const bool asked_to_validate = command_.validate_only;
  if (!decision->bodies.empty() && !turn.core.TakePlace(*this)) {
    // Too much under way to write anything: the same answer, without an episode and its notice.
    command_.validate_only = true;
    decision = bursar::Decide(turn.slot.wallet, command_, turn.context);
    if (!decision.ok()) return {decision.status(), nullptr};
  }
  if (!decision->bodies.empty()) {
    absl::StatusOr<EngineCore::StagedRange> staged =
        turn.core.Stage(turn.slot, std::move(decision->bodies), MakeCause(), turn.context);
    if (!staged.ok()) return {staged.status(), nullptr};
    // A repeat that places a hold again is remembered already: its content is the same.
    if (decision->outcome.hold.has_value()) {
      ++turn.core.stats().holds_placed;
      if (!is_repeat) {
        turn.core.Remember(turn.slot, *this, staged->last_sequence, "", turn.context.now);
      }
    }
  }
  if (!decision->outcome.admitted && !asked_to_validate) NoteDenial(turn, decision->outcome);
  reply_.outcome = std::move(decision->outcome);
  reply_.position = {turn.slot.wallet.header.revision, turn.context.now};
  EngineStats& stats = turn.core.stats();
  ++(reply_.outcome.admitted ? stats.checks_admitted : stats.checks_denied);
  if (PlacesHold(command_)) return {absl::OkStatus(), turn.slot.LastPart()};
  return WaitAsPlainCheck(turn);
}

// So that it can be listed later (rule D6).
void CheckJob::NoteDenial(Turn& turn, const CheckAdmissionOutcome& outcome) {
  turn.core.denials().Note(
      organization_id, {turn.context.now, turn.slot.wallet.header.revision, idempotency.request_id},
      command_, outcome);
}

// The present state of the live hold that the request placed before (rule H9).
bool CheckJob::ShowsLiveHold(const Wallet& wallet, const DecisionContext& context) {
  const auto found =
      std::find_if(wallet.holds.begin(), wallet.holds.end(), [this](const auto& numbered) {
        return numbered.second.request_id == idempotency.request_id;
      });
  if (found == wallet.holds.end()) return false;
  const Hold& hold = found->second;
  const Bucket overflow = hold.metered ? Bucket::kMetered : Bucket::kExtra;
  reply_.outcome.admitted = true;
  reply_.outcome.bucket = hold.included.value > 0 ? Bucket::kIncluded : overflow;
  reply_.outcome.hold = hold;
  reply_.position = {wallet.header.revision, context.now};
  reply_.replayed = true;
  return true;
}

Disposition CheckJob::WaitAsPlainCheck(Turn& turn) {
  GroupPart* policy = turn.slot.LastPart(&GroupPart::changes_policy);
  GroupPart* episode =
      reply_.outcome.waits_for_episode ? turn.slot.LastPart(&GroupPart::opens_episode) : nullptr;
  GroupPart* waits_for = Later(turn.slot, policy, episode);
  if (waits_for == nullptr) return {absl::OkStatus(), nullptr};
  waits_for_notice_only_ = policy == nullptr;
  if (turn.core.TakePlace(*this)) return {absl::OkStatus(), waits_for};
  if (!waits_for_notice_only_) return {QueueFull(), nullptr};
  DropNotifiedSentence(reply_.outcome);
  return {absl::OkStatus(), nullptr};
}

void CheckJob::Finish(const absl::Status& status) {
  reply_.currency_code = currency_code;
  if (status.ok()) return std::move(done_)(std::move(reply_));
  if (!waits_for_notice_only_) return std::move(done_)(status);
  DropNotifiedSentence(reply_.outcome);
  std::move(done_)(std::move(reply_));
}

std::vector<std::string> RecordJob::NamedMembers(const Wallet* wallet) const {
  if (!command_.member_id.empty() || wallet == nullptr) return {command_.member_id};
  if (const Hold* hold = wallet->FindHold(NamedHold()); hold != nullptr) return {hold->member_id};
  const EndedHold* ended = wallet->FindEndedHold(NamedHold());
  if (ended != nullptr) return {ended->member_id};
  return {};
}

Disposition RecordJob::Decide(Turn& turn) {
  if (absl::Status filled = FillFromAdmission(turn.slot.wallet, command_); !filled.ok()) {
    return {filled, nullptr};
  }
  const absl::Time now = turn.context.now;
  if (command_.occurred_at == absl::InfinitePast()) command_.occurred_at = now;
  if (command_.occurred_at > now + kMaxOccurredAhead ||
      command_.occurred_at < now - kMaxOccurredBehind) {
    return {InvalidField("occurred_at",
                         "must be at most 5 minutes in the future and 35 days in the past"),
            nullptr};
  }
  command_.occurred_at = absl::FromUnixNanos(absl::ToUnixNanos(command_.occurred_at));
  if (command_.usage.has_value()) {
    absl::StatusOr<PricedUsage> priced = turn.core.catalogs().Price(
        currency_code, command_.provider, command_.model, *command_.usage, command_.occurred_at);
    if (!priced.ok()) return {priced.status(), nullptr};
    command_.cost = priced->cost;
    command_.price_card = std::move(priced->card);
    command_.price_fallback = priced->fallback;
  }
  absl::StatusOr<Decision<RecordConsumptionOutcome>> decision =
      bursar::Decide(turn.slot.wallet, command_, turn.context);
  if (!decision.ok()) return {decision.status(), nullptr};
  absl::StatusOr<EngineCore::StagedRange> staged =
      turn.core.Stage(turn.slot, std::move(decision->bodies), MakeCause(), turn.context);
  if (!staged.ok()) return {staged.status(), nullptr};
  reply_.charge = std::move(decision->outcome.charge);
  reply_.sequence = staged->last_sequence;
  reply_.revision = turn.slot.wallet.header.revision;
  if (reply_.charge.hold_sequence != 0 && !reply_.charge.hold_ends) {
    const Hold& open = turn.slot.wallet.holds.at(reply_.charge.hold_sequence);
    reply_.rest = {open.Held(), open.expires_at};
  }
  turn.core.Remember(turn.slot, *this, reply_.sequence, "", turn.context.now);
  EngineStats& stats = turn.core.stats();
  ++stats.records;
  if (reply_.charge.price_fallback) ++stats.price_fallbacks;
  if (reply_.charge.unadmitted) ++stats.unadmitted_records;
  if (reply_.charge.hold_ends) ++stats.holds_settled;
  return {absl::OkStatus(), turn.slot.LastPart()};
}

void RecordJob::RepeatStaged(const GroupPart& part, const StagedRequest& request) {
  const auto* charge = std::get_if<UsageCharged>(&part.entries[request.entry_index].body);
  BURSAR_CHECK(charge != nullptr);
  reply_ = {*charge, request.remembered.sequence, request.remembered.revision, true, {}, {}};
}

bool RecordJob::RepeatRemembered(const RememberedRequest& request) {
  reply_.sequence = request.sequence;
  reply_.revision = request.revision;
  reply_.replayed = true;
  return true;
}

absl::Status RecordJob::ReadReplay(const Store& store, JournalCache& cache) {
  absl::StatusOr<const Entry*> entry = cache.Find(store, organization_id, reply_.sequence);
  if (!entry.ok()) return entry.status();
  const auto* charge = *entry == nullptr ? nullptr : std::get_if<UsageCharged>(&(*entry)->body);
  if (charge == nullptr) {
    return absl::DataLossError(absl::StrCat("request id \"", idempotency.request_id,
                                            "\" is remembered with entry ", reply_.sequence,
                                            ", which is no charge"));
  }
  reply_.charge = *charge;
  return absl::OkStatus();
}

void RecordJob::Finish(const absl::Status& status) {
  reply_.currency_code = currency_code;
  if (status.ok()) return std::move(done_)(std::move(reply_));
  std::move(done_)(status);
}

}  // namespace bursar
