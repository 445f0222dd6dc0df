// What Bursar keeps on disk, behind one interface: organizations with a revision each, their
// records, their journal, the request ids they remember, the notices they owe and when they are
// next due. The store knows keys and revisions; what the values mean is its users' affair.
//
// Promises, the same for every implementation and proved by one contract suite
// (tests/storage/store_contract.h):
//   * A commit is all or nothing for each organization, is a compare-and-set on the organization's
//     revision, and is durable when Commit returns. One organization's conflict or duplicate never
//     fails another's.
//   * A write whose result is unknown latches the store: it writes nothing more until it is opened
//     again. A failed sync is never tried again, because the kernel may have dropped the pages.
//   * A read shows only what is committed, and each call answers as of one moment.
//
// Thread rule: commits and other writes may come from any thread and are taken one at a time; every
// read may be called from any thread, at any time. A cursor belongs to one thread at a time.
//
// Source: rules R2, R3, T3 and J1 (docs/rules.md); bytes on disk: docs/storage_format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bursar {

// What a record of an organization is. PERSISTED in keys: never renumber, never reuse a number.
// The store treats every kind but kHeader alike; 0 is never valid.
enum class RecordKind : uint8_t {
  // The organization's one header. Its id is empty; it cannot be deleted, only replaced.
  kHeader = 1,
  kMember = 2,
  kHold = 3,
  kCredit = 4,
  kLimit = 5,
  kEpisode = 6,
  kRequest = 7,  // For more; open.
  kDenial = 8,
  kStatement = 9,
  kUsage = 10,
  kDelivery = 11,
  kChannel = 12,
  kEndedHold = 13,
  kReversal = 14,
  kDecidedRequest = 17,
  kPayment = 19,
};

// The family of calls within which a request id is unique (rule R2): one id may serve a check and
// its record. PERSISTED in keys: never renumber, never reuse a number.
enum class RequestFamily : uint8_t {
  kRecording = 1,
  kAdmission = 2,
  kAdministration = 3,
};

// Longest organization id, in bytes. It is not empty and holds no zero byte.
inline constexpr size_t kMaxOrganizationIdBytes = 256;
// Longest id of a record, request, notice or system record, in bytes. Any bytes are allowed.
inline constexpr size_t kMaxIdBytes = 1024;
// A request id is remembered at least this long after the commit that brought it (rule R2).
inline constexpr absl::Duration kDedupeRetention = absl::Hours(24 * 36);

// ---------------------------------------------------------------------------------------------
// Commits

// Writes one record, replacing the one of the same kind and id.
struct RecordPut {
  RecordKind kind = RecordKind::kHeader;
  std::string id;  // Empty for the header, and only for it.
  std::string value;
};

// Deletes one record. Deleting one that is not there is normal.
struct RecordDelete {
  RecordKind kind = RecordKind::kMember;
  std::string id;
};

// Remembers a request id with the value to answer a repetition with.
struct DedupePut {
  RequestFamily family = RequestFamily::kRecording;
  std::string request_id;  // Not empty.
  std::string value;
};

// Puts a notice into the organization's outbox, replacing the one of the same id.
struct OutboxPut {
  std::string notice_id;  // Not empty.
  std::string value;
};

// One organization's part of a group.
struct OrganizationCommit {
  std::string organization_id;
  // The revision that the commit was decided on; 0 = the organization must not exist yet.
  int64_t expected_revision = 0;
  // The revision after it: the last journal sequence it brings. Greater than the expected one, or
  // equal to it for a commit that changes nothing and only remembers request ids (rule R2): it
  // brings `dedupe`, leaves everything else empty, needs an organization that exists, and leaves
  // its records, journal, outbox and due instant as they are.
  int64_t new_revision = 0;
  // One opaque record that covers the sequences expected_revision + 1 … new_revision.
  std::string journal_record;
  // Deletes are applied before puts. An id is at most once in each list.
  std::vector<RecordPut> puts;
  std::vector<RecordDelete> deletes;
  // No (family, request id) twice.
  std::vector<DedupePut> dedupe;
  // Deletes are applied before puts; deleting a notice that is not there is normal.
  std::vector<OutboxPut> outbox_puts;
  std::vector<std::string> outbox_deletes;
  // When time alone next changes the organization (rule T3); none = never. Replaces what was set.
  std::optional<absl::Time> next_due;
  // Drawn at random by the caller; kept with the journal record, so that a commit whose result is
  // unknown can be recognized later.
  uint64_t nonce = 0;
  // Not before 1970. Decides how long the request ids are remembered.
  absl::Time committed_at;
};

