// The invariants of rules J2 and B1, on a whole wallet.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "server/ledger/ledger.h"

namespace bursar {

namespace {

class Checker {
 public:
  explicit Checker(const Wallet& wallet) : wallet_(wallet) {}

  std::vector<Violation> Run() {
    CheckCredit();
    CheckMonth();
    CheckRecent();
    CheckNamed();
    CheckHeld();
    CheckStatement();
    CheckSeats();
    CheckRequests();
    CheckPayments();
    return std::move(violations_);
  }

 private:
  void Expect(bool holds, const char* rule, const std::string& message) {
    if (!holds) violations_.push_back({rule, message});
  }
  void ExpectEqual(Amount left, Amount right, const char* rule, const std::string& what) {
    Expect(left == right, rule,
           absl::StrCat(what, ": ", FormatAmount(left), " against ", FormatAmount(right)));
  }

  void CheckCredit() {
    const WalletHeader& header = wallet_.header;
    ExpectEqual(header.totals.credited,
                header.totals.consumed + header.Balance() + header.totals.expired +
                    header.totals.paid_back - header.overdraft - header.totals.overdraft_billed,
                "J2",
                "credits in = consumed + remaining + expired + paid back - overdraft - overdraft "
                "billed");
    Expect(header.overdraft.is_zero() || header.Balance().is_zero(), "X2",
           "there is overdraft beside live credit");
    for (const CreditGrant& grant : header.grants) {
      Expect(grant.remaining.value > 0 && grant.remaining <= grant.amount, "X2",
             absl::StrCat("grant ", grant.sequence, " has an impossible rest"));
    }
  }

  void CheckMonth() {
    const WalletHeader& header = wallet_.header;
    Amount tier_extra, tier_included, member_extra, member_included;
    for (const TierState& tier : header.tiers) {
      if (!(tier.month.month == header.month.month)) continue;
      tier_extra += tier.month.extra;
      tier_included += tier.month.included;
    }
    for (const auto& [member_id, member] : wallet_.members) {
      Amount of_tiers;
      for (const TierSpend& spend : member.tier_spends) of_tiers += spend.extra;
      ExpectEqual(of_tiers, member.month.extra, "J2",
                  absl::StrCat("sum over tiers of member ", member_id));
      if (!(member.month.month == header.month.month)) continue;
      member_extra += member.month.extra;
      member_included += member.month.included;
    }
    ExpectEqual(tier_extra, header.month.extra, "J2", "extra usage: sum over tiers = organization");
    ExpectEqual(member_extra, header.month.extra, "J2",
                "extra usage: sum over members = organization");
    ExpectEqual(tier_included, header.month.included, "J2",
                "included usage: sum over tiers = organization");
    ExpectEqual(member_included, header.month.included, "J2",
                "included usage: sum over members = organization");
  }

  // The sums over tiers and members of one period.
  void CheckPeriod(const char* what, PeriodCounter RecentSpend::*counter,
                   Amount TierRecentSpend::*in_tier) {
    const WalletHeader& header = wallet_.header;
    const PeriodCounter& organization = header.recent.*counter;
    Amount tiers, members;
    for (const TierState& tier : header.tiers) {
      if ((tier.recent.*counter).period == organization.period) {
        tiers += (tier.recent.*counter).extra;
      }
    }
    for (const auto& [member_id, member] : wallet_.members) {
      const PeriodCounter& own = member.recent.*counter;
      Amount of_tiers;
      for (const TierRecentSpend& spend : member.tier_recent) of_tiers += spend.*in_tier;
      ExpectEqual(of_tiers, own.extra, "J2",
                  absl::StrCat("sum over tiers of member ", member_id, " in the ", what));
      if (own.period == organization.period) members += own.extra;
    }
    const auto sum = [&](const char* of) {
      return absl::StrCat("extra usage of the ", what, ": sum over ", of, " = organization");
    };
    ExpectEqual(tiers, organization.extra, "J2", sum("tiers"));
    ExpectEqual(members, organization.extra, "J2", sum("members"));
  }

  void CheckRecent() {
    CheckPeriod("week", &RecentSpend::week, &TierRecentSpend::week);
    CheckPeriod("day", &RecentSpend::day, &TierRecentSpend::day);
  }

