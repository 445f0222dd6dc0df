// What time alone does, and what ends an episode.
#include <algorithm>

#include "server/ledger/charging.h"
#include "server/ledger/ledger.h"
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
         std::holds_alternative<ExtraUsageUpdated>(body) ||
         std::holds_alternative<OrganizationUpdated>(body);
}

std::string EndCause(const EntryBody& body) {
  if (std::holds_alternative<CreditGranted>(body)) return "credit";
  if (std::holds_alternative<EntryReversed>(body)) return "refund";
  if (std::holds_alternative<SpendLimitSet>(body)) return "limit";
  if (std::holds_alternative<MonthOpened>(body)) return "period";
  return "settings";
}

// Expired credit, pending seats and settings, and the end of an episode with its month.
std::vector<DueEntry> DuesButHolds(const WalletHeader& header, absl::Time now) {
  std::vector<DueEntry> dues;
  for (const CreditGrant& grant : header.grants) {
    if (grant.expires_at <= now) {
      dues.push_back({grant.expires_at, CreditExpired{grant.sequence, grant.remaining}});
    }
  }
  for (const PendingSeat& seat : header.pending_seats) {
    if (seat.effective_at > now) break;
    dues.push_back({seat.effective_at, PendingChangeApplied{std::nullopt, seat}});
  }
  if (header.pending_settings.has_value() && header.pending_settings->effective_at <= now) {
    dues.push_back({header.pending_settings->effective_at,
                    PendingChangeApplied{header.pending_settings, std::nullopt}});
  }
  if (const absl::Time month_end = header.month.month.end;
      header.PoolReopensWithMonth() && month_end <= now) {
    const bool credit_first =
        std::any_of(header.grants.begin(), header.grants.end(),
                    [&](const CreditGrant& grant) { return grant.expires_at <= month_end; });
    if (credit_first) {
      // Credit that expires before may be all there is: decided anew once that is journaled.
      std::erase_if(dues, [&](const DueEntry& due) { return due.at > month_end; });
    } else {
      dues.push_back({month_end, EpisodeEnded{header.episode->sequence, "period"}});
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

std::vector<DueEntry> CaptureAtExpiry(const Wallet& wallet, const Hold& hold,
                                      const DecisionContext& context) {
  DecisionContext then = context;
  then.now = std::max(hold.expires_at, wallet.header.last_entry_at);
  std::vector<DueEntry> dues;
  for (EntryBody& body : CaptureHold(wallet, hold, then)) {
    dues.push_back({then.now, std::move(body)});
  }
  return dues;
}

}  // namespace

std::vector<std::string> MembersDue(const Wallet& wallet, absl::Time now) {
  std::vector<std::string> members;
  for (const PendingSeat& seat : wallet.header.pending_seats) {
    if (seat.effective_at > now || members.size() >= kMaxDueEntries) break;
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
  std::vector<DueEntry> dues = DuesButHolds(header, context.now);
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
  // At one instant holds come last: what else happens then is in force when they end.
  std::stable_sort(dues.begin(), dues.end(),
                   [](const DueEntry& a, const DueEntry& b) { return a.at < b.at; });
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
  if (IsPoolUsedUp(header, context)) {
    // Extra usage that is switched off has no pool that could be out.
    const auto* updated = std::get_if<ExtraUsageUpdated>(&*lifting);
    if (updated == nullptr || updated->enabled) return std::nullopt;
  }
  return EpisodeEnded{header.episode->sequence, EndCause(*lifting)};
}

}  // namespace bursar
