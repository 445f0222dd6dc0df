// Verification of stored ledgers (queries.h, rules J1 and J2).
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/base/sha256.h"
#include "server/engine/notice_staging.h"
#include "server/engine/payment_codec.h"
#include "server/engine/queries.h"
#include "server/engine/record_codec.h"
#include "server/engine/request_codec.h"
#include "server/engine/verify_statements.h"

namespace bursar {
namespace {

constexpr size_t kMaxViolationsKept = 100;
constexpr size_t kPage = 512;
constexpr size_t kFingerprintBytes = 16;

// Which part of two headers differs first, for people.
std::string Difference(const WalletHeader& stored, const WalletHeader& folded) {
  if (stored.revision != folded.revision) return "the revision";
  if (stored.last_entry_at != folded.last_entry_at) return "the instant of the last entry";
  if (!(stored.settings == folded.settings)) return "the settings";
  if (stored.settings_version != folded.settings_version) return "the version of the settings";
  if (!(stored.limit == folded.limit)) return "the spend limit";
  if (!(stored.tiers == folded.tiers)) return "the seat tiers";
  if (!(stored.period_limits == folded.period_limits) || !(stored.raises == folded.raises)) {
    return "the spend limits of periods, or the temporary ones";
  }
  if (!(stored.named_scopes == folded.named_scopes)) return "the surfaces and models";
  if (!(stored.recent == folded.recent)) return "the week's or day's counters";
  if (!(stored.noticed == folded.noticed)) return "the thresholds that were noticed";
  if (!(stored.month == folded.month)) return "the month's counters";
  if (!(stored.pool_windows == folded.pool_windows)) return "the pool's windows";
  if (!(stored.grants == folded.grants)) return "the live credit";
  if (stored.overdraft != folded.overdraft) return "the overdraft";
  if (!(stored.episode == folded.episode)) return "the open episode";
  if (!(stored.burn == folded.burn)) return "the recent spend";
  if (!(stored.totals == folded.totals)) return "the lifetime totals";
  if (!(stored.open_payments == folded.open_payments)) return "the open payments";
  if (!(stored.reload == folded.reload)) return "auto-reload";
  if (!(stored.statement == folded.statement)) return "the open statement";
  if (stored.held_extra != folded.held_extra || stored.held_included != folded.held_included ||
      stored.open_hold_count != folded.open_hold_count ||
      stored.next_hold_expiry != folded.next_hold_expiry) {
    return "what is held";
  }
  if (stored.open_request_count != folded.open_request_count) return "the open requests";
  if (!(stored.channels == folded.channels)) return "the channels of notices";
  if (stored.next_digest != folded.next_digest) return "the digest of open requests";
  return "something";
}

// A request id that must be remembered.
struct ChargedRequest {
  RequestFamily family;
  std::string request_id;
  int64_t sequence;  // 0: not known which entry is remembered.
  int64_t found_at;  // The entry that carries the id.
};

// Verifies one organization against a snapshot.
class OrganizationVerifier {
 public:
  OrganizationVerifier(const Reader& reader, const OrganizationRow& row, absl::Time now,
                       std::optional<absl::Time> due, VerifyReport& report)
      : reader_(reader), row_(row), now_(now), due_(due), report_(report) {}

  absl::Status Run() {
    if (absl::Status s = ReadJournal(); !s.ok()) return s;
    if (expected_sequence_ - 1 != row_.revision) {
      Violate("J1", expected_sequence_ - 1,
              absl::StrCat("the journal ends there, the organization is at ", row_.revision));
      folds_ = false;
    }
    CompareHeader();
    if (absl::Status s = CompareMembers(); !s.ok()) return s;
    if (absl::Status s = CompareHolds(); !s.ok()) return s;
    if (folds_) {
      for (const Violation& violation : CheckInvariants(wallet_)) {
        Violate(violation.rule, row_.revision, violation.message);
      }
    }
    if (absl::Status s = CheckRequests(); !s.ok()) return s;
    const absl::Status statements = statements_.CompareRecords(reader_, row_.organization_id);
    if (absl::Status s = Judge(statements); !s.ok()) return s;
    return CheckNotices();
  }

