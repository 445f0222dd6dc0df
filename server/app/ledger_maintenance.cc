#include "server/app/ledger_maintenance.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "bursar/v1/journal_export.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/strings.h"
#include "server/engine/catalogs.h"
#include "server/engine/epoch.h"
#include "server/engine/record_codec.h"
#include "server/service/conversion.h"
#include "server/service/journal_conversion.h"
#include "storage/backup.h"
#include "storage/rocksdb_store.h"
#include "storage/store_directory.h"

namespace bursar {
namespace {

namespace fs = std::filesystem;

constexpr int kExportFormat = 1;
constexpr size_t kPage = 256;
constexpr int64_t kProgressCommits = 10'000;

// A directory that is being made beside the one it will become; what is left of it is removed.
class PartialDirectory {
 public:
  // FAILED_PRECONDITION where the final one is there already and not empty.
  static absl::StatusOr<PartialDirectory> Begin(const std::string& final_path) {
    std::error_code error;
    const fs::path path = fs::path(final_path).lexically_normal();
    if (fs::exists(path, error) && !(fs::is_directory(path, error) && fs::is_empty(path, error))) {
      return absl::FailedPreconditionError(
          absl::StrCat(final_path, " is there already, and not empty: name a new directory"));
    }
    PartialDirectory partial(path);
    fs::remove_all(partial.path(), error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot remove what an interrupted run left in ",
                                                 partial.path(), ": ", error.message()));
    }
    return partial;
  }
  PartialDirectory(PartialDirectory&& other) noexcept
      : final_(std::move(other.final_)), is_owner_(std::exchange(other.is_owner_, false)) {}
  PartialDirectory& operator=(PartialDirectory&&) = delete;
  ~PartialDirectory() {
    std::error_code error;
    if (is_owner_) fs::remove_all(path(), error);
  }

  std::string path() const {
    std::string text = final_.string();
    return absl::StrCat(absl::StripSuffix(text, "/"), ".partial");
  }

  // It is whole: it takes its name.
  absl::Status Finish() {
    std::error_code error;
    fs::remove(final_, error);  // An empty one.
    fs::rename(path(), final_, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot rename ", path(), " to ", final_.string(), ": ", error.message()));
    }
    is_owner_ = false;
    // So that the name outlives a power cut.
    const std::string parent = final_.parent_path().string();
    return SyncDirectory(rocksdb::Env::Default(), parent.empty() ? "." : parent);
  }

 private:
  explicit PartialDirectory(fs::path final_path) : final_(std::move(final_path)) {}

  fs::path final_;
  bool is_owner_ = true;
};

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory, bool create) {
  RocksDbStoreOptions options;
  options.directory = directory;
  options.create_if_missing = create;
  return OpenRocksDbStore(options);
}

// Verified, or DATA_LOSS with the first violation.
absl::StatusOr<VerifyReport> VerifyWhole(Store& store, const Progress& progress) {
  progress("verifying");
  // What was recorded may be of later than now: in rehearsals.
  const absl::Time now = std::max(absl::Now(), store.open_report().last_committed_at);
  absl::StatusOr<VerifyReport> report = VerifyLedger(store, "", now);
  if (!report.ok() || report->violation_count == 0) return report;
  const VerifyReport::Item& first = report->violations.front();
  return absl::DataLossError(absl::StrCat(
      "the ledger breaks ", report->violation_count, " rules; the first: ", first.organization_id,
      ", entry ", first.sequence, ", rule ", first.rule, ": ", first.message));
}

bool IsWhole(const RebuildPoint& point) {
  return point.until == absl::InfiniteFuture() && point.last_sequences.empty();
}

// Restores the backup into `whole`, then what lies before the point into `target`.
absl::StatusOr<RebuildReport> RestoreUntil(const RestoreSettings& settings,
                                           const std::string& whole, const std::string& target,
                                           RestoreSummary& summary, const Progress& progress) {
  progress("copying the backup");
  const absl::StatusOr<BackupInfo> restored =
      RestoreBackup({settings.backups, settings.backup_id, whole});
  if (!restored.ok()) return restored.status();
  summary.backup_id = restored->backup_id;
  summary.backup_created_at = restored->created_at;
  if (IsWhole(settings.point)) return RebuildReport();
  const absl::StatusOr<std::unique_ptr<Store>> source = OpenStore(whole, false);
  if (!source.ok()) return source.status();
  const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(target, true);
  if (!store.ok()) return store.status();
  return RebuildUntil(**source, settings.point, **store,
                      [&](int64_t entries) { progress(absl::StrCat(entries, " entries folded")); });
}