// What is made durable together, by one sync. An organization appears at most once.
struct CommitGroup {
  std::vector<OrganizationCommit> organizations;
};

// A request id of a refused commit that is remembered already.
struct DuplicateRequest {
  RequestFamily family = RequestFamily::kRecording;
  std::string request_id;
  std::string first_value;  // What was remembered with it the first time.
};

enum class CommitOutcome {
  kCommitted,
  // The organization is at another revision than expected. Checked before duplicates.
  kConflict,
  // Some request ids are remembered already; nothing of this organization was written.
  kDuplicate,
};

// What became of one organization of a group.
struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  // The organization's revision now: the new one when committed, the one found otherwise (0 = the
  // organization does not exist).
  int64_t current_revision = 0;
  // kDuplicate only: every id of the commit that was remembered, in the commit's order.
  std::vector<DuplicateRequest> duplicates;
};

// ---------------------------------------------------------------------------------------------
// Reads

// Whether a read may wait for the disk.
enum class LoadMode {
  // Never touches the disk; a key that would need it is answered with kWouldBlock.
  kMemoryOnly,
  kMayBlock,
};

// Names one value to load: a record, or a remembered request id.
struct LoadKey {
  static LoadKey Header(std::string organization_id) {
    return Record(std::move(organization_id), RecordKind::kHeader, "");
  }
  static LoadKey Member(std::string organization_id, std::string member_id) {
    return Record(std::move(organization_id), RecordKind::kMember, std::move(member_id));
  }
  static LoadKey Record(std::string organization_id, RecordKind kind, std::string id) {
    LoadKey key;
    key.organization_id = std::move(organization_id);
    key.kind = kind;
    key.id = std::move(id);
    return key;
  }
  static LoadKey Dedupe(std::string organization_id, RequestFamily family, std::string request_id) {
    LoadKey key;
    key.organization_id = std::move(organization_id);
    key.is_dedupe = true;
    key.family = family;
    key.id = std::move(request_id);
    return key;
  }

  std::string organization_id;
  bool is_dedupe = false;
  RecordKind kind = RecordKind::kHeader;             // When it is a record.
  RequestFamily family = RequestFamily::kRecording;  // When it is a remembered request id.
  std::string id;
};

enum class LoadState { kFound, kAbsent, kWouldBlock };

// The answer to one LoadKey.
struct LoadedValue {
  LoadState state = LoadState::kAbsent;
  std::string value;  // When found.
  // For the header only: the organization's revision at the moment of the read, 0 = no such
  // organization. (An organization without a header is kAbsent with a revision.)
  int64_t revision = 0;
};

// One journal record and what the store keeps with it.
struct JournalRecord {
  int64_t first_sequence = 0;
  int64_t last_sequence = 0;  // Inclusive; the organization's revision after the commit.
  uint64_t nonce = 0;
  absl::Time committed_at;
  std::string record;
};

// Walks an organization's journal. It shows the journal as it was when the cursor was made.
class JournalCursor {
 public:
  virtual ~JournalCursor() = default;
  // The next record in the cursor's direction; none at the end, and from then on.
  virtual absl::StatusOr<std::optional<JournalRecord>> Next() = 0;
};

enum class Direction { kForward, kBackward };
// ReadJournal's from_sequence for «from the last record».
inline constexpr int64_t kLastSequence = INT64_MAX;

