// The naive model's windows, months and credit: everything again from the beginning.
#include <algorithm>
#include <map>
#include <set>

#include "tests/ledger/naive_wallet.h"

namespace bursar {

using Kind = NaiveEvent::Kind;

WindowKind NaiveWallet::LongestKind() const {
  for (const WindowKind kind : {WindowKind::kMonth, WindowKind::kWeek, WindowKind::kDay}) {
    for (const SeatTier& tier : plan().seat_tiers) {
      for (const IncludedWindow& window : tier.windows) {
        if (window.kind == kind) return kind;
      }
    }
  }
  for (const SeatTier& tier : plan().seat_tiers) {
    if (!tier.windows.empty()) return WindowKind::kDay;
  }
  return WindowKind::kMonth;
}

Window NaiveWallet::BoundsOf(WindowKind kind, absl::Time instant, absl::Time effect_at) const {
  if (kind == WindowKind::kFiveHours) return FiveHourSession(instant);
  const Settings settings = SettingsAt(effect_at);
  return BillingWindowAt(instant, settings.anchor, kind, *zones_.Find(settings.time_zone));
}

NaiveWallet::Used NaiveWallet::UsedAt(const std::string& member_id, WindowKind kind,
                                      absl::Time instant) const {
  Used used;
  bool any = false;
  const auto open_at = [&](absl::Time when, absl::Time effect_at) {
    if (any && used.window.start <= when && when < used.window.end) return;
    Window window = BoundsOf(kind, when, effect_at);
    if (any && window.start < used.window.end) window.start = used.window.end;
    used = {window, Amount()};
    any = true;
  };
  // Only a plan whose seats have the kind opens a window of it; one that is open counts whatever
  // the plan is.
  const auto has_kind = [kind](const Plan& plan) {
    for (const SeatTier& tier : plan.seat_tiers) {
      for (const IncludedWindow& window : tier.windows) {
        if (window.kind == kind) return true;
      }
    }
    return false;
  };
  std::set<int64_t> counted;  // Charges of this window, while it was open.
  for (const NaiveEvent& event : events_) {
    const bool hold = event.kind == Kind::kHold && event.hold.included.is_positive();
    const bool charge = event.kind == Kind::kCharge && event.included.is_positive();
    if (event.kind == Kind::kReversal && counted.count(event.id) > 0) {
      if (used.window.Contains(event.at)) used.spent -= event.included;
    }
    if (!hold && !charge) continue;
    const bool from_pool = hold ? event.hold.from_pool : event.from_pool;
    if (from_pool != member_id.empty()) continue;
    if (!from_pool && event.member_id != member_id) continue;
    if (has_kind(*event.plan)) {
      const Window before = used.window;
      open_at(event.at, event.effect_at);
      if (!(used.window == before)) counted.clear();
    }
    if (charge && any && used.window.Contains(event.at)) {
      used.spent += event.included;
      counted.insert(event.id);
    }
  }
  open_at(instant, instant == now_ ? effect_at_ : instant);
  return used;
}

NaiveWallet::MonthSum NaiveWallet::SumOf(const std::string& member_id,
                                         const std::string& tier_id) const {
  const Window month = MonthAt(now_);
  MonthSum sum;
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kCharge || event.at < month.start || event.at >= month.end) continue;
    if (!member_id.empty() && event.member_id != member_id) continue;
    if (!tier_id.empty() && event.charge_tier != tier_id) continue;
    sum.extra += event.extra;
    sum.included += event.included;
  }
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kReversal || event.at < month.start || event.at >= month.end) continue;
    const NaiveEvent charge = ChargeEvent(event.id);
    if (charge.at < month.start) continue;
    if (!member_id.empty() && charge.member_id != member_id) continue;
    if (!tier_id.empty() && charge.charge_tier != tier_id) continue;
    sum.extra -= event.extra;
    sum.included -= event.included;
  }
  return sum;
}

NaiveWallet::Credit NaiveWallet::CreditAt(absl::Time instant) const {
  struct Grant {
    absl::Time expires_at;
    Amount left;
  };
  // A piece of a charge and until when the credit that it came from was good.
  struct Piece {
    absl::Time expires_at;
    Amount amount;
    bool accrues = false;  // On a statement: no credit comes back for it.
  };
  std::vector<Grant> grants;                     // In the order in which they were granted.
  std::map<int64_t, std::vector<Piece>> pieces;  // By charge, in the order drawn.
  Credit credit;
  const auto grant_at = [&](Amount amount, absl::Time expires_at) {
    const Amount repaid = Min(credit.overdraft, amount);
    credit.overdraft -= repaid;
    grants.push_back({expires_at, amount - repaid});
  };
  for (const NaiveEvent& event : events_) {
    if (event.effect_at > instant) break;
    if (event.kind == Kind::kCredit) grant_at(event.amount, event.expires_at);
    // What is overdrawn opens the statement.
    const bool bills = event.kind == Kind::kPlan && event.next_plan->funding == Funding::kPostpaid;
    if (bills) credit.overdraft = Amount();
    if (event.kind == Kind::kReversal) {
      // The last drawn piece comes back first. Pieces that are good equally long come together.
      std::map<absl::Time, Amount> back;
      Amount rest = event.extra;
      std::vector<Piece>& drawn = pieces[event.id];
      while (rest.is_positive()) {
        const Amount taken = Min(rest, drawn.back().amount);
        if (!drawn.back().accrues) {
          back[std::max(drawn.back().expires_at, event.at + absl::Hours(24 * 30))] += taken;
        }
        rest -= taken;
        drawn.back().amount -= taken;
        if (drawn.back().amount.is_zero()) drawn.pop_back();
      }
      for (const auto& [expires_at, amount] : back) grant_at(amount, expires_at);
    }
    if (event.kind != Kind::kCharge) continue;
    Amount rest = event.extra;
    while (rest.is_positive()) {
      Grant* next = nullptr;
      for (Grant& grant : grants) {
        if (!grant.left.is_positive() || grant.expires_at <= event.effect_at) continue;
        if (next == nullptr || grant.expires_at < next->expires_at) next = &grant;
      }
      if (next == nullptr) break;
      const Amount taken = Min(rest, next->left);
      next->left -= taken;
      rest -= taken;
      pieces[event.id].push_back({next->expires_at, taken, false});
    }
    const bool accrues = event.plan->funding == Funding::kPostpaid;
    if (!accrues) credit.overdraft += rest;
    if (rest.is_positive()) pieces[event.id].push_back({absl::InfinitePast(), rest, accrues});
  }
  for (const Grant& grant : grants) {
    if (grant.expires_at > instant) credit.balance += grant.left;
  }
  return credit;
}

bool NaiveWallet::EverCredited() const {
  return std::any_of(events_.begin(), events_.end(),
                     [](const NaiveEvent& event) { return event.kind == Kind::kCredit; });
}

Amount NaiveWallet::PoolAllowance(WindowKind kind, const std::string& joining_tier) const {
  Amount sum;
  const auto add = [&](const std::string& tier_id) {
    for (const IncludedWindow& window : Tier(tier_id).windows) {
      if (window.kind == kind) sum += window.amount;
    }
  };
  for (const std::string& member_id : MemberIds()) {
    const MemberState member = MemberAt(member_id, effect_at_);
    if (member.status != AccountStatus::kRemoved && !member.unseated) add(member.tier_id);
  }
  if (!joining_tier.empty()) add(joining_tier);
  return sum;
}

}  // namespace bursar
