#include "server/engine/denial_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/engine/record_codec.h"

namespace bursar {
namespace {

// What makes two denials one.
std::string CauseOf(const CheckAdmissionCommand& command, const Denial& denial) {
  std::string cause = command.member_id;
  for (const std::string* part :
       {&command.surface, &command.provider, &command.model, &denial.scope_id}) {
    cause.append(1, '\0').append(*part);
  }
  absl::StrAppend(&cause, " ", static_cast<int>(denial.reason), " ", static_cast<int>(denial.scope),
                  " ", static_cast<int>(denial.bucket), " ", denial.held, " ",
                  static_cast<int>(command.mode));
  return cause;
}

DeniedCheck DescribeCheck(const CheckAdmissionCommand& command,
                          const CheckAdmissionOutcome& outcome) {
  DeniedCheck check;
  check.member_id = command.member_id;
  check.surface = command.surface;
  check.provider = command.provider;
  check.model = command.model;
  check.parent_session_id = command.parent_session_id;
  check.estimate = command.estimate;
  check.mode = command.mode;
  const Denial& denial = *outcome.denial;
  check.denial.reason = denial.reason;
  check.denial.scope = denial.scope;
  check.denial.scope_id = denial.scope_id;
  check.denial.bucket = denial.bucket;
  check.denial.message = denial.message;
  check.denial.explanation = denial.explanation;
  check.denial.ends_at = denial.ends_at;
  check.denial.retry_helps = denial.retry_helps;
  check.denial.held = denial.held;
  check.denial.http_status = denial.http_status;
  check.denial.admin_answer = denial.admin_answer;
  check.evaluations = outcome.evaluations;
  return check;
}

}  // namespace

void DenialLog::Note(const std::string& organization_id, const Moment& moment,
                     const CheckAdmissionCommand& command, const CheckAdmissionOutcome& outcome) {
  BURSAR_CHECK(outcome.denial.has_value());
  const std::string cause = CauseOf(command, *outcome.denial);
  std::lock_guard lock(mutex_);
  Recent& recent = recent_[organization_id];
  const auto found = recent.by_cause.find(cause);
  const bool again =
      found != recent.by_cause.end() && moment.now < found->second.check.first_at + kDenialFold;
  if (again) {
    ++found->second.check.count;
    found->second.check.last_at = moment.now;
    found->second.changed = true;
    return;
  }
  // One that is over but not written yet stays, under a name that nothing else has.
  if (found != recent.by_cause.end() && found->second.changed) {
    Noted over = std::move(found->second);
    recent.by_cause.erase(found);
    recent.by_cause.emplace(absl::StrCat(cause, " ", over.check.number), std::move(over));
  } else if (found != recent.by_cause.end()) {
    recent.by_cause.erase(found);
    --noted_count_;
  }
  if (recent.by_cause.size() >= kMaxDenialsNoted) ForgetSaved(recent);
  if (recent.by_cause.size() >= kMaxDenialsNoted || noted_count_ >= kMaxDenialsNotedOfAll) {
    ++not_kept_;
    return;
  }
  Noted noted;
  noted.check = DescribeCheck(command, outcome);
  noted.check.request_id = moment.request_id;
  noted.check.first_at = noted.check.last_at = moment.now;
  noted.check.count = 1;
  noted.check.revision = moment.revision;
  noted.check.number = std::max(absl::ToUnixNanos(moment.now), recent.last_number + 1);
  recent.last_number = noted.check.number;
  recent.by_cause.emplace(cause, std::move(noted));
  ++noted_count_;
}

// Makes room: what the store has as it is can only count no further.
void DenialLog::ForgetSaved(Recent& recent) {
  noted_count_ -=
      absl::erase_if(recent.by_cause, [](const auto& noted) { return !noted.second.changed; });
}

std::vector<std::string> DenialLog::OrganizationIds() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [organization_id, recent] : recent_) {
    if (!recent.by_cause.empty()) ids.push_back(organization_id);
  }
  return ids;
}