// ---- Lines ------------------------------------------------------------------------------------

absl::Status WriteLine(const v1::ExportLine& line, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(line, &text, options);
  if (!status.ok()) return absl::InternalError(std::string(status.message()));
  out << text << "\n";
  return out.good() ? absl::OkStatus() : absl::UnavailableError("the export cannot be written");
}

// The commit with its entries in words.
absl::Status WriteCommit(const std::string& organization_id, const JournalWords& words,
                         JournalCommit commit, std::ostream& out) {
  const absl::StatusOr<DecodedJournal> journal = DecodeJournal(commit.record.record);
  if (!journal.ok()) return journal.status();
  v1::ExportLine line;
  v1::ExportedCommit* proto = line.mutable_commit();
  proto->set_organization_id(organization_id);
  proto->set_first_sequence(commit.record.first_sequence);
  proto->set_last_sequence(commit.record.last_sequence);
  WriteTimestamp(commit.record.committed_at, proto->mutable_commit_time());
  proto->set_nonce(commit.record.nonce);
  for (const Entry& entry : journal->entries) {
    WriteJournalEntry({entry, journal->chain_hash}, words, proto->add_entries());
  }
  proto->set_record(std::move(commit.record.record));
  for (DedupePut& put : commit.remembered) {
    v1::ExportedRequestId* remembered = proto->add_remembered();
    remembered->set_family(static_cast<uint32_t>(put.family));
    remembered->set_request_id(std::move(put.request_id));
    remembered->set_value(std::move(put.value));
  }
  return WriteLine(line, out);
}

// Writes the lines of a store.
class Exporter {
 public:
  Exporter(Store& store, std::ostream& out, const Progress& progress)
      : store_(store), out_(out), progress_(progress) {}

  absl::StatusOr<ExportSummary> Run() {
    const absl::StatusOr<std::string> epoch = FindOrBeginEpoch(store_, absl::Now());
    if (!epoch.ok()) return epoch.status();
    epoch_ = *epoch;
    v1::ExportLine line;
    line.mutable_header()->set_format(kExportFormat);
    line.mutable_header()->set_epoch(epoch_);
    WriteTimestamp(absl::Now(), line.mutable_header()->mutable_export_time());
    if (absl::Status s = WriteLine(line, out_); !s.ok()) return s;
    if (absl::Status s = WriteDocuments(); !s.ok()) return s;
    std::string after;
    while (true) {
      const auto rows = store_.ScanOrganizations(after, kPage);
      if (!rows.ok()) return rows.status();
      for (const OrganizationRow& row : *rows) {
        if (absl::Status s = WriteOrganization(row); !s.ok()) return s;
      }
      if (rows->size() < kPage) break;
      after = rows->back().organization_id;
    }
    line.mutable_end()->set_organization_count(summary_.organization_count);
    line.mutable_end()->set_commit_count(summary_.commit_count);
    line.mutable_end()->set_entry_count(summary_.entry_count);
    line.mutable_end()->set_document_count(summary_.document_count);
    if (absl::Status s = WriteLine(line, out_); !s.ok()) return s;
    out_.flush();
    if (!out_.good()) return absl::UnavailableError("the export cannot be written");
    return summary_;
  }

 private:
  absl::Status WriteDocuments() {
    for (const std::string_view prefix : {kPriceBookPrefix, kPlanCatalogPrefix}) {
      const auto rows = store_.ScanSystem(std::string(prefix));
      if (!rows.ok()) return rows.status();
      for (const SystemRow& row : *rows) {
        v1::ExportLine line;
        line.mutable_document()->set_key(row.key);
        line.mutable_document()->set_value(row.value);
        if (absl::Status s = WriteLine(line, out_); !s.ok()) return s;
        ++summary_.document_count;
      }
    }
    return absl::OkStatus();
  }

