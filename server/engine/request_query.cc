#include "server/engine/request_query.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/record_codec.h"
#include "server/engine/request_codec.h"

namespace bursar {
namespace {

// How many requests of each kind one page looks at.
constexpr size_t kMaxScanned = 10'000;

absl::StatusOr<WalletHeader> LoadHeader(const Reader& reader, const std::string& organization_id) {
  absl::StatusOr<std::vector<LoadedValue>> loaded =
      reader.Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state != LoadState::kFound) {
    return absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\""));
  }
  absl::StatusOr<StoredHeader> stored = DecodeHeader(loaded->front().value);
  if (!stored.ok()) return stored.status();
  return std::move(stored->header);
}

bool IsWanted(const IncreaseRequest& request, const RequestFilter& filter) {
  if (!filter.member_id.empty() && request.member_id != filter.member_id) return false;
  return filter.states.empty() || std::find(filter.states.begin(), filter.states.end(),
                                            request.state) != filter.states.end();
}

// Reads one kind of record behind the filter's place.
struct Scan {
  std::vector<IncreaseRequest> requests;
  bool more = false;
};
absl::StatusOr<Scan> ScanKind(const Reader& reader, const std::string& organization_id,
                              RecordKind kind, const RequestFilter& filter) {
  const std::string after = filter.after_sequence == 0 ? "" : SequenceKey(filter.after_sequence);
  absl::StatusOr<std::vector<RecordRow>> rows =
      reader.ScanRecords(organization_id, kind, after, kMaxScanned + 1);
  if (!rows.ok()) return rows.status();
  Scan scan;
  scan.more = rows->size() > kMaxScanned;
  if (scan.more) rows->pop_back();
  for (const RecordRow& row : *rows) {
    absl::StatusOr<IncreaseRequest> request = DecodeRequest(row.value);
    if (!request.ok()) return request.status();
    scan.requests.push_back(*std::move(request));
  }
  return scan;
}

absl::StatusOr<Member> LoadMember(const Reader& reader, const std::string& organization_id,
                                  const std::string& member_id) {
  absl::StatusOr<std::vector<LoadedValue>> loaded =
      reader.Load({LoadKey::Member(organization_id, member_id)}, LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state != LoadState::kFound) {
    return absl::DataLossError(absl::StrCat("member \"", member_id, "\" of a request is missing"));
  }
  return DecodeMember(loaded->front().value);
}

}  // namespace

absl::StatusOr<RequestPage> ListRequests(Store& store, const std::string& organization_id,
                                         const RequestFilter& filter) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<WalletHeader> header = LoadHeader(**snapshot, organization_id);
  if (!header.ok()) return header.status();
  RequestPage page;
  page.header = *std::move(header);
  std::vector<IncreaseRequest> found;
  int64_t seen_until = INT64_MAX;  // Both kinds were looked through up to there.
  const auto add = [&](RecordKind kind) -> absl::Status {
    absl::StatusOr<Scan> scan = ScanKind(**snapshot, organization_id, kind, filter);
    if (!scan.ok()) return scan.status();
    if (scan->more) seen_until = std::min(seen_until, scan->requests.back().sequence);
    for (IncreaseRequest& request : scan->requests) found.push_back(std::move(request));
    return absl::OkStatus();
  };
  absl::Status status = absl::OkStatus();
  if (filter.open) status = add(RecordKind::kRequest);
  if (status.ok() && filter.decided) status = add(RecordKind::kDecidedRequest);
  if (!status.ok()) return status;
  std::sort(found.begin(), found.end(), [](const IncreaseRequest& a, const IncreaseRequest& b) {
    return a.sequence < b.sequence;
  });
  for (IncreaseRequest& request : found) {
    if (request.sequence > seen_until) break;
    if (!IsWanted(request, filter)) continue;
    if (static_cast<int>(page.items.size()) == filter.limit) {
      page.next_after = page.items.back().request.sequence;
      return page;
    }
    absl::StatusOr<Member> member = LoadMember(**snapshot, organization_id, request.member_id);
    if (!member.ok()) return member.status();
    page.items.push_back({std::move(request), *std::move(member)});
  }
  if (seen_until != INT64_MAX) page.next_after = seen_until;
  return page;
}

absl::StatusOr<FoundRequest> FindRequest(Store& store, const std::string& organization_id,
                                         const std::string& member_id, int64_t sequence) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<WalletHeader> header = LoadHeader(**snapshot, organization_id);
  if (!header.ok()) return header.status();
  const std::string id = SequenceKey(sequence);
  absl::StatusOr<std::vector<LoadedValue>> loaded =
      (*snapshot)->Load({LoadKey::Record(organization_id, RecordKind::kRequest, id),
                         LoadKey::Record(organization_id, RecordKind::kDecidedRequest, id)},
                        LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  for (const LoadedValue& value : *loaded) {
    if (value.state != LoadState::kFound) continue;
    absl::StatusOr<IncreaseRequest> request = DecodeRequest(value.value);
    if (!request.ok()) return request.status();
    if (request->member_id != member_id) break;
    return FoundRequest{*std::move(header), *std::move(request)};
  }
  return WithReason(absl::NotFoundError("there is no such request for more"),
                    "INCREASE_REQUEST_NOT_FOUND");
}

}  // namespace bursar
