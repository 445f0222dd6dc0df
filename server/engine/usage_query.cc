// Sums of charges, from the journal itself (queries.h).
#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/engine/queries.h"
#include "server/engine/record_codec.h"

namespace bursar {
namespace {

void Add(const UsageCharged& charge, UsageSum& sum) {
  ++sum.record_count;
  sum.cost += charge.cost;
  sum.included += charge.included;
  sum.extra += charge.extra;
  sum.metered += charge.metered;
  if (!charge.usage.has_value()) return;
  const Usage& usage = *charge.usage;
  sum.input += usage.input;
  sum.output += usage.output;
  sum.cache_write_5m += usage.cache_write_5m;
  sum.cache_write_1h += usage.cache_write_1h;
  sum.cache_read += usage.cache_read;
  sum.web_searches += usage.web_searches;
}

// A refund is usage that did not happen after all: it takes its amounts back, and counts as none.
// The record that it refunds stays one, but for the capture of a hold: that was no record, and
// counts no more once it is wholly taken back.
void Add(const EntryReversed& reversed, UsageSum& sum) {
  sum.included -= reversed.included;
  sum.extra -= reversed.extra;
  sum.metered -= reversed.metered;
  sum.cost -= Amount(reversed.included) + reversed.extra + reversed.metered;
}

// The capture of a hold was wholly taken back: it stood for a record that counts itself now.
struct CaptureUndone {};
void Add(const CaptureUndone&, UsageSum& sum) { --sum.record_count; }

// Finds the captures that are wholly taken back within what is summed.
class Captures {
 public:
  void Note(int64_t sequence, const UsageCharged& charge) {
    if (charge.captured) left_[sequence] = charge.cost;
  }
  // Whether that reversal takes the rest of a capture back.
  bool Undoes(const EntryReversed& reversed) {
    const auto capture = left_.find(reversed.reversed_sequence);
    if (capture == left_.end()) return false;
    capture->second -= Amount(reversed.included) + reversed.extra + reversed.metered;
    return capture->second.is_zero();
  }

 private:
  absl::flat_hash_map<int64_t, Amount> left_;  // By the capture's entry.
};

// Sums by what the query asks for.
class UsageAdder {
 public:
  explicit UsageAdder(const UsageQuery& query) : query_(query) {}

  // `facts` says whose and where it is: a charge, or what a reversal knows of one.
  template <typename Facts, typename Body>
  void AddBody(const Facts& facts, const Body& body, UsageReport& report) {
    // One zero byte between the parts: none of them can hold one.
    key_.clear();
    if (query_.by_member) key_ += facts.member_id;
    key_ += '\0';
    if (query_.by_surface) key_ += facts.surface;
    key_ += '\0';
    if (query_.by_model) key_.append(facts.provider).append(1, '\0').append(facts.model);
    auto [found, added] = rows_.try_emplace(key_, report.rows.size());
    if (added) {
      UsageSum& row = report.rows.emplace_back();
      if (query_.by_member) row.member_id = facts.member_id;
      if (query_.by_surface) row.surface = facts.surface;
      if (query_.by_model) row.provider = facts.provider;
      if (query_.by_model) row.model = facts.model;
    }
    Add(body, report.rows[found->second]);
    Add(body, report.total);
  }

 private:
  const UsageQuery& query_;
  absl::flat_hash_map<std::string, size_t> rows_;  // Into the report's rows.
  std::string key_;
};

bool ComesBefore(const UsageSum& a, const UsageSum& b) {
  if (a.cost != b.cost) return a.cost > b.cost;
  return std::tie(a.member_id, a.surface, a.provider, a.model) <
         std::tie(b.member_id, b.surface, b.provider, b.model);
}

}  // namespace

absl::StatusOr<UsageReport> QueryUsage(Store& store, const std::string& organization_id,
                                       const UsageQuery& query) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<std::vector<LoadedValue>> header =
      (*snapshot)->Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
  if (!header.ok()) return header.status();
  if (header->front().state != LoadState::kFound) {
    return absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\""));
  }
  absl::StatusOr<StoredHeader> stored = DecodeHeader(header->front().value);
  if (!stored.ok()) return stored.status();
  UsageReport report;
  report.revision = stored->header.revision;
  report.as_of = stored->header.last_entry_at;

  absl::StatusOr<std::unique_ptr<JournalCursor>> cursor =
      (*snapshot)->ReadJournal(organization_id, 1, Direction::kForward);
  if (!cursor.ok()) return cursor.status();
  UsageAdder adder(query);
  Captures captures;
  while (true) {
    absl::StatusOr<std::optional<JournalRecord>> record = (*cursor)->Next();
    if (!record.ok()) return record.status();
    if (!record->has_value()) break;
    // A record is dated as its last entry is.
    if ((*record)->committed_at < query.start) continue;
    absl::StatusOr<DecodedJournal> journal = DecodeJournal((*record)->record);
    if (!journal.ok()) return journal.status();
    if (journal->entries.front().recorded_at >= query.end) break;
    for (const Entry& entry : journal->entries) {
      if (entry.recorded_at < query.start || entry.recorded_at >= query.end) continue;
      if (const auto* charge = std::get_if<UsageCharged>(&entry.body)) {
        adder.AddBody(*charge, *charge, report);
        captures.Note(entry.sequence, *charge);
      } else if (const auto* reversed = std::get_if<EntryReversed>(&entry.body)) {
        adder.AddBody(reversed->facts, *reversed, report);
        if (captures.Undoes(*reversed)) adder.AddBody(reversed->facts, CaptureUndone(), report);
      }
    }
  }
  std::sort(report.rows.begin(), report.rows.end(), ComesBefore);
  return report;
}

}  // namespace bursar
