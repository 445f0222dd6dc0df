#include "server/engine/rebuild.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/epoch.h"
#include "server/engine/record_codec.h"
#include "server/engine/wallet_records.h"
#include "server/ledger/ledger.h"

namespace bursar {
namespace {

constexpr size_t kPage = 256;
constexpr int64_t kProgressEntries = 10'000;

absl::Status Broken(const std::string& organization_id, int64_t sequence,
                    const std::string& message) {
  return absl::DataLossError(
      absl::StrCat("organization \"", organization_id, "\", entry ", sequence, ": ", message));
}

// Everything of a wallet that is not in its header, moved out of it.
WalletRecords TakeRecords(Wallet& wallet) {
  WalletRecords records;
  for (auto& [id, one] : wallet.members) records.members.push_back(std::move(one));
  for (auto& [sequence, one] : wallet.holds) records.holds.push_back(std::move(one));
  for (auto& [sequence, one] : wallet.ended_holds) records.ended_holds.push_back(std::move(one));
  for (auto& [sequence, one] : wallet.reversals) records.reversals.push_back(std::move(one));
  for (auto& [sequence, one] : wallet.requests) records.requests.push_back(std::move(one));
  for (auto& [sequence, one] : wallet.payments) records.payments.push_back(std::move(one));
  return records;
}

}  // namespace

absl::StatusOr<JournalCommit> JournalCommit::Decode(JournalRecord record) {
  absl::StatusOr<DecodedJournal> journal = DecodeJournal(record.record);
  if (!journal.ok()) return journal.status();
  return JournalCommit{std::move(record), *std::move(journal), {}};
}

LedgerRebuilder::LedgerRebuilder(std::string organization_id, Store* target)
    : organization_id_(std::move(organization_id)),
      target_(target),
      chain_hash_(FirstChainHash(organization_id_)) {}

absl::Status LedgerRebuilder::Add(JournalCommit commit) {
  if (pending_.has_value()) {
    if (absl::Status s = WritePending(false); !s.ok()) return s;
  }
  const JournalRecord& record = commit.record;
  if (record.first_sequence != wallet_.header.revision + 1) {
    return Broken(organization_id_, record.first_sequence,
                  absl::StrCat("entry ", wallet_.header.revision + 1, " should follow"));
  }
  const DecodedJournal& journal = commit.journal;
  const absl::StatusOr<std::string> chain_hash = ExpectedChainHash(chain_hash_, record.record);
  if (!chain_hash.ok()) return chain_hash.status();
  if (*chain_hash != journal.chain_hash) {
    return Broken(organization_id_, record.first_sequence,
                  "the chain hash does not follow from the one before");
  }
  if (journal.entries.back().sequence != record.last_sequence ||
      journal.entries.back().recorded_at != record.committed_at) {
    return Broken(organization_id_, record.last_sequence,
                  "the record holds other entries than it says");
  }
  chain_hash_ = *chain_hash;
  for (const Entry& entry : journal.entries) {
    if (absl::Status s = Apply(wallet_, entry); !s.ok()) {
      return Broken(organization_id_, entry.sequence, std::string(s.message()));
    }
    if (std::holds_alternative<StatementFinalized>(entry.body)) statements_.push_back(entry);
  }
  pending_ = std::move(commit);
  return absl::OkStatus();
}

absl::Status LedgerRebuilder::Finish() {
  return pending_.has_value() ? WritePending(true) : absl::OkStatus();
}

absl::Status LedgerRebuilder::WritePending(bool is_last) {
  JournalCommit pending = *std::exchange(pending_, std::nullopt);
  CommitGroup group;
  OrganizationCommit& commit = group.organizations.emplace_back();
  commit.organization_id = organization_id_;
  commit.expected_revision = revision_;
  commit.new_revision = pending.record.last_sequence;
  commit.journal_record = std::move(pending.record.record);
  commit.nonce = pending.record.nonce;
  commit.committed_at = pending.record.committed_at;
  commit.dedupe = std::move(pending.remembered);
  if (is_last) {
    commit.puts.push_back({RecordKind::kHeader, "", EncodeHeader(wallet_.header, chain_hash_)});
    PutRecords(TakeRecords(wallet_), commit);
    PutStatements(statements_, commit);
    // A hold that ended has no record that would have to go.
    commit.deletes.clear();
    const absl::Time due = wallet_.header.NextDue();
    if (due != absl::InfiniteFuture()) commit.next_due = due;
  }
  const absl::StatusOr<std::vector<CommitResult>> results = target_->Commit(group);
  if (!results.ok()) return results.status();
  if (results->front().outcome != CommitOutcome::kCommitted) {
    return Broken(organization_id_, group.organizations.front().new_revision,
                  results->front().outcome == CommitOutcome::kConflict
                      ? "the organization is in the store already"
                      : "a request id was used before");
  }
  revision_ = group.organizations.front().new_revision;
  return absl::OkStatus();
}

absl::StatusOr<JournalReader> JournalReader::Open(const Reader& source,
                                                  std::string organization_id) {
  absl::StatusOr<std::unique_ptr<JournalCursor>> cursor =
      source.ReadJournal(organization_id, 1, Direction::kForward);
  if (!cursor.ok()) return cursor.status();
  return JournalReader(source, std::move(organization_id), *std::move(cursor));
}

absl::StatusOr<std::optional<JournalCommit>> JournalReader::Next() {
  absl::StatusOr<std::optional<JournalRecord>> record = cursor_->Next();
  if (!record.ok()) return record.status();
  if (!record->has_value()) return std::nullopt;
  absl::StatusOr<JournalCommit> commit = JournalCommit::Decode(**std::move(record));
  if (!commit.ok()) return commit.status();
  if (absl::Status s = FindRemembered(*commit); !s.ok()) return s;
  return commit;
}

// The entries carry request ids, and the store what was replied to them; which family an id was
// used in only the store knows.
absl::Status JournalReader::FindRemembered(JournalCommit& commit) const {
  std::set<std::string> ids;
  for (const Entry& entry : commit.journal.entries) {
    if (!entry.cause.request_id.empty()) ids.insert(entry.cause.request_id);
  }
  std::vector<LoadKey> keys;
  for (const std::string& id : ids) {
    for (const RequestFamily family :
         {RequestFamily::kRecording, RequestFamily::kAdmission, RequestFamily::kAdministration}) {
      keys.push_back(LoadKey::Dedupe(organization_id_, family, id));
    }
  }
  const absl::StatusOr<std::vector<LoadedValue>> loaded = source_->Load(keys, LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  for (size_t i = 0; i < keys.size(); ++i) {
    if ((*loaded)[i].state != LoadState::kFound) continue;
    const absl::StatusOr<RememberedRequest> remembered = DecodeRemembered((*loaded)[i].value);
    if (!remembered.ok()) return remembered.status();
    // Another use of the id, of before it was forgotten or of another family, is another commit's.
    const bool is_of_commit = remembered->revision >= commit.record.first_sequence &&
                              remembered->revision <= commit.record.last_sequence;
    if (is_of_commit) {
      commit.remembered.push_back({keys[i].family, keys[i].id, (*loaded)[i].value});
    }
  }
  return absl::OkStatus();
}

namespace {

absl::Status CopySystemRecords(const Reader& source, Store& target) {
  const absl::StatusOr<std::vector<SystemRow>> rows = source.ScanSystem("");
  if (!rows.ok()) return rows.status();
  for (const SystemRow& row : *rows) {
    if (row.key == kEpochKey) continue;
    if (absl::Status s = target.PutSystem({{row.key, row.value}}); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Takes over one organization's journal.
absl::Status RebuildOrganization(const Reader& source, const OrganizationRow& row,
                                 const RebuildPoint& point, Store& target, RebuildReport& report,
                                 const std::function<void(int64_t)>& progress) {
  absl::StatusOr<JournalReader> journal = JournalReader::Open(source, row.organization_id);
  if (!journal.ok()) return journal.status();
  const auto named = point.last_sequences.find(row.organization_id);
  const int64_t last = named == point.last_sequences.end() ? kLastSequence : named->second;
  LedgerRebuilder rebuilder(row.organization_id, &target);
  int64_t taken = 0;
  while (true) {
    absl::StatusOr<std::optional<JournalCommit>> commit = journal->Next();
    if (!commit.ok()) return commit.status();
    if (!commit->has_value()) break;
    const JournalRecord& record = (*commit)->record;
    if (record.committed_at > point.until || record.last_sequence > last) break;
    const int64_t before = report.entry_count / kProgressEntries;
    report.entry_count += static_cast<int64_t>((*commit)->journal.entries.size());
    taken = record.last_sequence;
    if (absl::Status s = rebuilder.Add(**std::move(commit)); !s.ok()) return s;
    if (report.entry_count / kProgressEntries != before) progress(report.entry_count);
  }
  report.left_out_entries += row.revision - taken;
  ++(taken == 0 ? report.left_out_organizations : report.organization_count);
  return rebuilder.Finish();
}

}  // namespace

absl::StatusOr<RebuildReport> RebuildUntil(const Reader& source, const RebuildPoint& point,
                                           Store& target,
                                           const std::function<void(int64_t)>& progress) {
  for (const auto& [organization_id, sequence] : point.last_sequences) {
    const absl::StatusOr<int64_t> revision = source.Revision(organization_id);
    if (!revision.ok()) return revision.status();
    if (*revision == 0) {
      return absl::NotFoundError(
          absl::StrCat("organization \"", organization_id, "\" is not in the backup"));
    }
  }
  if (absl::Status s = CopySystemRecords(source, target); !s.ok()) return s;
  RebuildReport report;
  std::string after;
  while (true) {
    const absl::StatusOr<std::vector<OrganizationRow>> rows =
        source.ScanOrganizations(after, kPage);
    if (!rows.ok()) return rows.status();
    for (const OrganizationRow& row : *rows) {
      absl::Status s = RebuildOrganization(source, row, point, target, report, progress);
      if (!s.ok()) return s;
    }
    if (rows->size() < kPage) return report;
    after = rows->back().organization_id;
  }
}

}  // namespace bursar
