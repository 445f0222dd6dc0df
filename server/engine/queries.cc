#include "server/engine/queries.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/engine/record_codec.h"

namespace bursar {
namespace {

absl::Status UnknownOrganization(const std::string& organization_id) {
  return absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\""));
}

absl::StatusOr<WalletHeader> LoadHeader(const Reader& reader, const std::string& organization_id) {
  absl::StatusOr<std::vector<LoadedValue>> loaded =
      reader.Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state != LoadState::kFound) return UnknownOrganization(organization_id);
  absl::StatusOr<StoredHeader> stored = DecodeHeader(loaded->front().value);
  if (!stored.ok()) return stored.status();
  return std::move(stored->header);
}

// Whether an entry is about a member.
bool IsAbout(const EntryBody& body, const std::string& member_id) {
  if (const auto* opened = std::get_if<EpisodeOpened>(&body)) return opened->member_id == member_id;
  const std::vector<std::string> touched = MembersTouched(body);
  return std::find(touched.begin(), touched.end(), member_id) != touched.end();
}

bool IsAbout(const Entry& entry, const JournalFilter::Admission& admission) {
  if (HoldTouched(entry) == admission.hold_sequence) return true;
  // What was recorded too late named it, and touched nothing.
  const auto* charge = std::get_if<UsageCharged>(&entry.body);
  return charge != nullptr && charge->admission_id == admission.admission_id;
}

bool IsWanted(const Entry& entry, const JournalFilter& filter) {
  if (entry.recorded_at < filter.start || entry.recorded_at >= filter.end) return false;
  if (filter.body_index.has_value() && entry.body.index() != *filter.body_index) return false;
  if (filter.admission.has_value() && !IsAbout(entry, *filter.admission)) return false;
  if (!filter.request_id.empty() && entry.cause.request_id != filter.request_id) return false;
  return filter.member_id.empty() || IsAbout(entry.body, filter.member_id);
}

// Collects wanted entries until the page is full.
class PageReader {
 public:
  PageReader(const JournalFilter& filter, JournalPage& page) : filter_(filter), page_(page) {}

  // False: nothing further in the cursor's direction can be wanted.
  bool MayHold(const JournalRecord& record) const {
    // A record is dated as its last entry is, and instants never decrease along a journal.
    return filter_.ascending || record.committed_at >= filter_.start;
  }
  // False: the page is full.
  bool Add(DecodedJournal journal) {
    if (!filter_.ascending) std::reverse(journal.entries.begin(), journal.entries.end());
    for (Entry& entry : journal.entries) {
      if (IsPast(entry) || !IsWanted(entry, filter_)) continue;
      if (static_cast<int>(page_.items.size()) == filter_.limit) {
        page_.more = true;
        return false;
      }
      page_.items.push_back({std::move(entry), journal.chain_hash});
    }
    return true;
  }
  bool IsBeyondEnd(const DecodedJournal& journal) const {
    return filter_.ascending && journal.entries.front().recorded_at >= filter_.end;
  }

 private:
  // On an earlier page.
  bool IsPast(const Entry& entry) const {
    if (filter_.after_sequence == 0) return false;
    return filter_.ascending ? entry.sequence <= filter_.after_sequence
                             : entry.sequence >= filter_.after_sequence;
  }

  const JournalFilter& filter_;
  JournalPage& page_;
};

int64_t FirstSequence(const JournalFilter& filter) {
  if (filter.ascending) {
    // Nothing is about an admission before the entry that placed its hold.
    const int64_t first = filter.admission.has_value() ? filter.admission->hold_sequence : 1;
    return std::max(filter.after_sequence + 1, first);
  }
  return filter.after_sequence == 0 ? kLastSequence : filter.after_sequence - 1;
}

// Places in lists of notices: organization ids hold no slash.
constexpr char kPlaceSeparator = '/';

