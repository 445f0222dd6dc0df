// What time alone does, and what ends an episode.
#include <algorithm>

#include "server/ledger/ledger.h"

namespace bursar {

namespace {

struct Due {
  absl::Time at;
  EntryBody body;
};

bool CanEndEpisode(const EntryBody& body) {
  if (const auto* month = std::get_if<MonthOpened>(&body)) {
    return month->scope == Scope::kOrganization;
  }
  return std::holds_alternative<CreditGranted>(body) ||
         std::holds_alternative<SpendLimitSet>(body) ||
         std::holds_alternative<ExtraUsageUpdated>(body) ||
         std::holds_alternative<OrganizationUpdated>(body);
}

std::string EndCause(const EntryBody& body) {
  if (std::holds_alternative<CreditGranted>(body)) return "credit";
  if (std::holds_alternative<SpendLimitSet>(body)) return "limit";
  if (std::holds_alternative<MonthOpened>(body)) return "period";
  return "settings";
}

}  // namespace

std::vector<std::string> MembersDue(const WalletHeader& header, absl::Time now) {
  std::vector<std::string> members;
  for (const PendingSeat& seat : header.pending_seats) {
    if (seat.effective_at > now || members.size() >= kMaxDueEntries) break;
    members.push_back(seat.member_id);
  }
  return members;
}

std::vector<EntryBody> DueEntries(const WalletHeader& header, absl::Time now) {
  if (header.NextDue() > now) return {};
  std::vector<Due> dues;
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
      std::erase_if(dues, [&](const Due& due) { return due.at > month_end; });
    } else {
      dues.push_back({month_end, EpisodeEnded{header.episode->sequence, "period"}});
    }
  }
  std::stable_sort(dues.begin(), dues.end(),
                   [](const Due& a, const Due& b) { return a.at < b.at; });
  std::vector<EntryBody> bodies;
  for (Due& due : dues) {
    if (bodies.size() == kMaxDueEntries) break;
    bodies.push_back(std::move(due.body));
  }
  return bodies;
}

std::optional<EntryBody> EpisodeEnd(const WalletHeader& header,
                                    const std::vector<EntryBody>& bodies,
                                    const DecisionContext& context) {
  if (!header.episode.has_value()) return std::nullopt;
  auto lifting = std::find_if(bodies.begin(), bodies.end(), CanEndEpisode);
  if (lifting == bodies.end()) return std::nullopt;
  for (const Blocker& blocker : OrganizationBlockers(header, context)) {
    if (IsPoolExhausted(blocker.reason)) {
      // Extra usage that is switched off has no pool that could be out.
      const auto* updated = std::get_if<ExtraUsageUpdated>(&*lifting);
      if (updated == nullptr || updated->enabled) return std::nullopt;
    }
  }
  return EpisodeEnded{header.episode->sequence, EndCause(*lifting)};
}

}  // namespace bursar
