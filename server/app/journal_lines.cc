#include "server/app/journal_lines.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bursar/v1/journal_export.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"
#include "server/engine/catalogs.h"
#include "server/engine/epoch.h"
#include "server/engine/rebuild.h"
#include "server/engine/record_codec.h"
#include "server/service/conversion.h"
#include "server/service/journal_conversion.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

constexpr int kExportFormat = 1;
constexpr size_t kPage = 256;
constexpr int64_t kProgressCommits = 10'000;

// Of all lines up to this one: SHA-256 over the hash of those before (nothing before the first) and
// the line's bytes.
std::string HashOfLines(std::string_view before, std::string_view line) {
  return Sha256({before, line});
}

// The commit with its entries in words.
v1::ExportLine CommitLine(const std::string& organization_id, const JournalWords& words,
                          JournalCommit commit) {
  v1::ExportLine line;
  v1::ExportedCommit* proto = line.mutable_commit();
  proto->set_organization_id(organization_id);
  proto->set_first_sequence(commit.record.first_sequence);
  proto->set_last_sequence(commit.record.last_sequence);
  WriteTimestamp(commit.record.committed_at, proto->mutable_commit_time());
  proto->set_nonce(commit.record.nonce);
  for (const Entry& entry : commit.journal.entries) {
    WriteJournalEntry({entry, commit.journal.chain_hash}, words, proto->add_entries());
  }
  proto->set_record(std::move(commit.record.record));
  for (DedupePut& put : commit.remembered) {
    v1::ExportedRequestId* remembered = proto->add_remembered();
    remembered->set_family(static_cast<uint32_t>(put.family));
    remembered->set_request_id(std::move(put.request_id));
    remembered->set_value(std::move(put.value));
  }
  return line;
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
    if (absl::Status s = Write(line); !s.ok()) return s;
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
    line.mutable_end()->set_sha256(lines_hash_);
    line.mutable_end()->set_organization_count(summary_.organization_count);
    line.mutable_end()->set_commit_count(summary_.commit_count);
    line.mutable_end()->set_entry_count(summary_.entry_count);
    line.mutable_end()->set_document_count(summary_.document_count);
    if (absl::Status s = Write(line); !s.ok()) return s;
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
        if (absl::Status s = Write(line); !s.ok()) return s;
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
      summary_.entry_count += static_cast<int64_t>((*commit)->journal.entries.size());
      const v1::ExportLine line = CommitLine(row.organization_id, words, **std::move(commit));
      if (absl::Status s = Write(line); !s.ok()) return s;
      if (++summary_.commit_count % kProgressCommits == 0) {
        progress_(absl::StrCat(summary_.entry_count, " entries"));
      }
    }
    ++summary_.organization_count;
    return absl::OkStatus();
  }

  absl::Status Write(const v1::ExportLine& line) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    std::string text;
    const auto status = google::protobuf::util::MessageToJsonString(line, &text, options);
    if (!status.ok()) return absl::InternalError(std::string(status.message()));
    lines_hash_ = HashOfLines(lines_hash_, text);
    out_ << text << "\n";
    return out_.good() ? absl::OkStatus() : absl::UnavailableError("the export cannot be written");
  }

  Store& store_;
  std::ostream& out_;
  const Progress& progress_;
  std::string epoch_;
  std::string lines_hash_;
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
      lines_hash_ = HashOfLines(lines_hash_, text);
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
    FieldViolations violations;
    const std::optional<absl::Time> committed_at =
        ReadTimestamp("commit_time", proto.commit_time(), &violations);
    if (!committed_at.has_value()) return Bad(ToStd(violations.ToStatus().message()));
    JournalRecord record;
    record.first_sequence = proto.first_sequence();
    record.last_sequence = proto.last_sequence();
    record.nonce = proto.nonce();
    record.committed_at = *committed_at;
    record.record = std::move(*proto.mutable_record());
    absl::StatusOr<JournalCommit> commit = JournalCommit::Decode(std::move(record));
    if (!commit.ok()) return Bad(ToStd(commit.status().message()));
    for (v1::ExportedRequestId& one : *proto.mutable_remembered()) {
      if (one.family() < 1 || one.family() > 3) return Bad("names an unknown family of calls");
      commit->remembered.push_back({static_cast<RequestFamily>(one.family()),
                                    std::move(*one.mutable_request_id()),
                                    std::move(*one.mutable_value())});
    }
    ++summary_.commit_count;
    summary_.entry_count += static_cast<int64_t>(commit->journal.entries.size());
    if (summary_.commit_count % kProgressCommits == 0) {
      progress_(absl::StrCat(summary_.entry_count, " entries"));
    }
    return rebuilder_->Add(*std::move(commit));
  }

  absl::Status TakeEnd(const v1::ExportEnd& end) {
    has_ended_ = true;
    const bool is_whole = end.organization_count() == summary_.organization_count &&
                          end.commit_count() == summary_.commit_count &&
                          end.entry_count() == summary_.entry_count &&
                          end.document_count() == summary_.document_count;
    if (is_whole && end.sha256() == lines_hash_) return FinishOrganization();
    if (is_whole) return Bad("says another hash of the lines before it: one of them was changed");
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
  std::string lines_hash_;  // Of those before the one that is taken.
  std::string organization_id_;
  std::optional<LedgerRebuilder> rebuilder_;
  ExportSummary summary_;
};

}  // namespace

absl::StatusOr<ExportSummary> WriteJournals(Store& store, std::ostream& out,
                                            const Progress& progress) {
  return Exporter(store, out, progress).Run();
}

absl::Status ReadJournals(std::istream& in, Store& store, const Progress& progress) {
  return Importer(store, progress).Run(in);
}

}  // namespace bursar
