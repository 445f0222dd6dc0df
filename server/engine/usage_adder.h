// Adds journal entries up into the rows of a usage query (usage_query.h). Only that query uses it.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/engine/usage_query.h"

namespace bursar {

class UsageAdder {
 public:
  // Both outlive the adder.
  UsageAdder(const UsageQuery& query, UsageReport& report);

  // Adds what the entry counts for; most count for nothing. Entries come in the journal's order.
  void Add(const Entry& entry);
  // Whether there were more rows than the query may make. Nothing is to be added then.
  bool IsFull() const { return full_; }

 private:
  // What a row and the total get.
  struct Delta {
    int64_t record_count = 0;
    Amount cost, included, extra, metered, refunded;
    const Usage* usage = nullptr;  // Null: none.
    // Where meters play a part: which, and how much.
    std::string meter;
    int64_t quantity = 0;
  };
  // A list of wanted names; empty: all.
  struct Filter {
    explicit Filter(const std::vector<std::string>& names) : wanted(names.begin(), names.end()) {}
    bool Admits(const std::string& name) const { return wanted.empty() || wanted.contains(name); }
    absl::flat_hash_set<std::string> wanted;
  };

  void AddCharge(const Entry& entry, const UsageCharged& charge);
  void AddReversal(const Entry& entry, const EntryReversed& reversed);
  // Whether that reversal takes back the rest of a captured hold that this query counted.
  bool UndoesCapture(const EntryReversed& reversed);
  template <typename Facts>
  bool IsWanted(const Facts& facts) const;
  // `facts` says whose and where it is: a charge, or what a reversal knows of one.
  template <typename Facts>
  void AddTo(const Facts& facts, absl::Time recorded_at, const Delta& delta);
  template <typename Facts>
  UsageSum* FindRow(const Facts& facts, const Delta& delta);
  void MoveTo(absl::Time recorded_at);
  static void Apply(const Delta& delta, UsageSum& sum);

  const UsageQuery& query_;
  UsageReport& report_;
  const bool by_parts_;  // Meters play a part.
  const Filter members_, surfaces_, providers_, models_, tiers_, meters_;
  absl::flat_hash_map<std::string, size_t> rows_;  // Into the report's rows.
  std::string key_;
  Window period_;  // The hour or day of the entry before, and its month: mostly this one's too.
  Window month_;
  // What is left of captures that were taken back in parts, by the capture's entry.
  absl::flat_hash_map<int64_t, Amount> captures_;
  bool full_ = false;
};

}  // namespace bursar
