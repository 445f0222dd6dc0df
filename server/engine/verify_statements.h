// The part of `bursar verify` that is about statements (rule S4): a second way of adding up, by the
// instants of entries and not by their places.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "server/ledger/entry.h"
#include "storage/store.h"

namespace bursar {

class StatementVerifier {
 public:
  // Called with the entry and what is wrong.
  using Violate = std::function<void(int64_t sequence, const std::string& message)>;
  explicit StatementVerifier(Violate violate) : violate_(std::move(violate)) {}

  // Every entry of the journal, in order.
  void Visit(const Entry& entry);
  // Afterwards: the records of final statements are what their entries say.
  absl::Status CompareRecords(const Reader& reader, const std::string& organization_id);

 private:
  void Check(const Entry& entry, const StatementFinalized& statement);

  const Violate violate_;
  StatementTotals since_;  // Since the last final statement.
  absl::Time earliest_counted_ = absl::InfiniteFuture();
  absl::Time latest_counted_ = absl::InfinitePast();
  absl::Time covered_until_ = absl::InfinitePast();
  std::map<std::string, std::string> records_;  // As they must be stored, by id.
};

}  // namespace bursar