  absl::Status WriteOrganization(const OrganizationRow& row) {
    const absl::StatusOr<StoredHeader> header = DecodeHeader(row.header);
    if (!header.ok()) return header.status();
    const JournalWords words = {row.organization_id, epoch_, header->header.settings.currency_code};
    absl::StatusOr<JournalReader> journal = JournalReader::Open(store_, row.organization_id);
    if (!journal.ok()) return journal.status();
    while (true) {
      absl::StatusOr<std::optional<JournalCommit>> commit = journal->Next();
      if (!commit.ok()) return commit.status();
      if (!commit->has_value()) break;
      summary_.entry_count +=
          (*commit)->record.last_sequence - (*commit)->record.first_sequence + 1;
      absl::Status s = WriteCommit(row.organization_id, words, **std::move(commit), out_);
      if (!s.ok()) return s;
      if (++summary_.commit_count % kProgressCommits == 0) {
        progress_(absl::StrCat(summary_.entry_count, " entries"));
      }
    }
    ++summary_.organization_count;
    return absl::OkStatus();
  }

  Store& store_;
  std::ostream& out_;
  const Progress& progress_;
  std::string epoch_;
  ExportSummary summary_;
};

// Takes lines into a store.
class Importer {
 public:
  Importer(Store& store, const Progress& progress) : store_(store), progress_(progress) {}

  absl::Status Run(std::istream& in) {
    std::string text;
    while (std::getline(in, text)) {
      ++number_;
      v1::ExportLine line;
      const auto parsed = google::protobuf::util::JsonStringToMessage(text, &line);
      if (!parsed.ok()) return Bad(absl::StrCat("is not a line of an export: ", parsed.ToString()));
      if (absl::Status s = Take(line); !s.ok()) return s;
    }
    if (has_ended_) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the export ends after line ", number_, " without its last line: it was cut"));
  }

 private:
  absl::Status Bad(std::string_view why) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", number_, " ", ToAbsl(why)));
  }

  absl::Status Take(v1::ExportLine& line) {
    if (has_ended_) return Bad("comes after the end of the export");
    if ((number_ == 1) != line.has_header()) {
      return Bad(number_ == 1 ? "is not the header of an export" : "is a second header");
    }
    switch (line.line_case()) {
      case v1::ExportLine::kHeader:
        if (line.header().format() == kExportFormat) return absl::OkStatus();
        return Bad(absl::StrCat("says format ", line.header().format(), "; this program knows ",
                                kExportFormat));
      case v1::ExportLine::kDocument:
        return TakeDocument(line.document());
      case v1::ExportLine::kCommit:
        return TakeCommit(*line.mutable_commit());
      case v1::ExportLine::kEnd:
        return TakeEnd(line.end());
      case v1::ExportLine::LINE_NOT_SET:
        break;
    }
    return Bad("says nothing");
  }

  absl::Status TakeDocument(const v1::ExportedDocument& document) {
    const bool known = document.key().starts_with(kPriceBookPrefix) ||
                       document.key().starts_with(kPlanCatalogPrefix);
    if (!known) return Bad("is neither a price book nor a plan catalog");
    ++summary_.document_count;
    return store_.PutSystem({{document.key(), document.value()}});
  }

  absl::Status TakeCommit(v1::ExportedCommit& proto) {
    if (proto.organization_id().empty()) return Bad("names no organization");
    if (proto.organization_id() != organization_id_) {
      if (absl::Status s = FinishOrganization(); !s.ok()) return s;
      organization_id_ = proto.organization_id();
      rebuilder_.emplace(organization_id_, &store_);
      ++summary_.organization_count;
    }
    JournalCommit commit;
    commit.record.first_sequence = proto.first_sequence();
    commit.record.last_sequence = proto.last_sequence();
    commit.record.nonce = proto.nonce();
    commit.record.committed_at = absl::FromUnixSeconds(proto.commit_time().seconds()) +
                                 absl::Nanoseconds(proto.commit_time().nanos());
    commit.record.record = std::move(*proto.mutable_record());
    for (v1::ExportedRequestId& one : *proto.mutable_remembered()) {
      if (one.family() < 1 || one.family() > 3) return Bad("names an unknown family of calls");
      commit.remembered.push_back({static_cast<RequestFamily>(one.family()),
                                   std::move(*one.mutable_request_id()),
                                   std::move(*one.mutable_value())});
    }
    ++summary_.commit_count;
    summary_.entry_count += proto.last_sequence() - proto.first_sequence() + 1;
    if (summary_.commit_count % kProgressCommits == 0) {
      progress_(absl::StrCat(summary_.entry_count, " entries"));
    }
    return rebuilder_->Add(std::move(commit));
  }

  absl::Status TakeEnd(const v1::ExportEnd& end) {
    has_ended_ = true;
    const bool is_whole = end.organization_count() == summary_.organization_count &&
                          end.commit_count() == summary_.commit_count &&
                          end.entry_count() == summary_.entry_count &&
                          end.document_count() == summary_.document_count;
    if (is_whole) return FinishOrganization();
    return Bad(absl::StrCat(
        "says there were ", end.organization_count(), " organizations, ", end.entry_count(),
        " entries and ", end.document_count(), " price books and plan catalogs; there are ",
        summary_.organization_count, ", ", summary_.entry_count, " and ", summary_.document_count));
  }

  absl::Status FinishOrganization() {
    return rebuilder_.has_value() ? rebuilder_->Finish() : absl::OkStatus();
  }

  Store& store_;
  const Progress& progress_;
  int64_t number_ = 0;
  bool has_ended_ = false;
  std::string organization_id_;
  std::optional<LedgerRebuilder> rebuilder_;
  ExportSummary summary_;
};

}  // namespace