// What of one organization is to be written; forgets what was written before and can count no
// further. Whoever is denied meanwhile waits for no more than this copying.
std::vector<DeniedCheck> DenialLog::TakeChanged(const std::string& organization_id, absl::Time now,
                                                Taken& taken) {
  std::vector<DeniedCheck> changed;
  std::lock_guard lock(mutex_);
  Recent& recent = recent_[organization_id];
  for (auto noted = recent.by_cause.begin(); noted != recent.by_cause.end();) {
    const DeniedCheck& check = noted->second.check;
    if (noted->second.changed) {
      noted->second.changed = false;
      taken.emplace_back(organization_id, noted->first);
      changed.push_back(check);
    } else if (now >= check.first_at + kDenialFold) {
      recent.by_cause.erase(noted++);
      --noted_count_;
      continue;
    }
    ++noted;
  }
  return changed;
}

// Adds the deletion of what the ring has no room for any more.
absl::Status DenialLog::TrimRings(Store& store, std::vector<AsideChange>& changes) {
  for (AsideChange& change : changes) {
    auto [ring, first] = rings_.try_emplace(change.organization_id);
    if (first) {
      absl::StatusOr<std::vector<RecordRow>> rows =
          store.ScanRecords(change.organization_id, RecordKind::kDenial, "", 2 * kMaxDenialsKept);
      if (!rows.ok()) {
        rings_.erase(ring);
        return rows.status();
      }
      for (RecordRow& row : *rows) ring->second.push_back(std::move(row.id));
    }
    std::sort(change.puts.begin(), change.puts.end(),
              [](const RecordPut& a, const RecordPut& b) { return a.id < b.id; });
    for (const RecordPut& put : change.puts) {
      std::deque<std::string>& ids = ring->second;
      const auto place = std::lower_bound(ids.begin(), ids.end(), put.id);
      if (place == ids.end() || *place != put.id) ids.insert(place, put.id);
    }
    while (ring->second.size() > kMaxDenialsKept) {
      const std::string& oldest = ring->second.front();
      std::erase_if(change.puts, [&](const RecordPut& put) { return put.id == oldest; });
      change.deletes.push_back({RecordKind::kDenial, oldest});
      ring->second.pop_front();
    }
  }
  return absl::OkStatus();
}

absl::Status DenialLog::Save(Store& store, absl::Time now) {
  std::lock_guard save_lock(save_mutex_);
  Taken taken;
  std::vector<AsideChange> changes;
  for (std::string& organization_id : OrganizationIds()) {
    AsideChange change;
    for (const DeniedCheck& check : TakeChanged(organization_id, now, taken)) {
      change.puts.push_back(
          {RecordKind::kDenial, SequenceKey(check.number), EncodeDeniedCheck(check)});
    }
    if (change.puts.empty()) continue;
    change.organization_id = std::move(organization_id);
    changes.push_back(std::move(change));
  }
  if (changes.empty()) return absl::OkStatus();
  absl::Status saved = TrimRings(store, changes);
  if (saved.ok()) saved = store.PutAside(changes);
  if (saved.ok()) return saved;
  std::lock_guard lock(mutex_);
  for (const auto& [organization_id, cause] : taken) {
    Recent& recent = recent_[organization_id];
    if (auto noted = recent.by_cause.find(cause); noted != recent.by_cause.end()) {
      noted->second.changed = true;
    }
  }
  return saved;
}

int64_t DenialLog::not_kept() const {
  std::lock_guard lock(mutex_);
  return not_kept_;
}

absl::StatusOr<std::vector<DeniedCheck>> ReadDenials(const Reader& reader,
                                                     const std::string& organization_id) {
  absl::StatusOr<std::vector<RecordRow>> rows =
      reader.ScanRecords(organization_id, RecordKind::kDenial, "", 2 * kMaxDenialsKept);
  if (!rows.ok()) return rows.status();
  std::vector<DeniedCheck> checks;
  checks.reserve(std::min(rows->size(), kMaxDenialsKept));
  for (auto row = rows->rbegin(); row != rows->rend() && checks.size() < kMaxDenialsKept; ++row) {
    absl::StatusOr<DeniedCheck> check = DecodeDeniedCheck(row->value);
    if (!check.ok()) return check.status();
    checks.push_back(*std::move(check));
  }
  return checks;
}

}  // namespace bursar
