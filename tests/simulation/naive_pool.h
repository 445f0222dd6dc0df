// What a prepaid wallet without included usage is, told a second time and as simply as can be: one
// number for the credit, one for what is owed, a list of holds. It reads of the journal only who
// asked for what (amounts, costs, holds) and says by itself what must have come of it. It shares no
// rule with the ledger.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/ledger/entry.h"

namespace bursar {

class NaivePool {
 public:
  // The next entry; what it says otherwise than this model is in `problems()` afterwards.
  void Take(const Entry& entry);

  // Nanos that can still be spent or held at an instant.
  int64_t Available(absl::Time at) const;
  int64_t balance() const { return balance_; }
  int64_t overdraft() const { return overdraft_; }
  const std::vector<std::string>& problems() const { return problems_; }

  // Where each request id was charged: sequences by id.
  const std::map<std::string, std::vector<int64_t>>& charges() const { return charges_; }
  // What each charge cost, and how much of that was taken back.
  struct Charge {
    int64_t cost = 0;
    int64_t taken_back = 0;
  };
  const Charge* FindCharge(int64_t sequence) const;

 private:
  struct OpenHold {
    int64_t left = 0;
    absl::Time expires_at;
  };

  void TakeCharge(const Entry& entry, const UsageCharged& body);
  void TakeHold(const Entry& entry, const HoldPlaced& body);
  void Expect(bool holds, const Entry& entry, const std::string& what);

  int64_t balance_ = 0;
  int64_t overdraft_ = 0;
  std::map<int64_t, OpenHold> holds_;
  std::map<int64_t, Charge> by_sequence_;
  std::map<std::string, std::vector<int64_t>> charges_;
  std::vector<std::string> problems_;
};

}  // namespace bursar