absl::StatusOr<std::vector<OutboxRow>> ScanNotices(const Store& store,
                                                   const std::string& organization_id,
                                                   const std::string& after, size_t limit) {
  const size_t separator = after.find(kPlaceSeparator);
  if (!after.empty() && separator == std::string::npos) {
    return absl::InvalidArgumentError("the place in the list of notices is malformed");
  }
  const std::string after_organization = after.substr(0, after.empty() ? 0 : separator);
  const std::string after_notice = after.empty() ? "" : after.substr(separator + 1);
  if (organization_id.empty())
    return store.ScanAllOutboxes(after_organization, after_notice, limit);
  return store.ScanOutbox(organization_id, after_notice, limit);
}

}  // namespace

absl::StatusOr<std::vector<WalletHeader>> ListOrganizations(Store& store, const std::string& after,
                                                            int limit) {
  absl::StatusOr<std::vector<OrganizationRow>> rows =
      store.ScanOrganizations(after, static_cast<size_t>(std::max(limit, 1)));
  if (!rows.ok()) return rows.status();
  std::vector<WalletHeader> headers;
  headers.reserve(rows->size());
  for (const OrganizationRow& row : *rows) {
    absl::StatusOr<StoredHeader> stored = DecodeHeader(row.header);
    if (!stored.ok()) return stored.status();
    headers.push_back(std::move(stored->header));
  }
  return headers;
}

absl::StatusOr<MemberPage> ListMembers(Store& store, const std::string& organization_id,
                                       const std::string& after, int limit) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<WalletHeader> header = LoadHeader(**snapshot, organization_id);
  if (!header.ok()) return header.status();
  MemberPage page;
  page.header = *std::move(header);
  const size_t most = static_cast<size_t>(std::max(limit, 1));
  absl::StatusOr<std::vector<RecordRow>> rows =
      (*snapshot)->ScanRecords(organization_id, RecordKind::kMember, after, most + 1);
  if (!rows.ok()) return rows.status();
  page.more = rows->size() > most;
  if (page.more) rows->pop_back();
  for (const RecordRow& row : *rows) {
    absl::StatusOr<Member> member = DecodeMember(row.value);
    if (!member.ok()) return member.status();
    page.members.push_back(*std::move(member));
  }
  return page;
}

absl::StatusOr<JournalPage> ReadJournal(Store& store, const std::string& organization_id,
                                        const JournalFilter& filter) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<WalletHeader> header = LoadHeader(**snapshot, organization_id);
  if (!header.ok()) return header.status();
  JournalPage page;
  page.revision = header->revision;
  page.as_of = header->last_entry_at;
  absl::StatusOr<std::unique_ptr<JournalCursor>> cursor =
      (*snapshot)->ReadJournal(organization_id, FirstSequence(filter),
                               filter.ascending ? Direction::kForward : Direction::kBackward);
  if (!cursor.ok()) return cursor.status();
  PageReader reader(filter, page);
  while (true) {
    absl::StatusOr<std::optional<JournalRecord>> record = (*cursor)->Next();
    if (!record.ok()) return record.status();
    if (!record->has_value() || !reader.MayHold(**record)) return page;
    absl::StatusOr<DecodedJournal> journal = DecodeJournal((*record)->record);
    if (!journal.ok()) return journal.status();
    if (reader.IsBeyondEnd(*journal) || !reader.Add(*std::move(journal))) return page;
  }
}

absl::StatusOr<NoticePage> ListNotices(Store& store, const std::string& organization_id,
                                       const std::string& after, int limit) {
  const size_t most = static_cast<size_t>(std::max(limit, 1));
  absl::StatusOr<std::vector<OutboxRow>> rows =
      ScanNotices(store, organization_id, after, most + 1);
  if (!rows.ok()) return rows.status();
  NoticePage page;
  if (rows->size() > most) {
    rows->pop_back();
    page.next = absl::StrCat(rows->back().organization_id, "/", rows->back().notice_id);
  }
  for (OutboxRow& row : *rows) {
    absl::StatusOr<StoredNotice> notice = DecodeNotice(row.value);
    if (!notice.ok()) return notice.status();
    page.notices.push_back(
        {std::move(row.notice_id), std::move(row.organization_id), *std::move(notice)});
  }
  return page;
}

}  // namespace bursar
