// Folding: one journal entry into the state. Every amount is in the entry; nothing is decided here.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/ledger/counting.h"
#include "server/ledger/fold_requests.h"
#include "server/ledger/ledger.h"
#include "server/ledger/payments.h"
#include "server/ledger/statements.h"

namespace bursar {

namespace {

constexpr size_t kBurnHours = 25;
constexpr size_t kBurnDays = 8;

absl::Status DoesNotFit(const Wallet& wallet, const std::string& what) {
  return absl::DataLossError(absl::StrCat("journal of ", wallet.header.organization_id,
                                          ", after entry ", wallet.header.revision, ": ", what));
}

void AddBurn(std::vector<BurnCounters::Bucket>& buckets, int64_t index, size_t keep,
             Amount amount) {
  if (buckets.empty() || buckets.back().index < index) buckets.push_back({index, Amount()});
  buckets.back().spent += amount;
  // What is older than the span that is kept goes, whether or not anything followed it.
  const int64_t oldest = index - static_cast<int64_t>(keep) + 1;
  auto first_kept = std::find_if(buckets.begin(), buckets.end(),
                                 [&](const auto& bucket) { return bucket.index >= oldest; });
  buckets.erase(buckets.begin(), first_kept);
}

void InsertGrant(std::vector<CreditGrant>& grants, CreditGrant grant) {
  // By earliest expiry, then oldest: the order in which they are drawn (rule X2).
  auto after = std::upper_bound(grants.begin(), grants.end(), grant,
                                [](const CreditGrant& a, const CreditGrant& b) {
                                  if (a.expires_at != b.expires_at)
                                    return a.expires_at < b.expires_at;
                                  return a.sequence < b.sequence;
                                });
  grants.insert(after, std::move(grant));
}

WindowCounter& CounterFor(std::vector<WindowCounter>& windows, WindowKind kind) {
  for (WindowCounter& counter : windows) {
    if (counter.kind == kind) return counter;
  }
  windows.push_back({kind, {}, Amount(), 0});
  return windows.back();
}

void CountSeat(WalletHeader& header, const Member& member, int64_t sign) {
  if (IsActiveOwner(member)) header.owner_count += sign;
  if (member.status == AccountStatus::kRemoved) return;
  if (member.unseated) return;
  header.member_count += sign;
  TierFor(header, member.tier_id).seats += sign;
}

void ReplacePendingSeat(WalletHeader& header, const std::string& member_id,
                        const std::optional<PendingSeat>& pending) {
  auto& seats = header.pending_seats;
  seats.erase(std::remove_if(seats.begin(), seats.end(),
                             [&](const PendingSeat& seat) { return seat.member_id == member_id; }),
              seats.end());
  if (!pending.has_value()) return;
  auto after = std::upper_bound(seats.begin(), seats.end(), *pending,
                                [](const PendingSeat& a, const PendingSeat& b) {
                                  if (a.effective_at != b.effective_at)
                                    return a.effective_at < b.effective_at;
                                  return a.member_id < b.member_id;
                                });
  seats.insert(after, *pending);
}

// Folds one kind of body each; `entry` gives sequence and instant.
struct Folder {
  Wallet& wallet;
  const Entry& entry;

  WalletHeader& header() { return wallet.header; }

  // OK for no problem.
  absl::Status Fit(const char* problem) {
    return problem == nullptr ? absl::OkStatus() : DoesNotFit(wallet, problem);
  }

  Member* Find(const std::string& member_id) {
    auto found = wallet.members.find(member_id);
    return found == wallet.members.end() ? nullptr : &found->second;
  }

  absl::Status operator()(const OrganizationCreated& body) {
    if (entry.sequence != 1) return DoesNotFit(wallet, "an organization is created twice");
    header().organization_id = body.organization_id;
    header().created_at = entry.recorded_at;
    header().settings = body.settings;
    header().settings_version = 1;
    return absl::OkStatus();
  }

