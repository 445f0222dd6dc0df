// The invariants of rules J2 and B1, on a whole wallet.
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
    CheckHeld();
    CheckStatement();
    CheckSeats();
    CheckRequests();
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
    ExpectEqual(
        header.totals.credited,
        header.totals.consumed + header.Balance() + header.totals.expired - header.overdraft, "J2",
        "credits in = consumed + remaining + expired - overdraft");
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

  const Wallet& wallet_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> CheckInvariants(const Wallet& wallet) { return Checker(wallet).Run(); }

}  // namespace bursar