absl::StatusOr<RestoreSummary> RestoreLedger(const RestoreSettings& settings,
                                             const Progress& progress) {
  absl::StatusOr<PartialDirectory> partial = PartialDirectory::Begin(settings.directory);
  if (!partial.ok()) return partial.status();
  // Up to a point: the whole backup first, in a directory that goes again.
  absl::StatusOr<PartialDirectory> backup = PartialDirectory::Begin(partial->path() + ".backup");
  if (!backup.ok()) return backup.status();
  RestoreSummary summary;
  const std::string whole = IsWhole(settings.point) ? partial->path() : backup->path();
  const absl::StatusOr<RebuildReport> rebuilt =
      RestoreUntil(settings, whole, partial->path(), summary, progress);
  if (!rebuilt.ok()) return rebuilt.status();
  summary.left_out_entries = rebuilt->left_out_entries;
  summary.left_out_organizations = rebuilt->left_out_organizations;
  {
    const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(partial->path(), false);
    if (!store.ok()) return store.status();
    if (absl::Status s = ForgetEpoch(**store); !s.ok()) return s;
    absl::StatusOr<VerifyReport> verified = VerifyWhole(**store, progress);
    if (!verified.ok()) return verified.status();
    summary.verified = *std::move(verified);
  }
  if (absl::Status s = partial->Finish(); !s.ok()) return s;
  return summary;
}

absl::StatusOr<ExportSummary> ExportJournals(const std::string& directory, std::ostream& out,
                                             const Progress& progress) {
  const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(directory, false);
  if (!store.ok()) return store.status();
  return Exporter(**store, out, progress).Run();
}

absl::Status ImportLines(std::istream& in, Store& store, const Progress& progress) {
  return Importer(store, progress).Run(in);
}

absl::StatusOr<VerifyReport> ImportJournals(std::istream& in, const std::string& directory,
                                            const Progress& progress) {
  absl::StatusOr<PartialDirectory> partial = PartialDirectory::Begin(directory);
  if (!partial.ok()) return partial.status();
  absl::StatusOr<VerifyReport> verified = VerifyReport();
  {
    const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(partial->path(), true);
    if (!store.ok()) return store.status();
    if (absl::Status s = ImportLines(in, **store, progress); !s.ok()) return s;
    verified = VerifyWhole(**store, progress);
    if (!verified.ok()) return verified.status();
  }
  if (absl::Status s = partial->Finish(); !s.ok()) return s;
  return verified;
}

}  // namespace bursar
