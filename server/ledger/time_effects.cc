// What time alone does, and what ends an episode.
#include <algorithm>

#include "server/ledger/charging.h"
#include "server/ledger/digest.h"
#include "server/ledger/ledger.h"
#include "server/ledger/limits.h"
#include "server/ledger/payments.h"
#include "server/ledger/settings_text.h"
#include "server/ledger/statements.h"

namespace bursar {

namespace {

bool CanEndEpisode(const EntryBody& body) {
  if (const auto* month = std::get_if<MonthOpened>(&body)) {
    return month->scope == Scope::kOrganization;
  }
  return std::holds_alternative<CreditGranted>(body) ||
         std::holds_alternative<EntryReversed>(body) ||
         std::holds_alternative<SpendLimitSet>(body) ||
         std::holds_alternative<LimitRaiseExpired>(body) ||
         std::holds_alternative<PeriodsOpened>(body) || std::holds_alternative<PlanChanged>(body) ||
         std::holds_alternative<ExtraUsageUpdated>(body) ||
         std::holds_alternative<OrganizationUpdated>(body);
}

std::string EndCause(const EntryBody& body) {
  if (std::holds_alternative<CreditGranted>(body)) return "credit";
  if (std::holds_alternative<EntryReversed>(body)) return "refund";
  const bool limit = std::holds_alternative<SpendLimitSet>(body) ||
                     std::holds_alternative<LimitRaiseExpired>(body);
  if (limit) return "limit";
  const bool period =
      std::holds_alternative<MonthOpened>(body) || std::holds_alternative<PeriodsOpened>(body);
  if (period) return "period";
  return "settings";
}

// What a temporary limit leaves behind when it expires.
EntryBody RaiseExpiry(const Wallet& wallet, const PendingRaise& raise,
                      const DecisionContext& context) {
  LimitRaiseExpired expired;
  expired.scope = raise.scope;
  expired.scope_id = raise.scope_id;
  expired.period = raise.period;
  const std::optional<LimitLine> line =
      FindLimit(wallet, {raise.scope, raise.scope_id, raise.period}, context);
  if (line.has_value()) {
    SpendLimit base = line->limit;
    base.raise.reset();
    expired.changes.push_back({LimitField(raise.period), LimitText(line->limit), LimitText(base)});
  }
  return expired;
}

// Expired credit and temporary limits, pending seats and settings, lost payments, the digest, and
// the end of an episode with its periods.
std::vector<DueEntry> DuesButHolds(const Wallet& wallet, const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const absl::Time now = context.now;
  std::vector<DueEntry> dues;
  for (const PendingRaise& raise : header.raises) {
    if (raise.expires_at > now || dues.size() >= kMaxDueEntries) break;
    dues.push_back({raise.expires_at, RaiseExpiry(wallet, raise, context)});
  }
  for (const CreditGrant& grant : header.grants) {
    if (grant.expires_at <= now) {
      dues.push_back({grant.expires_at, CreditExpired{grant.sequence, grant.remaining}});
    }
  }
  for (const PendingSeat& seat : header.pending_seats) {
    if (seat.effective_at > now) break;
    dues.push_back({seat.effective_at, PendingChangeApplied{std::nullopt, seat}});
  }
  for (const Payment& payment : header.open_payments) {
    if (payment.times_out_at > now) continue;
    dues.push_back({payment.times_out_at, LosePayment(header, payment)});
  }
  if (header.pending_settings.has_value() && header.pending_settings->effective_at <= now) {
    dues.push_back({header.pending_settings->effective_at,
                    PendingChangeApplied{header.pending_settings, std::nullopt}});
  }
  if (header.next_digest != absl::InfiniteFuture() && header.next_digest <= now) {
    dues.push_back({header.next_digest, DigestDue(header, context)});
  }
  if (const absl::Time reopens = header.PoolReopensAt();
      reopens != absl::InfiniteFuture() && reopens <= now) {
    const bool credit_first =
        std::any_of(header.grants.begin(), header.grants.end(),
                    [&](const CreditGrant& grant) { return grant.expires_at <= reopens; });
    const bool limit_first = !header.raises.empty() && header.raises.front().expires_at <= reopens;
    if (credit_first || limit_first) {
      // Credit that expires before may be all there is, and a limit that returns may be reached:
      // decided anew once that is journaled.
      std::erase_if(dues, [&](const DueEntry& due) { return due.at > reopens; });
    } else {
      dues.push_back({reopens, EpisodeEnded{header.episode->sequence, "period"}});
    }
  }
  return dues;
}

// Adds the holds that expired by `now`, in order. Returns the first that is to be captured, at
// which it stops, or null: what a capture draws depends on everything that falls due before it.
const Hold* AddExpiredHolds(const Wallet& wallet, absl::Time now, std::vector<DueEntry>& dues) {
  const bool captures = wallet.header.settings.hold_expiry_policy == HoldExpiryPolicy::kCapture;
  int added = 0;
  for (const auto& [expires_at, sequence] : wallet.hold_expiries) {
    if (expires_at > now || added == kMaxDueEntries) break;
    const Hold& hold = wallet.holds.at(sequence);
    // A hold of nothing has nothing to capture.
    if (captures && hold.Held().value > 0) return &hold;
    dues.push_back({expires_at, HoldEnded{sequence, hold.member_id, HoldEnd::kExpired,
                                          hold.included, hold.extra}});
    ++added;
  }
  return nullptr;
}

std::vector<DueEntry> DueAt(absl::Time at, std::vector<EntryBody> bodies) {
  std::vector<DueEntry> dues;
  for (EntryBody& body : bodies) dues.push_back({at, std::move(body)});
  return dues;
}

std::vector<DueEntry> CaptureAtExpiry(const Wallet& wallet, const Hold& hold,
                                      const DecisionContext& context) {
  DecisionContext then = context;
  then.now = std::max(hold.expires_at, wallet.header.last_entry_at);
  return DueAt(then.now, CaptureHold(wallet, hold, then));
}

}  // namespace

std::vector<std::string> MembersDue(const Wallet& wallet, absl::Time now) {
  std::vector<std::string> members;
  int raises = 0;
  for (const PendingRaise& raise : wallet.header.raises) {
    if (raise.expires_at > now || raises++ == kMaxDueEntries) break;
    if (raise.scope == Scope::kMember) members.push_back(raise.scope_id);
  }
  int seats = 0;
  for (const PendingSeat& seat : wallet.header.pending_seats) {
    if (seat.effective_at > now || seats++ == kMaxDueEntries) break;
    members.push_back(seat.member_id);
  }
  int holds = 0;
  for (const auto& [expires_at, sequence] : wallet.hold_expiries) {
    if (expires_at > now || holds++ == kMaxDueEntries) break;
    members.push_back(wallet.holds.at(sequence).member_id);
  }
  return members;
}

std::vector<DueEntry> DueEntries(const Wallet& wallet, const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (header.NextDue() > context.now) return {};
  std::vector<DueEntry> dues = DuesButHolds(wallet, context);
  const Hold* capture = nullptr;
  if (header.next_hold_expiry <= context.now) {
    capture = AddExpiredHolds(wallet, context.now, dues);
  }
  if (capture != nullptr) {
    std::erase_if(dues, [&](const DueEntry& due) { return due.at > capture->expires_at; });
  }
  if (header.statement.IsOpen() && header.statement.period.end <= context.now) {
    // A statement is finalized when nothing is due before its end, and before all that comes then.
    const absl::Time end = header.statement.period.end;
    std::erase_if(dues, [end](const DueEntry& due) { return due.at >= end; });
    const bool capture_first = capture != nullptr && capture->expires_at < end;
    if (dues.empty() && !capture_first) {
      return {{std::max(end, header.last_entry_at), FinalizeStatement(header)}};
    }
  }
  if (capture != nullptr && dues.empty()) return CaptureAtExpiry(wallet, *capture, context);
  // What else is due may lift the balance: a reload is decided when nothing is left.
  const absl::Time reload_at = header.NextReload();
  if (dues.empty() && reload_at != absl::InfiniteFuture() && reload_at <= context.now) {
    // Requested now and not at its instant: its verdict is awaited from when it can be sent.
    return {{context.now, RequestReload(header, ReloadCause::kLowBalance, context)}};
  }
  // At one instant holds come last: what else happens then is in force when they end.
  std::stable_sort(dues.begin(), dues.end(),
                   [](const DueEntry& a, const DueEntry& b) { return a.at < b.at; });
  if (!header.statement.IsOpen()) {
    // Credit that expires opens a statement, and what is behind it may lie in another month.
    const auto opens = std::find_if(dues.begin(), dues.end(), [](const DueEntry& due) {
      return std::holds_alternative<CreditExpired>(due.body);
    });
    if (opens != dues.end()) dues.erase(opens + 1, dues.end());
  }
  if (dues.size() > kMaxDueEntries) dues.erase(dues.begin() + kMaxDueEntries, dues.end());
  for (DueEntry& due : dues) due.at = std::max(due.at, header.last_entry_at);
  return dues;
}

std::optional<EntryBody> EpisodeEnd(const WalletHeader& header,
                                    const std::vector<EntryBody>& bodies,
                                    const DecisionContext& context) {
  if (!header.episode.has_value()) return std::nullopt;
  auto lifting = std::find_if(bodies.begin(), bodies.end(), CanEndEpisode);
  if (lifting == bodies.end()) return std::nullopt;
  // Extra usage that is off, by its switch or since the plan has it, has no pool that could be out.
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  const bool off = plan != nullptr && !plan->metered && !header.extra_enabled;
  if (!off && IsPoolUsedUp(header, context)) return std::nullopt;
  return EpisodeEnded{header.episode->sequence, EndCause(*lifting)};
}

}  // namespace bursar
