#include "storage/validation.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace bursar {
namespace {

absl::Status Invalid(const std::string& message) {
  return absl::InvalidArgumentError("store: " + message);
}

// Names one thing that may appear only once.
using Name = std::pair<int, std::string_view>;

// Sorts the names; true when two are equal.
bool HasTwins(std::vector<Name>& names) {
  if (names.size() < 2) return false;
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

template <typename Change>
absl::Status ValidateRecords(const Change& commit) {
  std::vector<Name> names;
  for (const RecordPut& put : commit.puts) {
    const bool header = put.kind == RecordKind::kHeader;
    if (put.kind == RecordKind{}) return Invalid("a record has no kind");
    if (header != put.id.empty()) return Invalid("exactly the header has an empty record id");
    if (absl::Status s = ValidateId(put.id, "record id", header); !s.ok()) return s;
    names.emplace_back(static_cast<int>(put.kind), put.id);
  }
  if (HasTwins(names)) return Invalid("a record is put twice in one commit");
  names.clear();
  for (const RecordDelete& record : commit.deletes) {
    if (record.kind == RecordKind{}) return Invalid("a record has no kind");
    if (record.kind == RecordKind::kHeader) return Invalid("a header cannot be deleted");
    if (absl::Status s = ValidateId(record.id, "record id"); !s.ok()) return s;
    names.emplace_back(static_cast<int>(record.kind), record.id);
  }
  if (HasTwins(names)) return Invalid("a record is deleted twice in one commit");
  return absl::OkStatus();
}

absl::Status ValidateDedupe(const OrganizationCommit& commit) {
  std::vector<Name> names;
  for (const DedupePut& put : commit.dedupe) {
    if (put.family == RequestFamily{}) return Invalid("a request id has no family");
    if (absl::Status s = ValidateId(put.request_id, "request id"); !s.ok()) return s;
    names.emplace_back(static_cast<int>(put.family), put.request_id);
  }
  if (HasTwins(names)) return Invalid("a request id is twice in one commit");
  return absl::OkStatus();
}

absl::Status ValidateOutbox(const OrganizationCommit& commit) {
  std::vector<Name> names;
  for (const OutboxPut& put : commit.outbox_puts) {
    if (absl::Status s = ValidateId(put.notice_id, "notice id"); !s.ok()) return s;
    names.emplace_back(0, put.notice_id);
  }
  if (HasTwins(names)) return Invalid("a notice is put twice in one commit");
  names.clear();
  for (const std::string& id : commit.outbox_deletes) {
    if (absl::Status s = ValidateId(id, "notice id"); !s.ok()) return s;
    names.emplace_back(0, id);
  }
  if (HasTwins(names)) return Invalid("a notice is deleted twice in one commit");
  return absl::OkStatus();
}

// A commit that leaves the revision remembers request ids, and does nothing else.
absl::Status ValidateUnchanging(const OrganizationCommit& commit) {
  if (commit.expected_revision == 0 || commit.dedupe.empty()) {
    return Invalid("a commit must raise the revision");
  }
  if (!commit.journal_record.empty() || !commit.puts.empty() || !commit.deletes.empty() ||
      !commit.outbox_puts.empty() || !commit.outbox_deletes.empty() ||
      commit.next_due.has_value()) {
    return Invalid("a commit that leaves the revision brings more than request ids");
  }
  return absl::OkStatus();
}

absl::Status ValidateCommit(const OrganizationCommit& commit) {
  if (absl::Status s = ValidateOrganizationId(commit.organization_id); !s.ok()) return s;
  if (commit.expected_revision < 0 || commit.new_revision < commit.expected_revision) {
    return Invalid("a commit must raise the revision");
  }
  if (commit.committed_at < absl::UnixEpoch() || commit.committed_at == absl::InfiniteFuture()) {
    return Invalid("a commit's time is out of range");
  }
  if (commit.new_revision == commit.expected_revision) {
    if (absl::Status s = ValidateUnchanging(commit); !s.ok()) return s;
  }
  if (absl::Status s = ValidateRecords(commit); !s.ok()) return s;
  if (absl::Status s = ValidateDedupe(commit); !s.ok()) return s;
  return ValidateOutbox(commit);
}

}  // namespace

absl::Status ValidateOrganizationId(const std::string& organization_id) {
  if (organization_id.empty() || organization_id.size() > kMaxOrganizationIdBytes ||
      organization_id.find('\0') != std::string::npos) {
    return Invalid("an organization id is empty, too long, or holds a zero byte");
  }
  return absl::OkStatus();
}

absl::Status ValidateId(const std::string& id, const char* what, bool may_be_empty) {
  if ((id.empty() && !may_be_empty) || id.size() > kMaxIdBytes) {
    return Invalid(std::string("a ") + what + " is empty or too long");
  }
  return absl::OkStatus();
}

absl::Status ValidateLoadKey(const LoadKey& key) {
  if (absl::Status s = ValidateOrganizationId(key.organization_id); !s.ok()) return s;
  if (key.is_dedupe) return ValidateId(key.id, "request id");
  const bool header = key.kind == RecordKind::kHeader;
  if (header && !key.id.empty()) return Invalid("a header has no record id");
  return ValidateId(key.id, "record id", header);
}

absl::Status ValidateRecordScan(const std::string& organization_id, RecordKind kind,
                                const std::string& after) {
  if (kind == RecordKind{} || kind == RecordKind::kHeader) {
    return Invalid("records are scanned by a kind other than the header's");
  }
  if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
  return ValidateId(after, "record id", true);
}

absl::Status ValidateGroup(const CommitGroup& group) {
  std::vector<Name> names;
  for (const OrganizationCommit& commit : group.organizations) {
    if (absl::Status s = ValidateCommit(commit); !s.ok()) return s;
    names.emplace_back(0, commit.organization_id);
  }
  if (HasTwins(names)) return Invalid("an organization is twice in one group");
  return absl::OkStatus();
}

absl::Status ValidateAsideChanges(const std::vector<AsideChange>& changes) {
  std::vector<Name> names;
  for (const AsideChange& change : changes) {
    if (absl::Status s = ValidateOrganizationId(change.organization_id); !s.ok()) return s;
    names.emplace_back(0, change.organization_id);
    if (absl::Status s = ValidateRecords(change); !s.ok()) return s;
    for (const RecordPut& put : change.puts) {
      if (put.kind != RecordKind::kDenial) return Invalid("a record belongs to the journal");
    }
    for (const RecordDelete& record : change.deletes) {
      if (record.kind != RecordKind::kDenial) return Invalid("a record belongs to the journal");
    }
  }
  if (HasTwins(names)) return Invalid("an organization is twice in one change");
  return absl::OkStatus();
}

absl::Status ValidateSystemChanges(const std::vector<SystemChange>& changes) {
  std::vector<Name> names;
  for (const SystemChange& change : changes) {
    if (absl::Status s = ValidateId(change.key, "system key"); !s.ok()) return s;
    names.emplace_back(0, change.key);
  }
  if (HasTwins(names)) return Invalid("a system record is changed twice at once");
  return absl::OkStatus();
}

absl::Status ValidateOutboxChanges(const std::vector<OutboxChange>& changes) {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const OutboxChange& change : changes) {
    if (absl::Status s = ValidateOrganizationId(change.organization_id); !s.ok()) return s;
    if (absl::Status s = ValidateId(change.notice_id, "notice id"); !s.ok()) return s;
    if (!names.emplace(change.organization_id, change.notice_id).second) {
      return Invalid("a notice is changed twice at once");
    }
  }
  return absl::OkStatus();
}

}  // namespace bursar