struct OrganizationRow {
  std::string organization_id;
  int64_t revision = 0;
  std::string header;  // Empty when it was never put.
};

struct RecordRow {
  std::string id;
  std::string value;
};

struct OutboxRow {
  std::string organization_id;
  std::string notice_id;
  std::string value;
};

struct DueRow {
  absl::Time due;
  std::string organization_id;
};

struct SystemRow {
  std::string key;
  std::string value;
};

// Everything that can be read, of the store as it is now or of a snapshot. Each call answers as of
// one moment; different calls on the store itself may see different moments.
//
// Errors of every call: DATA_LOSS when what is on disk is damaged, INVALID_ARGUMENT when an id is
// malformed, UNAVAILABLE when the disk cannot be read.
class Reader {
 public:
  virtual ~Reader() = default;

  // Several values at once; the answers are in the order of the keys. Absence is an answer, not an
  // error, and so is kWouldBlock.
  virtual absl::StatusOr<std::vector<LoadedValue>> Load(const std::vector<LoadKey>& keys,
                                                        LoadMode mode) const = 0;

  // The organization's revision; 0 = no such organization.
  virtual absl::StatusOr<int64_t> Revision(const std::string& organization_id) const = 0;

  // A cursor whose first record is: forward, the one that contains `from_sequence`, or the first
  // after it when none does; backward, the one that contains it, or the last before it.
  // An organization that does not exist has an empty journal.
  virtual absl::StatusOr<std::unique_ptr<JournalCursor>> ReadJournal(
      const std::string& organization_id, int64_t from_sequence, Direction direction) const = 0;

  // At most `limit` organizations with ids greater than `after` ("" = from the first), by id.
  virtual absl::StatusOr<std::vector<OrganizationRow>> ScanOrganizations(const std::string& after,
                                                                         size_t limit) const = 0;

  // At most `limit` records of one kind with ids greater than `after`, by id (bytewise). The
  // header is not reached this way (INVALID_ARGUMENT).
  virtual absl::StatusOr<std::vector<RecordRow>> ScanRecords(const std::string& organization_id,
                                                             RecordKind kind,
                                                             const std::string& after,
                                                             size_t limit) const = 0;

  // At most `limit` notices of one organization with ids greater than `after`, by id.
  virtual absl::StatusOr<std::vector<OutboxRow>> ScanOutbox(const std::string& organization_id,
                                                            const std::string& after,
                                                            size_t limit) const = 0;
  // The same over all organizations, by (organization, notice); starts after the notice named by
  // both arguments (both empty = from the first).
  virtual absl::StatusOr<std::vector<OutboxRow>> ScanAllOutboxes(
      const std::string& after_organization_id, const std::string& after_notice_id,
      size_t limit) const = 0;

  // At most `limit` organizations due at or before `until`, by (due, id).
  virtual absl::StatusOr<std::vector<DueRow>> Due(absl::Time until, size_t limit) const = 0;

  // One record that belongs to no organization; none when it was never put.
  virtual absl::StatusOr<std::optional<std::string>> GetSystem(const std::string& key) const = 0;
  // All of those whose key starts with `prefix` ("" = all), by key. There are few.
  virtual absl::StatusOr<std::vector<SystemRow>> ScanSystem(const std::string& prefix) const = 0;
};

// The store as it was at one moment, for long reads. It must not outlive its store, and costs disk
// space while it lives. Request ids are the exception to its fixedness: those that are forgotten
// meanwhile (ForgetDedupe) may be gone from it too.
class Snapshot : public Reader {};

// A change of one record that belongs to no organization (price books, plan catalogs, tokens).
struct SystemChange {
  std::string key;                   // Not empty.
  std::optional<std::string> value;  // None deletes; deleting what is not there is normal.
};

// A change of one notice outside any commit: what became of its delivery.
struct OutboxChange {
  std::string organization_id;
  std::string notice_id;             // Not empty.
  std::optional<std::string> value;  // None deletes; deleting what is not there is normal.
};