  absl::Status operator()(const OrganizationUpdated& body) {
    header().settings = body.settings;
    header().pending_settings = body.pending;
    ++header().settings_version;
    return absl::OkStatus();
  }

  absl::Status operator()(const MemberUpserted& body) {
    const Member& settings = body.settings;
    Member* member = Find(settings.member_id);
    if (body.created != (member == nullptr)) {
      return DoesNotFit(wallet, absl::StrCat("member ", settings.member_id,
                                             body.created ? " is created twice" : " is missing"));
    }
    if (member == nullptr) {
      member = &wallet.members[settings.member_id];
    } else {
      CountSeat(header(), *member, -1);
    }
    member->member_id = settings.member_id;
    member->email = settings.email;
    member->display_name = settings.display_name;
    member->tier_id = settings.tier_id;
    member->role = settings.role;
    member->status = settings.status;
    member->time_zone = settings.time_zone;
    member->unseated = settings.unseated;
    member->settings_version = settings.settings_version;
    member->pending_seat = settings.pending_seat;
    CountSeat(header(), *member, +1);
    ReplacePendingSeat(header(), member->member_id, member->pending_seat);
    const bool primary =
        member->role == MemberRole::kPrimaryOwner && member->status != AccountStatus::kRemoved;
    if (primary) {
      header().primary_owner_id = member->member_id;
    } else if (header().primary_owner_id == member->member_id) {
      header().primary_owner_id.clear();
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const ExtraUsageUpdated& body) {
    header().extra_enabled = body.enabled;
    header().audience = body.audience;
    if (body.selection_generation != header().selection_generation) {
      header().selection_generation = body.selection_generation;
      header().selected_count = static_cast<int64_t>(body.selected.size());
      for (const std::string& member_id : body.selected) {
        Member* member = Find(member_id);
        if (member == nullptr) return DoesNotFit(wallet, "a selected member is missing");
        member->selection_generation = body.selection_generation;
      }
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const SpendLimitSet& body) {
    return FoldLimit(wallet, body, entry.sequence);
  }

  absl::Status operator()(const LimitRaiseExpired& body) {
    return FoldRaiseExpiry(wallet, body, entry.sequence);
  }

  absl::Status operator()(const ThresholdNoticed& body) { return FoldThreshold(wallet, body); }

  absl::Status operator()(const PlanChanged& body) { return FoldPlan(header(), body); }

  absl::Status operator()(const PeriodsOpened& body) {
    OpenRecentPeriods(header(), body, entry);
    return absl::OkStatus();
  }

  absl::Status operator()(const CreditGranted& body) {
    const Amount rest = Amount(body.amount) - body.repaid_overdraft;
    if (rest.is_negative() || Amount(body.repaid_overdraft) > header().overdraft) {
      return DoesNotFit(wallet, "a credit repays more overdraft than there is");
    }
    header().overdraft -= body.repaid_overdraft;
    if (body.refund_of != 0) {
      header().totals.consumed -= body.amount;
    } else {
      header().totals.credited += body.amount;
    }
    if (rest.is_positive()) {
      InsertGrant(header().grants, {entry.sequence, body.kind, body.amount, *rest.ToNanos(),
                                    body.expires_at, entry.recorded_at, body.reference});
    }
    return FoldCredit(wallet, entry, body);
  }

  absl::Status operator()(const CreditExpired& body) {
    auto& grants = header().grants;
    auto grant = std::find_if(grants.begin(), grants.end(), [&](const CreditGrant& candidate) {
      return candidate.sequence == body.grant_sequence;
    });
    if (grant == grants.end() || grant->remaining != body.amount) {
      return DoesNotFit(wallet, "a credit expires that is not there");
    }
    header().totals.expired += body.amount;
    grants.erase(grant);
    return absl::OkStatus();
  }

  absl::Status operator()(const WindowOpened& body) {
    std::vector<WindowCounter>* windows = &header().pool_windows;
    if (body.scope == Scope::kMember) {
      Member* member = Find(body.member_id);
      if (member == nullptr) return DoesNotFit(wallet, "the member of a window is missing");
      windows = &member->windows;
    }
    WindowCounter& counter = CounterFor(*windows, body.kind);
    if (counter.spent != body.previous_spent || counter.window.end > body.window.start) {
      if (counter.window.start != counter.window.end) {
        return DoesNotFit(wallet, "a window does not follow the one before it");
      }
    }
    counter.window = body.window;
    counter.spent = Amount();
    counter.opened_sequence = entry.sequence;
    return absl::OkStatus();
  }

  absl::Status operator()(const MonthOpened& body) {
    MonthCounter* month = &header().month;
    if (body.scope == Scope::kSeatTier) month = &TierFor(header(), body.scope_id).month;
    if (body.scope == Scope::kMember) {
      Member* member = Find(body.scope_id);
      if (member == nullptr) return DoesNotFit(wallet, "the member of a month is missing");
      month = &member->month;
      member->tier_spends.clear();
    }
    if (!(*month == body.previous)) {
      return DoesNotFit(wallet, "a month does not follow the one before it");
    }
    *month = MonthCounter{body.month, Amount(), Amount()};
    if (body.scope == Scope::kOrganization) ForgetCountedNames(header(), entry.recorded_at);
    return absl::OkStatus();
  }

  absl::Status DrawGrants(const UsageCharged& body) {
    auto& grants = header().grants;
    for (const GrantDraw& draw : body.grant_draws) {
      auto grant = std::find_if(grants.begin(), grants.end(), [&](const CreditGrant& candidate) {
        return candidate.sequence == draw.grant_sequence;
      });
      if (grant == grants.end() || grant->remaining < draw.amount) {
        return DoesNotFit(wallet, "a charge draws on credit that is not there");
      }
      grant->remaining = Nanos(grant->remaining.value - draw.amount.value);
      if (grant->remaining.value == 0) grants.erase(grant);
      header().totals.consumed += draw.amount;
    }
    header().overdraft += body.overdraft;
    header().totals.consumed += body.overdraft;
    return absl::OkStatus();
  }

  absl::Status operator()(const UsageCharged& body) {
    Member* member = Find(body.member_id);
    if (member == nullptr) return DoesNotFit(wallet, "the member of a charge is missing");
    if (Amount(body.included) + body.extra + body.metered != Amount(body.cost)) {
      return DoesNotFit(wallet, "the parts of a charge do not add up to its cost");
    }
    if (absl::Status status = DrawGrants(body); !status.ok()) return status;
    const Amount overflow = Amount(body.extra) + body.metered;
    TierState& tier = TierFor(header(), body.tier_id);
    for (MonthCounter* month : {&header().month, &tier.month, &member->month}) {
      month->extra += overflow;
      month->included += body.included;
    }
    auto spend = std::find_if(member->tier_spends.begin(), member->tier_spends.end(),
                              [&](const TierSpend& s) { return s.tier_id == body.tier_id; });
    if (spend == member->tier_spends.end()) {
      member->tier_spends.push_back({body.tier_id, overflow});
    } else {
      spend->extra += overflow;
    }
    if (overflow.is_positive()) CountRecent(wallet, *member, tier, body, overflow, entry);
    const bool pool = header().settings.included_scope == IncludedScope::kOrganization;
    for (WindowCounter& counter : pool ? header().pool_windows : member->windows) {
      if (counter.window.Contains(entry.recorded_at)) counter.spent += body.included;
    }
    header().totals.charged += body.cost;
    CountOvershoot(body);
    const int64_t hour = absl::ToUnixSeconds(entry.recorded_at) / 3600;
    AddBurn(header().burn.hours, hour, kBurnHours, overflow);
    AddBurn(header().burn.days, hour / 24, kBurnDays, overflow);
    return body.hold_sequence == 0 ? absl::OkStatus() : SettleHold(body);
  }

  void CountOvershoot(const UsageCharged& body) {
    LifetimeTotals& totals = header().totals;
    switch (body.overshoot_kind) {
      case OvershootKind::kNone:
        return;
      case OvershootKind::kHeld:
        totals.overshoot_held += body.overshoot;
        return;
      case OvershootKind::kSoft:
        totals.overshoot_soft += body.overshoot;
        return;
      case OvershootKind::kUnadmitted:
        totals.overshoot_unadmitted += body.overshoot;
        return;
      case OvershootKind::kPolicy:
        totals.overshoot_policy += body.overshoot;
        return;
    }
  }

  // Changes what is held in every scope that the hold reserves (rule H3).
  absl::Status ChangeHeld(const Hold& hold, Amount included, Amount extra) {
    Member* member = Find(hold.member_id);
    if (member == nullptr) return DoesNotFit(wallet, "the member of a hold is missing");
    Amount& held_included = hold.of_pool ? header().held_included : member->held_included;
    TierState& tier = TierFor(header(), hold.tier_id);
    held_included += included;
    for (Amount* held : {&header().held_extra, &tier.held_extra, &member->held_extra}) {
      *held += extra;
      if (held->is_negative()) return DoesNotFit(wallet, "less than nothing would be held");
    }
    const bool named_fits = ChangeNamedHeld(header(), hold, extra);
    if (!named_fits || held_included.is_negative()) {
      return DoesNotFit(wallet, "less than nothing would be held");
    }
    return absl::OkStatus();
  }

  void NoteExpiries() {
    header().open_hold_count = static_cast<int64_t>(wallet.holds.size());
    header().next_hold_expiry =
        wallet.hold_expiries.empty() ? absl::InfiniteFuture() : wallet.hold_expiries.begin()->first;
  }

  // Takes amounts off an open hold.
  absl::Status ReduceHold(const Hold& hold, Nanos included, Nanos extra) {
    const bool fits =
        included.value >= 0 && included <= hold.included && extra.value >= 0 && extra <= hold.extra;
    if (!fits) return DoesNotFit(wallet, "more is taken off a hold than it holds");
    wallet.TakeOffHold(hold.sequence, included, extra);
    return ChangeHeld(hold, -Amount(included), -Amount(extra));
  }

  // Ends an open hold that holds nothing any more.
  absl::Status EndHold(int64_t sequence, HoldEnd end, std::optional<Reversal> capture) {
    const Hold& hold = wallet.holds.at(sequence);
    if (hold.Held().value != 0) return DoesNotFit(wallet, "a hold ends that still holds something");
    EndedHold& ended = wallet.ended_holds[sequence];
    ended = {sequence,      hold.member_id,    hold.surface,
             hold.provider, hold.model,        hold.parent_session_id,
             end,           entry.recorded_at, std::move(capture)};
    wallet.RemoveHold(sequence);
    NoteExpiries();
    return absl::OkStatus();
  }

  absl::Status SettleHold(const UsageCharged& body) {
    auto found = wallet.holds.find(body.hold_sequence);
    if (found == wallet.holds.end() || found->second.member_id != body.member_id) {
      return DoesNotFit(wallet, "a charge settles a hold that is not open");
    }
    absl::Status status = ReduceHold(found->second, body.released_included, body.released_extra);
    if (!status.ok() || !body.hold_ends) return status;
    if (!body.captured) return EndHold(body.hold_sequence, HoldEnd::kSettled, std::nullopt);
    return EndHold(body.hold_sequence, HoldEnd::kCaptured,
                   ReversalOf(entry.sequence, entry.recorded_at, body));
  }

  absl::Status operator()(const HoldPlaced& body) {
    Hold hold = body.hold;
    hold.sequence = entry.sequence;
    hold.placed_at = entry.recorded_at;
    hold.request_id = entry.cause.request_id;
    if (hold.included.value < 0 || hold.extra.value < 0 || hold.expires_at <= hold.placed_at) {
      return DoesNotFit(wallet, "a hold is placed that holds less than nothing or never lives");
    }
    absl::Status status = ChangeHeld(hold, hold.included, hold.extra);
    if (!status.ok()) return status;
    wallet.InstallHold(std::move(hold));
    NoteExpiries();
    return absl::OkStatus();
  }

  absl::Status operator()(const HoldExtended& body) {
    if (wallet.FindHold(body.hold_sequence) == nullptr) {
      return DoesNotFit(wallet, "a hold is extended that is not open");
    }
    wallet.MoveHoldExpiry(body.hold_sequence, body.expires_at);
    NoteExpiries();
    return absl::OkStatus();
  }

  absl::Status operator()(const HoldEnded& body) {
    auto found = wallet.holds.find(body.hold_sequence);
    if (found == wallet.holds.end()) return DoesNotFit(wallet, "a hold ends that is not open");
    absl::Status status = ReduceHold(found->second, body.included, body.extra);
    return status.ok() ? EndHold(body.hold_sequence, body.end, std::nullopt) : status;
  }

  // The record that keeps what of a charge was reversed.
  Reversal* FindReversal(const EntryReversed& body) {
    if (body.hold_sequence != 0) {
      auto ended = wallet.ended_holds.find(body.hold_sequence);
      if (ended == wallet.ended_holds.end() || !ended->second.capture.has_value()) return nullptr;
      return &*ended->second.capture;
    }
    Reversal& reversal = wallet.reversals[body.reversed_sequence];
    if (reversal.sequence == 0) {
      reversal.sequence = body.reversed_sequence;
      reversal.facts = body.facts;
    }
    return &reversal;
  }

  absl::Status operator()(const EntryReversed& body) {
    Member* member = Find(body.facts.member_id);
    Reversal* reversal = FindReversal(body);
    if (member == nullptr || reversal == nullptr || !(reversal->facts == body.facts)) {
      return DoesNotFit(wallet, "a charge is reversed that is not there");
    }
    reversal->included = Nanos(reversal->included.value + body.included.value);
    reversal->extra = Nanos(reversal->extra.value + body.extra.value);
    reversal->metered = Nanos(reversal->metered.value + body.metered.value);
    const ChargeFacts& facts = reversal->facts;
    if (reversal->included > facts.included || reversal->extra > facts.extra ||
        reversal->metered > facts.metered) {
      return DoesNotFit(wallet, "more of a charge is reversed than it was");
    }
    const Amount overflow = Amount(body.extra) + body.metered;
    header().totals.reversed += overflow + body.included;
    if (body.lowers_month) {
      TierState& tier = TierFor(header(), facts.tier_id);
      for (MonthCounter* month : {&header().month, &tier.month, &member->month}) {
        month->extra -= overflow;
        month->included -= body.included;
      }
      for (TierSpend& spend : member->tier_spends) {
        if (spend.tier_id == facts.tier_id) spend.extra -= overflow;
      }
    }
    if (overflow.is_positive()) {
      UncountRecent(wallet, *member, TierFor(header(), facts.tier_id), body, overflow);
    }
    for (WindowKind kind : body.windows) {
      CounterFor(body.of_pool ? header().pool_windows : member->windows, kind).spent -=
          body.included;
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const ExtraUsageConfirmed& body) {
    Member* member = Find(body.member_id);
    if (member == nullptr) return DoesNotFit(wallet, "the member of a confirmation is missing");
    member->confirmed_until = body.window.end;
    return absl::OkStatus();
  }

  absl::Status operator()(const CrossingNoticed& body) {
    Member* member = Find(body.member_id);
    if (member == nullptr) return DoesNotFit(wallet, "the member of a crossing is missing");
    member->crossing_noticed_until = body.window.end;
    return absl::OkStatus();
  }

  absl::Status operator()(const IncreaseRequested& body) {
    return Fit(FoldRequest(wallet, entry, body));
  }
  absl::Status operator()(const IncreaseDecided& body) {
    return Fit(FoldRequest(wallet, entry, body));
  }
  absl::Status operator()(const MemberSelected& body) { return Fit(FoldRequest(wallet, body)); }
  absl::Status operator()(const EpisodeAnswered& body) {
    return Fit(FoldRequest(wallet, entry, body));
  }

  absl::Status operator()(const NotificationChannelsSet& body) {
    header().channels = body.channels;
    ++header().channels_version;
    for (WebhookTarget& target : header().channels.webhooks) {
      if (target.secret_sequence == 0) target.secret_sequence = entry.sequence;
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const DigestScheduled& body) {
    header().next_digest = body.next;
    return absl::OkStatus();
  }

  absl::Status operator()(const EpisodeOpened& body) {
    if (header().episode.has_value()) return DoesNotFit(wallet, "an episode is open already");
    header().episode = Episode{entry.sequence, entry.recorded_at, body.balance, {}};
    return absl::OkStatus();
  }

  absl::Status operator()(const EpisodeEnded& body) {
    if (!header().episode.has_value() || header().episode->sequence != body.episode_sequence) {
      return DoesNotFit(wallet, "an episode ends that is not open");
    }
    header().episode.reset();
    return absl::OkStatus();
  }

  absl::Status operator()(const PaymentRequested& body) { return FoldPayment(wallet, entry, body); }
  absl::Status operator()(const PaymentSent& body) { return FoldPayment(wallet, entry, body); }
  absl::Status operator()(const PaymentFinished& body) { return FoldPayment(wallet, entry, body); }
  absl::Status operator()(const AutoReloadUpdated& body) {
    return FoldPayment(wallet, entry, body);
  }
  absl::Status operator()(const ChargedBack& body) { return FoldPayment(wallet, entry, body); }
  absl::Status operator()(const LowBalanceNoticed& body) {
    return FoldPayment(wallet, entry, body);
  }

  absl::Status operator()(const StatementOpened& body) {
    return OpenStatementFor(header(), body) ? absl::OkStatus()
                                            : DoesNotFit(wallet, "a statement opens that cannot");
  }

  absl::Status operator()(const StatementFinalized& body) {
    return CloseStatement(header(), body, entry.sequence)
               ? absl::OkStatus()
               : DoesNotFit(wallet, "a statement does not say what the journal adds up to");
  }

  absl::Status operator()(const PendingChangeApplied& body) {
    if (body.settings.has_value()) {
      header().settings.time_zone = body.settings->time_zone;
      header().settings.billing_anchor = body.settings->billing_anchor;
      header().settings.included_scope = body.settings->included_scope;
      header().pending_settings.reset();
      ++header().settings_version;
    }
    if (body.seat.has_value()) {
      Member* member = Find(body.seat->member_id);
      if (member == nullptr) return DoesNotFit(wallet, "the member of a seat change is missing");
      CountSeat(header(), *member, -1);
      member->tier_id = body.seat->to_tier;
      member->pending_seat.reset();
      ++member->settings_version;
      CountSeat(header(), *member, +1);
      ReplacePendingSeat(header(), member->member_id, std::nullopt);
    }
    return absl::OkStatus();
  }
};

}  // namespace

absl::Status Apply(Wallet& wallet, const Entry& entry) {
  WalletHeader& header = wallet.header;
  if (entry.sequence != header.revision + 1) {
    return DoesNotFit(wallet, absl::StrCat("entry ", entry.sequence, " does not follow"));
  }
  if (entry.recorded_at < header.last_entry_at) {
    return DoesNotFit(wallet, absl::StrCat("entry ", entry.sequence, " is older than the last"));
  }
  if ((entry.sequence == 1) != std::holds_alternative<OrganizationCreated>(entry.body)) {
    return DoesNotFit(wallet, "the first entry, and only it, creates the organization");
  }
  absl::Status status = std::visit(Folder{wallet, entry}, entry.body);
  if (!status.ok()) return status;
  CountOnStatement(entry.body, header);
  header.revision = entry.sequence;
  header.last_entry_at = entry.recorded_at;
  return absl::OkStatus();
}

}  // namespace bursar
