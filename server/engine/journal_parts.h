// The pieces that records of several kinds of journal entries share. Only the codecs use them.
//
// Thread rule: pure functions.
#pragma once

#include <vector>

#include "server/ledger/entry.h"

namespace bursar {

// Settings before and after, in words.
template <typename Record>
void PutChanges(const std::vector<FieldChange>& changes, Record* out) {
  for (const FieldChange& change : changes) {
    auto* row = out->add_changes();
    row->set_field(change.field);
    row->set_before(change.before);
    row->set_after(change.after);
  }
}

template <typename Record>
std::vector<FieldChange> TakeChanges(const Record& in) {
  std::vector<FieldChange> changes;
  for (const auto& row : in.changes()) {
    changes.push_back({row.field(), row.before(), row.after()});
  }
  return changes;
}

}  // namespace bursar