// A change of an organization's records that stand beside its journal: what a journal does not fold
// to (denials), so that no revision vouches for them.
struct AsideChange {
  std::string organization_id;
  // Of kind kDenial only. Deletes are applied before puts. An id is at most once in each list.
  std::vector<RecordPut> puts;
  std::vector<RecordDelete> deletes;
};

// A backup of the store.
struct BackupInfo {
  uint32_t backup_id = 0;  // Rises from backup to backup of one directory.
  absl::Time created_at;
  int64_t bytes = 0;  // Of all its files, those shared with other backups included.
  int64_t file_count = 0;
  int64_t group = 0;  // The last write group that it holds for certain.
};

// What was found when the store was opened.
struct OpenReport {
  std::string location;  // Directory or address, for messages.
  bool created = false;  // There was nothing before.
  bool read_only = false;
  // The log ended in the middle of a write that was never acknowledged (a crash does that).
  bool torn_tail = false;
  int64_t torn_bytes = 0;
  std::string torn_file;
  // Numbers of the store's write groups: the last one found, and the last one that the watermark
  // vouched for.
  int64_t last_group = 0;
  int64_t watermark_group = 0;
  // The latest committed_at of any organization's commit; InfinitePast when there is none.
  absl::Time last_committed_at = absl::InfinitePast();

  // One or two sentences for the log and for people.
  std::string Describe() const;
};

// The store.
class Store : public Reader {
 public:
  // Commits a group and waits until it is durable. The results are in the order of the group's
  // organizations. An empty group does nothing.
  //
  // INVALID_ARGUMENT: the group is malformed (our own mistake): nothing was written, and the store
  // goes on. Any other error: the result of the WHOLE group is unknown, and the store has latched:
  // this and every later write fails with the same status until the store is opened again.
  virtual absl::StatusOr<std::vector<CommitResult>> Commit(const CommitGroup& group) = 0;

  // Changes system records: all or nothing, durable on return. A key is at most once in the list.
  // Errors as for Commit.
  virtual absl::Status PutSystem(const std::vector<SystemChange>& changes) = 0;

  // Changes notices without touching their organizations' revisions: all or nothing, durable on
  // return. A change of an organization that does not exist is left out. A notice is at most once
  // in the list. The last change wins, so writers keep each other apart themselves. Errors as for
  // Commit.
  virtual absl::Status ChangeOutbox(const std::vector<OutboxChange>& changes) = 0;

  // Changes records beside the journals: all or nothing, durable on return, whatever the revisions
  // are. An organization is at most once in the list; whether it exists is not looked at. Errors as
  // for Commit.
  virtual absl::Status PutAside(const std::vector<AsideChange>& changes) = 0;

  // Forgets request ids that are past their retention at `now`, and never one that is not. Cheap,
  // and idempotent; call it a few times a day. A `now` earlier than one given before does nothing.
  // Errors as for Commit.
  virtual absl::Status ForgetDedupe(absl::Time now) = 0;

  // Makes a backup in a directory on this machine, beside what is read and written meanwhile, and
  // reads it back; then deletes all but the newest `keep` backups there (0: none). It holds at
  // least what was durable when the call began. ABORTED while another one runs; UNAVAILABLE when a
  // disk fails; DATA_LOSS when it does not read back; UNIMPLEMENTED where the database has backups
  // of its own.
  virtual absl::StatusOr<BackupInfo> BackUp(const std::string& directory, uint32_t keep) = 0;
  // The backups in a directory, oldest first; none where there is no such directory.
  virtual absl::StatusOr<std::vector<BackupInfo>> ListBackups(
      const std::string& directory) const = 0;

  // A fixed view of the store as it is now. UNAVAILABLE when none can be made.
  virtual absl::StatusOr<std::unique_ptr<Snapshot>> NewSnapshot() const = 0;

  // OK, or the status that the store latched itself with. Reads go on working when latched, but
  // may show a group whose result is unknown.
  virtual absl::Status health() const = 0;

  // What was found when the store was opened.
  virtual const OpenReport& open_report() const = 0;
};

}  // namespace bursar