  // Surfaces and models: never more than the organization, what is held is the open holds', and
  // the number of limits and the list of temporary ones are what the scopes say.
  void CheckNamed() {
    const WalletHeader& header = wallet_.header;
    std::map<Scope, Amount> month, week, day;
    int64_t limits = 0;
    const NamedScope* before = nullptr;
    for (const NamedScope& named : header.named_scopes) {
      const std::string what =
          absl::StrCat(named.scope == Scope::kSurface ? "surface " : "model ", named.id);
      Expect(before == nullptr || before->scope < named.scope ||
                 (before->scope == named.scope && before->id < named.id),
             "L1", absl::StrCat(what, " is out of order"));
      before = &named;
      limits += static_cast<int64_t>(named.limits.size());
      if (named.month.period == header.month.month) month[named.scope] += named.month.extra;
      if (named.recent.week.period == header.recent.week.period) {
        week[named.scope] += named.recent.week.extra;
      }
      if (named.recent.day.period == header.recent.day.period) {
        day[named.scope] += named.recent.day.extra;
      }
      Expect(!named.month.extra.is_negative() && !named.recent.week.extra.is_negative() &&
                 !named.recent.day.extra.is_negative(),
             "J2", absl::StrCat(what, " spent less than nothing"));
      Amount held;
      for (const auto& [sequence, hold] : wallet_.holds) {
        if (NameOf(hold, named.scope) == named.id) held += hold.extra;
      }
      ExpectEqual(named.held_extra, held, "J2",
                  absl::StrCat("held extra usage: ", what, " = live holds"));
    }
    for (const Scope scope : {Scope::kSurface, Scope::kModel}) {
      Expect(month[scope] <= header.month.extra && week[scope] <= header.recent.week.extra &&
                 day[scope] <= header.recent.day.extra,
             "J2", "surfaces or models spent more than the organization");
    }
    Expect(limits == header.named_limit_count && limits <= kMaxNamedLimits, "L1",
           "the number of limits of surfaces and models is off");
    Expect(std::is_sorted(header.raises.begin(), header.raises.end(),
                          [](const PendingRaise& a, const PendingRaise& b) {
                            return a.expires_at < b.expires_at;
                          }),
           "L4", "temporary limits are out of order");
  }

  // What is held, scope by scope, is the sum of the live holds that reserve there (rules H3, J2).
  void CheckHeld() {
    const WalletHeader& header = wallet_.header;
    Amount all, pool;
    std::map<std::string, Amount> by_tier, by_member, included_by_member;
    std::unordered_map<std::string, int64_t> count_by_member;
    Amount included;
    for (const auto& [sequence, hold] : wallet_.holds) {
      all += hold.extra;
      by_tier[hold.tier_id] += hold.extra;
      by_member[hold.member_id] += hold.extra;
      ++count_by_member[hold.member_id];
      included += hold.included;
      (hold.of_pool ? pool : included_by_member[hold.member_id]) += hold.included;
      Expect(hold.included.value >= 0 && hold.extra.value >= 0, "H3",
             absl::StrCat("hold ", sequence, " holds less than nothing"));
      Expect(hold.expires_at - hold.placed_at <= kMaxHoldTtl, "H3",
             absl::StrCat("hold ", sequence, " lives more than a day"));
      Expect(wallet_.hold_expiries.count({hold.expires_at, sequence}) == 1, "H5",
             absl::StrCat("hold ", sequence, " is not in the order of expiry"));
      Expect(wallet_.FindEndedHold(sequence) == nullptr, "H4",
             absl::StrCat("hold ", sequence, " is both open and ended"));
    }
    ExpectEqual(header.held_extra, all, "J2", "held extra usage: organization = live holds");
    ExpectEqual(header.held_included, pool, "J2", "held included usage: pool = live holds");
    ExpectEqual(wallet_.held_included, included, "J2", "held included usage: all = live holds");
    Expect(wallet_.holds_of_members == count_by_member, "H3",
           "the numbers of open holds by member are off");
    for (const TierState& tier : header.tiers) {
      ExpectEqual(tier.held_extra, by_tier[tier.tier_id], "J2",
                  absl::StrCat("held extra usage: tier ", tier.tier_id, " = live holds"));
    }
    for (const auto& [member_id, member] : wallet_.members) {
      ExpectEqual(member.held_extra, by_member[member_id], "J2",
                  absl::StrCat("held extra usage: member ", member_id, " = live holds"));
      ExpectEqual(member.held_included, included_by_member[member_id], "J2",
                  absl::StrCat("held included usage: member ", member_id, " = live holds"));
    }
    const auto open_count = static_cast<int64_t>(wallet_.holds.size());
    Expect(header.open_hold_count == open_count && open_count <= kMaxOpenHolds &&
               wallet_.hold_expiries.size() == wallet_.holds.size(),
           "H5", "the number of open holds is off");
    Expect(header.next_hold_expiry == (wallet_.hold_expiries.empty()
                                           ? absl::InfiniteFuture()
                                           : wallet_.hold_expiries.begin()->first),
           "H5", "the next expiry of a hold is off");
  }

