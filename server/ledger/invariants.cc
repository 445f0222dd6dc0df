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
    CheckSeats();
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

  void CheckHeld() {
    const WalletHeader& header = wallet_.header;
    Amount members, tiers;
    for (const auto& [member_id, member] : wallet_.members) members += member.held_extra;
    for (const TierState& tier : header.tiers) tiers += tier.held_extra;
    ExpectEqual(members, header.held_extra, "J2", "held: sum over members = organization");
    ExpectEqual(tiers, header.held_extra, "J2", "held: sum over tiers = organization");
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

  const Wallet& wallet_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> CheckInvariants(const Wallet& wallet) { return Checker(wallet).Run(); }

}  // namespace bursar
