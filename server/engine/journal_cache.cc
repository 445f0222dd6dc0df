#include "server/engine/journal_cache.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/engine/record_codec.h"

namespace bursar {

absl::StatusOr<const Entry*> JournalCache::Find(const Store& store,
                                                const std::string& organization_id,
                                                int64_t sequence) {
  const bool cached = !entries_.empty() && organization_id_ == organization_id &&
                      entries_.front().sequence <= sequence && sequence <= entries_.back().sequence;
  if (!cached) {
    entries_.clear();
    absl::StatusOr<std::unique_ptr<JournalCursor>> cursor =
        store.ReadJournal(organization_id, sequence, Direction::kForward);
    if (!cursor.ok()) return cursor.status();
    absl::StatusOr<std::optional<JournalRecord>> record = (*cursor)->Next();
    if (!record.ok()) return record.status();
    if (!record->has_value()) return nullptr;
    absl::StatusOr<DecodedJournal> journal = DecodeJournal((*record)->record);
    if (!journal.ok()) return journal.status();
    organization_id_ = organization_id;
    entries_ = std::move(journal->entries);
  }
  const int64_t place = sequence - entries_.front().sequence;
  if (place < 0 || place >= static_cast<int64_t>(entries_.size())) return nullptr;
  return &entries_[static_cast<size_t>(place)];
}

}  // namespace bursar