 private:
  void Violate(const std::string& rule, int64_t sequence, const std::string& message) {
    ++report_.violation_count;
    if (report_.violations.size() < kMaxViolationsKept) {
      report_.violations.push_back({row_.organization_id, rule, message, sequence});
    }
  }

  // What the disk lost is a violation; that it cannot be read at all is an error.
  absl::Status Judge(const absl::Status& status) {
    if (!absl::IsDataLoss(status)) return status;
    Violate("J1", expected_sequence_, std::string(status.message()));
    folds_ = false;
    return absl::OkStatus();
  }

  absl::Status ReadJournal() {
    chain_hash_ = FirstChainHash(row_.organization_id);
    absl::StatusOr<std::unique_ptr<JournalCursor>> cursor =
        reader_.ReadJournal(row_.organization_id, 1, Direction::kForward);
    if (!cursor.ok()) return Judge(cursor.status());
    while (true) {
      absl::StatusOr<std::optional<JournalRecord>> record = (*cursor)->Next();
      if (!record.ok()) return Judge(record.status());
      if (!record->has_value()) return absl::OkStatus();
      if (absl::Status s = VisitRecord(**record); !s.ok()) return s;
    }
  }

  absl::Status VisitRecord(const JournalRecord& record) {
    if (record.first_sequence != expected_sequence_) {
      Violate("J1", record.first_sequence,
              absl::StrCat("the journal has a gap: entry ", expected_sequence_, " should follow"));
      folds_ = false;
    }
    expected_sequence_ = record.last_sequence + 1;
    absl::StatusOr<DecodedJournal> journal = DecodeJournal(record.record);
    if (!journal.ok()) {
      Violate("J1", record.first_sequence, std::string(journal.status().message()));
      folds_ = false;
      return absl::OkStatus();
    }
    if (journal->entries.front().sequence != record.first_sequence ||
        journal->entries.back().sequence != record.last_sequence) {
      Violate("J1", record.first_sequence, "a record holds other entries than the store says");
      folds_ = false;
    }
    if (journal->entries.back().recorded_at != record.committed_at) {
      Violate("J1", record.last_sequence, "a record is dated otherwise than its last entry");
    }
    absl::StatusOr<std::string> chain_hash = ExpectedChainHash(chain_hash_, record.record);
    if (!chain_hash.ok()) return Judge(chain_hash.status());
    if (*chain_hash != journal->chain_hash) {
      Violate("J1", record.first_sequence, "the chain hash does not follow from the one before");
    }
    chain_hash_ = journal->chain_hash;
    for (const Entry& entry : journal->entries) {
      if (absl::Status s = VisitEntry(entry); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status VisitEntry(const Entry& entry) {
    ++report_.entry_count;
    if (const auto* charge = std::get_if<UsageCharged>(&entry.body)) {
      ++report_.charge_count;
      CheckAmounts(entry, *charge);
    }
    if (MayOweNotice(entry.body)) notice_causes_.insert(entry.sequence);
    CheckTiling(entry);
    statements_.Visit(entry);
    if (folds_) {
      if (absl::Status s = Apply(wallet_, entry); !s.ok()) {
        Violate("J1", entry.sequence,
                absl::StrCat("an entry does not fit the state before it: ", s.message()));
        folds_ = false;
      }
    }
    return CollectRequest(entry);
  }

  void CheckAmounts(const Entry& entry, const UsageCharged& charge) {
    const Amount buckets = Amount(charge.included) + Amount(charge.extra) + Amount(charge.metered);
    if (buckets != Amount(charge.cost)) {
      Violate("B8", entry.sequence,
              absl::StrCat("a charge of ", FormatAmount(charge.cost), " draws ",
                           FormatAmount(buckets), " from its buckets"));
    }
    Amount drawn = charge.overdraft;
    for (const GrantDraw& draw : charge.grant_draws) drawn += draw.amount;
    // Credit of an earlier plan may cover a part of a postpaid charge (rule O8).
    const Amount beyond = Amount(charge.extra) + Amount(charge.metered);
    const bool part = charge.overdraft.value == 0 && folds_ &&
                      wallet_.header.funding == Funding::kPostpaid && drawn < beyond;
    if (!drawn.is_zero() && drawn != beyond && !part) {
      Violate("X2", entry.sequence,
              absl::StrCat("a charge takes ", FormatAmount(drawn), " from credit for ",
                           FormatAmount(beyond)));
    }
  }

  // Instances of one window or month never overlap, and open while they are current (B4, B5).
  void CheckTiling(const Entry& entry) {
    std::string series;
    Window window;
    if (const auto* opened = std::get_if<WindowOpened>(&entry.body)) {
      series = absl::StrCat("window ", static_cast<int>(opened->scope), " ",
                            static_cast<int>(opened->kind), " ", opened->member_id);
      window = opened->window;
    } else if (const auto* periods = std::get_if<PeriodsOpened>(&entry.body)) {
      if (periods->week.has_value()) CheckTiling(entry, "week", *periods->week);
      if (periods->day.has_value()) CheckTiling(entry, "day", *periods->day);
      return;
    } else if (const auto* month = std::get_if<MonthOpened>(&entry.body)) {
      series = absl::StrCat("month ", static_cast<int>(month->scope), " ", month->scope_id);
      window = month->month;
    } else {
      return;
    }
    CheckTiling(entry, series, window);
  }

  void CheckTiling(const Entry& entry, const std::string& series, const Window& window) {
    if (!window.Contains(entry.recorded_at)) {
      Violate("B4", entry.sequence, "a window opened that does not contain the instant");
    }
    auto [last, first_time] = window_ends_.try_emplace(series, window.end);
    if (!first_time && window.start < last->second) {
      Violate("B4", entry.sequence, "a window overlaps the one before it");
    }
    last->second = window.end;
  }

  // Charges carry request ids of recording; what only administrators do carries theirs.
  absl::Status CollectRequest(const Entry& entry) {
    const std::string& request_id = entry.cause.request_id;
    // A captured hold is charged by time alone.
    const auto* charge = std::get_if<UsageCharged>(&entry.body);
    const bool is_charge = charge != nullptr && !charge->captured;
    const auto* upserted = std::get_if<MemberUpserted>(&entry.body);
    const bool is_administration =
        std::holds_alternative<OrganizationCreated>(entry.body) ||
        std::holds_alternative<OrganizationUpdated>(entry.body) ||
        std::holds_alternative<ExtraUsageUpdated>(entry.body) ||
        std::holds_alternative<SpendLimitSet>(entry.body) ||
        std::holds_alternative<PlanChanged>(entry.body) || IsAdministeredCredit(entry.body) ||
        IsAdministeredPayment(entry.body) || (upserted != nullptr && !upserted->automatic);
    const bool continues = is_administration && request_id == last_administration_id_;
    last_administration_id_ = is_administration ? request_id : "";
    if (is_charge && request_id.empty()) {
      Violate("R2", entry.sequence, "a charge has no request id");
    }
    if (request_id.empty() || continues || (!is_charge && !is_administration)) {
      return absl::OkStatus();
    }
    const RequestFamily family =
        is_charge ? RequestFamily::kRecording : RequestFamily::kAdministration;
    CheckUnique(entry, family);
    if (entry.recorded_at + kDedupeRetention <= now_) return absl::OkStatus();
    requests_.push_back({family, request_id, is_charge ? entry.sequence : 0, entry.sequence});
    return requests_.size() < kPage ? absl::OkStatus() : CheckRequests();
  }

  // Refunds are administered too, but for those by which a record corrects a capture; the credit
  // that they give back comes after them.
  static bool IsAdministeredCredit(const EntryBody& body) {
    if (const auto* granted = std::get_if<CreditGranted>(&body)) return granted->refund_of == 0;
    const auto* reversed = std::get_if<EntryReversed>(&body);
    return reversed != nullptr && reversed->hold_sequence == 0;
  }

  // Reloads are requested by policy, also where a check brought it to that.
  static bool IsAdministeredPayment(const EntryBody& body) {
    const auto* requested = std::get_if<PaymentRequested>(&body);
    if (requested != nullptr) return requested->payment.kind == PaymentKind::kPurchase;
    return std::holds_alternative<PaymentFinished>(body) ||
           std::holds_alternative<AutoReloadUpdated>(body) ||
           std::holds_alternative<ChargedBack>(body);
  }

  // An id may come again once it may be forgotten, and not before.
  void CheckUnique(const Entry& entry, RequestFamily family) {
    const std::string name = static_cast<char>(family) + entry.cause.request_id;
    const std::string fingerprint = Sha256({name}).substr(0, kFingerprintBytes);
    auto [seen, first_time] = request_instants_.try_emplace(fingerprint, entry.recorded_at);
    if (first_time) return;
    if (entry.recorded_at < seen->second + kDedupeRetention) {
      Violate("R2", entry.sequence,
              absl::StrCat("request id \"", entry.cause.request_id, "\" was used before"));
    }
    seen->second = entry.recorded_at;
  }

  absl::Status CheckRequests() {
    std::vector<LoadKey> keys;
    for (const ChargedRequest& request : requests_) {
      keys.push_back(LoadKey::Dedupe(row_.organization_id, request.family, request.request_id));
    }
    absl::StatusOr<std::vector<LoadedValue>> loaded = reader_.Load(keys, LoadMode::kMayBlock);
    if (!loaded.ok()) return Judge(loaded.status());
    for (size_t i = 0; i < requests_.size(); ++i) {
      const ChargedRequest& request = requests_[i];
      absl::StatusOr<RememberedRequest> remembered = absl::NotFoundError("it is not remembered");
      if ((*loaded)[i].state == LoadState::kFound) {
        remembered = DecodeRemembered((*loaded)[i].value);
      }
      if (!remembered.ok()) {
        Violate("R2", request.found_at,
                absl::StrCat("request id \"", request.request_id,
                             "\": ", remembered.status().message()));
      } else if (request.sequence != 0 && remembered->sequence != request.sequence) {
        Violate("R2", request.found_at,
                absl::StrCat("request id \"", request.request_id, "\" is remembered with entry ",
                             remembered->sequence));
      }
    }
    requests_.clear();
    return absl::OkStatus();
  }

  void CompareHeader() {
    absl::StatusOr<StoredHeader> stored = DecodeHeader(row_.header);
    if (!stored.ok()) {
      Violate("J1", row_.revision, std::string(stored.status().message()));
      return;
    }
    if (stored->chain_hash != chain_hash_) {
      Violate("J1", row_.revision, "the header's chain hash is not the journal's last");
    }
    const absl::Time due = stored->header.NextDue();
    const std::optional<absl::Time> expected =
        due == absl::InfiniteFuture() ? std::nullopt : std::optional<absl::Time>(due);
    if (expected != due_) {
      Violate("T3", row_.revision, "the index of what is due does not agree with the header");
    }
    if (folds_ && !(stored->header == wallet_.header)) {
      Violate("J1", row_.revision,
              absl::StrCat("the stored header is not what the journal folds to: ",
                           Difference(stored->header, wallet_.header), " differs"));
    }
  }

  absl::Status CompareMembers() {
    size_t count = 0;
    std::string after;
    while (true) {
      absl::StatusOr<std::vector<RecordRow>> rows =
          reader_.ScanRecords(row_.organization_id, RecordKind::kMember, after, kPage);
      if (!rows.ok()) return Judge(rows.status());
      for (const RecordRow& row : *rows) CompareMember(row);
      count += rows->size();
      if (rows->size() < kPage) break;
      after = rows->back().id;
    }
    if (folds_ && count != wallet_.members.size()) {
      Violate("J1", row_.revision,
              absl::StrCat(count, " members are stored, the journal has ", wallet_.members.size()));
    }
    return absl::OkStatus();
  }

  void CompareMember(const RecordRow& row) {
    absl::StatusOr<Member> stored = DecodeMember(row.value);
    if (!stored.ok()) {
      Violate("J1", row_.revision,
              absl::StrCat("member \"", row.id, "\": ", stored.status().message()));
      return;
    }
    if (!folds_) return;
    const Member* folded = wallet_.FindMember(row.id);
    if (folded == nullptr) {
      Violate("J1", row_.revision, absl::StrCat("member \"", row.id, "\" is not in the journal"));
    } else if (!(*stored == *folded)) {
      Violate("J1", row_.revision,
              absl::StrCat("the stored record of member \"", row.id,
                           "\" is not what the journal folds to"));
    }
  }

  // Holds and reversals are what the journal folds to, record by record (rules J2, H5).
  absl::Status CompareHolds() {
    absl::Status status = CompareRecords(RecordKind::kHold, "open hold", wallet_.holds, DecodeHold);
    if (status.ok()) {
      status = CompareRecords(RecordKind::kEndedHold, "ended hold", wallet_.ended_holds,
                              DecodeEndedHold);
    }
    if (!status.ok()) return status;
    status = CompareRecords(RecordKind::kReversal, "reversal of entry", wallet_.reversals,
                            DecodeReversal);
    if (!status.ok()) return status;
    status = CompareRecords(RecordKind::kPayment, "payment", wallet_.payments, DecodePayment,
                            PaymentKey);
    return status.ok() ? CompareRequests() : status;
  }

  // So are requests for more, the open and the decided ones (rule Q1).
  absl::Status CompareRequests() {
    std::map<int64_t, IncreaseRequest> open, decided;
    for (const auto& [sequence, request] : wallet_.requests) {
      (IsOpen(request.state) ? open : decided).emplace(sequence, request);
    }
    const absl::Status status =
        CompareRecords(RecordKind::kRequest, "open request", open, DecodeRequest);
    if (!status.ok()) return status;
    return CompareRecords(RecordKind::kDecidedRequest, "decided request", decided, DecodeRequest);
  }

  template <typename Map, typename Decode>
  absl::Status CompareRecords(RecordKind kind, const char* what, const Map& folded, Decode decode,
                              std::string (*key_of)(int64_t) = SequenceKey) {
    size_t count = 0;
    std::string after;
    while (true) {
      absl::StatusOr<std::vector<RecordRow>> rows =
          reader_.ScanRecords(row_.organization_id, kind, after, kPage);
      if (!rows.ok()) return Judge(rows.status());
      for (const RecordRow& row : *rows) {
        const auto stored = decode(row.value);
        if (!stored.ok()) {
          Violate("J1", row_.revision, std::string(stored.status().message()));
          continue;
        }
        if (!folds_) continue;
        const auto found = folded.find(stored->sequence);
        if (row.id != key_of(stored->sequence) || found == folded.end() ||
            !(found->second == *stored)) {
          Violate("J1", row_.revision,
                  absl::StrCat("the stored ", what, " ", stored->sequence,
                               " is not what the journal folds to"));
        }
      }
      count += rows->size();
      if (rows->size() < kPage) break;
      after = rows->back().id;
    }
    if (folds_ && count != folded.size()) {
      Violate(
          "J1", row_.revision,
          absl::StrCat(count, " records (", what, ") are stored, the journal has ", folded.size()));
    }
    return absl::OkStatus();
  }

  absl::Status CheckNotices() {
    std::string after;
    while (true) {
      absl::StatusOr<std::vector<OutboxRow>> rows =
          reader_.ScanOutbox(row_.organization_id, after, kPage);
      if (!rows.ok()) return Judge(rows.status());
      for (const OutboxRow& row : *rows) {
        absl::StatusOr<StoredNotice> notice = DecodeNotice(row.value);
        if (!notice.ok()) {
          Violate("N1", 0, absl::StrCat(row.notice_id, ": ", notice.status().message()));
        } else if (notice->kind != NoticeKind::kTest &&
                   notice_causes_.count(notice->sequence) == 0) {
          Violate("N1", notice->sequence,
                  absl::StrCat("notice ", row.notice_id, " has no cause in the journal"));
        }
      }
      if (rows->size() < kPage) return absl::OkStatus();
      after = rows->back().notice_id;
    }
  }

  const Reader& reader_;
  const OrganizationRow& row_;
  const absl::Time now_;
  const std::optional<absl::Time> due_;
  VerifyReport& report_;

  StatementVerifier statements_{
      [this](int64_t sequence, const std::string& what) { Violate("S4", sequence, what); }};
  Wallet wallet_;      // What the journal folds to so far.
  bool folds_ = true;  // False once something was wrong with the journal.
  int64_t expected_sequence_ = 1;
  std::string chain_hash_;
  std::map<std::string, absl::Time> window_ends_;  // By scope, kind and member.
  std::set<int64_t> notice_causes_;
  absl::flat_hash_map<std::string, absl::Time> request_instants_;  // By fingerprint.
  std::string last_administration_id_;
  std::vector<ChargedRequest> requests_;  // Not looked up yet.
};

using DueIndex = std::map<std::string, absl::Time>;

absl::StatusOr<DueIndex> ReadDueIndex(const Reader& reader) {
  absl::StatusOr<std::vector<DueRow>> rows =
      reader.Due(absl::InfiniteFuture(), std::numeric_limits<size_t>::max());
  if (!rows.ok()) return rows.status();
  DueIndex index;
  for (const DueRow& row : *rows) index[row.organization_id] = row.due;
  return index;
}

absl::Status VerifyOne(const Reader& reader, const OrganizationRow& row, absl::Time now,
                       const DueIndex& due_index, VerifyReport& report) {
  ++report.organization_count;
  auto due = due_index.find(row.organization_id);
  return OrganizationVerifier(
             reader, row, now,
             due == due_index.end() ? std::nullopt : std::optional<absl::Time>(due->second), report)
      .Run();
}

}  // namespace

absl::StatusOr<VerifyReport> VerifyLedger(Store& store, const std::string& organization_id,
                                          absl::Time now) {
  // What was recorded may be of later than now: in rehearsals, or after a clock was set back.
  now = std::max(now, store.open_report().last_committed_at);
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  const Reader& reader = **snapshot;
  absl::StatusOr<DueIndex> due_index = ReadDueIndex(reader);
  if (!due_index.ok()) return due_index.status();
  VerifyReport report;
  if (!organization_id.empty()) {
    absl::StatusOr<std::vector<LoadedValue>> loaded =
        reader.Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
    if (!loaded.ok()) return loaded.status();
    const LoadedValue& header = loaded->front();
    if (header.revision == 0) {
      return absl::NotFoundError(
          absl::StrCat("there is no organization \"", organization_id, "\""));
    }
    const OrganizationRow row = {organization_id, header.revision, header.value};
    if (absl::Status s = VerifyOne(reader, row, now, *due_index, report); !s.ok()) return s;
    return report;
  }
  std::string after;
  while (true) {
    absl::StatusOr<std::vector<OrganizationRow>> rows = reader.ScanOrganizations(after, kPage);
    if (!rows.ok()) return rows.status();
    for (const OrganizationRow& row : *rows) {
      if (absl::Status s = VerifyOne(reader, row, now, *due_index, report); !s.ok()) return s;
    }
    if (rows->size() < kPage) return report;
    after = rows->back().organization_id;
  }
}

}  // namespace bursar
