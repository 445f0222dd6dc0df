#include "tests/simulation/naive_pool.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace bursar {

void NaivePool::Expect(bool holds, const Entry& entry, const std::string& what) {
  if (!holds && problems_.size() < 10) {
    problems_.push_back(absl::StrCat("entry ", entry.sequence, ": ", what));
  }
}

int64_t NaivePool::Available(absl::Time at) const {
  int64_t held = 0;
  for (const auto& [sequence, hold] : holds_) {
    if (hold.expires_at > at) held += hold.left;
  }
  return balance_ - overdraft_ - held;
}

const NaivePool::Charge* NaivePool::FindCharge(int64_t sequence) const {
  const auto found = by_sequence_.find(sequence);
  return found == by_sequence_.end() ? nullptr : &found->second;
}

void NaivePool::Take(const Entry& entry) {
  if (const auto* charge = std::get_if<UsageCharged>(&entry.body)) {
    TakeCharge(entry, *charge);
  } else if (const auto* placed = std::get_if<HoldPlaced>(&entry.body)) {
    TakeHold(entry, *placed);
  } else if (const auto* ended = std::get_if<HoldEnded>(&entry.body)) {
    Expect(holds_.erase(ended->hold_sequence) == 1, entry, "ends a hold that is not open");
  } else if (const auto* granted = std::get_if<CreditGranted>(&entry.body)) {
    const int64_t repaid = std::min(overdraft_, granted->amount.value);
    Expect(granted->repaid_overdraft.value == repaid, entry, "repays another overdraft");
    overdraft_ -= repaid;
    balance_ += granted->amount.value - repaid;
  } else if (const auto* reversed = std::get_if<EntryReversed>(&entry.body)) {
    const auto charge = by_sequence_.find(reversed->reversed_sequence);
    Expect(charge != by_sequence_.end(), entry, "takes back what was not charged");
    if (charge == by_sequence_.end()) return;
    charge->second.taken_back +=
        reversed->included.value + reversed->extra.value + reversed->metered.value;
    Expect(charge->second.taken_back <= charge->second.cost, entry, "takes back too much");
  }
}

void NaivePool::TakeCharge(const Entry& entry, const UsageCharged& body) {
  const int64_t cost = body.cost.value;
  const int64_t from_credit = std::min(balance_, cost);
  int64_t drawn = 0;
  for (const GrantDraw& draw : body.grant_draws) drawn += draw.amount.value;
  Expect(drawn == from_credit, entry, "draws otherwise");
  Expect(body.overdraft.value == cost - from_credit, entry, "is overdrawn otherwise");
  balance_ -= from_credit;
  overdraft_ += cost - from_credit;
  by_sequence_[entry.sequence].cost = cost;
  charges_[entry.cause.request_id].push_back(entry.sequence);
  if (body.hold_sequence == 0) return;
  const auto hold = holds_.find(body.hold_sequence);
  Expect(hold != holds_.end(), entry, "settles a hold that is not open");
  if (hold == holds_.end()) return;
  hold->second.left -= std::min(hold->second.left, cost);
  if (body.hold_ends) holds_.erase(hold);
}

void NaivePool::TakeHold(const Entry& entry, const HoldPlaced& body) {
  const int64_t amount = body.hold.included.value + body.hold.extra.value;
  Expect(Available(entry.recorded_at) >= amount, entry, "holds more than there is");
  holds_[entry.sequence] = {amount, body.hold.expires_at};
}

}  // namespace bursar