  // What came in and went out since the last statement leads from its closing credit to the present
  // one (rule S4).
  void CheckStatement() {
    const OpenStatement& open = wallet_.header.statement;
    ExpectEqual(open.opening_balance - open.opening_overdraft + open.totals.CreditChange(),
                wallet_.header.Balance() - wallet_.header.overdraft, "S4",
                "opening credit and what the statement counts = present credit");
  }

  void CheckSeats() {
    const WalletHeader& header = wallet_.header;
    std::map<std::string, int64_t> seats;
    int64_t members = 0;
    int64_t owners = 0;
    int64_t selected = 0;
    for (const auto& [member_id, member] : wallet_.members) {
      if (member.selection_generation != 0 &&
          member.selection_generation == header.selection_generation) {
        ++selected;
      }
      if (IsActiveOwner(member)) ++owners;
      if (member.status == AccountStatus::kRemoved) continue;
      if (member.unseated) continue;
      ++members;
      ++seats[member.tier_id];
    }
    Expect(members == header.member_count, "O3", "the number of members is off");
    Expect(owners == header.owner_count, "O4", "the number of owners is off");
    Expect(selected == header.selected_count, "X1", "the number of selected members is off");
    for (const TierState& tier : header.tiers) {
      Expect(tier.seats == seats[tier.tier_id], "O3",
             absl::StrCat("the number of seats of tier ", tier.tier_id, " is off"));
    }
  }

  // Open requests are those of their members, one for each (rule Q1).
  void CheckRequests() {
    int64_t open_count = 0;
    for (const auto& [member_id, member] : wallet_.members) {
      const IncreaseRequest* open = member.OpenRequest();
      if (open == nullptr) continue;
      ++open_count;
      Expect(IsOpen(open->state) && open->member_id == member_id &&
                 member.status != AccountStatus::kRemoved,
             "Q1", absl::StrCat("the open request of member ", member_id, " cannot be its"));
    }
    Expect(open_count == wallet_.header.open_request_count && open_count <= kMaxOpenRequests, "Q1",
           "the number of open requests is off");
  }

  // At most one reload is in flight, open payments are open, finished ones are credited if and only
  // if they succeeded (rule X4).
  void CheckPayments() {
    const WalletHeader& header = wallet_.header;
    int64_t reloads = 0;
    for (const Payment& payment : header.open_payments) {
      reloads += payment.kind == PaymentKind::kReload ? 1 : 0;
      Expect(payment.IsOpen() && payment.grant_sequence == 0 &&
                 wallet_.payments.count(payment.sequence) == 0,
             "X4", absl::StrCat("payment ", payment.sequence, " is both open and finished"));
    }
    Expect(reloads <= 1, "X4", "more than one reload is in flight");
    for (const auto& [sequence, payment] : wallet_.payments) {
      const bool credited = payment.grant_sequence != 0;
      Expect(!payment.IsOpen() && credited == (payment.state == PaymentState::kSucceeded), "X4",
             absl::StrCat("payment ", sequence, " is credited without success, or the reverse"));
      Expect(payment.charged_back.value >= 0 && payment.charged_back <= payment.amount, "X4",
             absl::StrCat("more of payment ", sequence, " is charged back than it was"));
    }
  }

  const Wallet& wallet_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> CheckInvariants(const Wallet& wallet) { return Checker(wallet).Run(); }

}  // namespace bursar
