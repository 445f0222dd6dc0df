// AdminService: usage, journal, notices. All of it reads snapshots: durable state only.
#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/service/admin_service.h"
#include "server/service/journal_conversion.h"
#include "server/service/validation.h"
#include "server/service/wallet_conversion.h"

namespace bursar {

namespace {

constexpr size_t kMaxPageSize = 1000;
constexpr size_t kDefaultPageSize = 100;
constexpr size_t kMaxUsagePageSize = 10'000;
constexpr size_t kDefaultUsagePageSize = 1000;
constexpr char kExhaustedSubject[] = "Your workspace has run out of extra usage";
constexpr char kResolvedSubject[] = "Your workspace has extra usage again";

void ReadSpan(bool has_start, const google::protobuf::Timestamp& start, bool has_end,
              const google::protobuf::Timestamp& end, absl::Time* from, absl::Time* until,
              FieldViolations* violations) {
  if (has_start) {
    *from = ReadTimestamp("start_time", start, violations).value_or(absl::InfinitePast());
  }
  if (has_end) {
    *until = ReadTimestamp("end_time", end, violations).value_or(absl::InfiniteFuture());
  }
  if (*until < *from) violations->Add("end_time", "must not be before start_time");
}

void WriteUsageSum(const UsageSum& sum, const std::string& currency, v1::UsageRow* row) {
  row->set_member_id(sum.member_id);
  row->set_surface(sum.surface);
  row->set_provider(sum.provider);
  row->set_model(sum.model);
  row->set_record_count(sum.record_count);
  WriteMoney(sum.cost, currency, row->mutable_cost());
  WriteMoney(sum.included, currency, row->mutable_included());
  WriteMoney(sum.extra, currency, row->mutable_extra());
  WriteMoney(sum.metered, currency, row->mutable_metered());
  v1::Usage* usage = row->mutable_usage();
  usage->set_input_tokens(sum.input);
  usage->set_output_tokens(sum.output);
  usage->set_cache_write_5m_tokens(sum.cache_write_5m);
  usage->set_cache_write_1h_tokens(sum.cache_write_1h);
  usage->set_cache_read_tokens(sum.cache_read);
  usage->set_web_searches(sum.web_searches);
}

UsageQuery ReadUsageQuery(const v1::QueryUsageRequest& request, FieldViolations* violations) {
  UsageQuery query;
  for (int i = 0; i < request.group_by_size(); ++i) {
    switch (request.group_by(i)) {
      case v1::USAGE_DIMENSION_MEMBER:
        query.by_member = true;
        break;
      case v1::USAGE_DIMENSION_SURFACE:
        query.by_surface = true;
        break;
      case v1::USAGE_DIMENSION_MODEL:
        query.by_model = true;
        break;
      default:
        violations->Add(absl::StrCat("group_by[", i, "]"),
                        "must be member, surface or model");
    }
  }
  ReadSpan(request.has_start_time(), request.start_time(), request.has_end_time(),
           request.end_time(), &query.start, &query.end, violations);
  return query;
}

// The currency of an organization, from its durable header.
absl::StatusOr<std::string> CurrencyOf(Engine& engine, const std::string& organization_id) {
  std::string currency;
  absl::Status status = engine.Read(
      organization_id, {}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        currency = wallet.header.settings.currency_code;
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return currency;
}

// What must not change between the pages of one listing.
std::string ListingScope(const char* name, const google::protobuf::MessageLite& filters) {
  return absl::StrCat(name, "/", absl::BytesToHexString(filters.SerializeAsString()));
}

void WriteNotice(const PendingNotice& notice, v1::Notice* proto) {
  proto->set_notice_id(notice.notice_id);
  proto->set_organization_id(notice.organization_id);
  proto->set_kind(notice.resolved ? v1::NOTICE_KIND_EXTRA_USAGE_RESOLVED
                                  : v1::NOTICE_KIND_EXTRA_USAGE_EXHAUSTED);
  WriteTimestamp(notice.created_at, proto->mutable_create_time());
  for (v1::MemberRole role :
       {v1::MEMBER_ROLE_PRIMARY_OWNER, v1::MEMBER_ROLE_OWNER, v1::MEMBER_ROLE_BILLING}) {
    proto->add_recipients(role);
  }
  proto->set_subject(notice.resolved ? kResolvedSubject : kExhaustedSubject);
  if (notice.resolved) {
    proto->set_summary(absl::StrCat(notice.organization_name, " has extra usage again."));
  } else {
    proto->set_summary(absl::StrCat(
        notice.organization_name,
        notice.balance ? " used up its prepaid balance" : " reached its spend limit",
        notice.member_id.empty() ? "" : absl::StrCat("; ", notice.member_id, " met it first"),
        ". Members are denied until it is lifted."));
  }
  proto->set_sequence(notice.sequence);
}

}  // namespace

grpc::Status AdminServiceHandlers::QueryUsage(grpc::ServerContext* context,
                                              const v1::QueryUsageRequest* request,
                                              v1::QueryUsageResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/QueryUsage");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    const UsageQuery query = ReadUsageQuery(*request, &violations);
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultUsagePageSize,
                                      kMaxUsagePageSize, &violations);
    v1::QueryUsageRequest filters = *request;
    filters.clear_page_size();
    filters.clear_page_token();
    const std::string scope = ListingScope("usage", filters);
    const std::string token =
        ReadPageToken("page_token", scope, request->page_token(), &violations);
    int64_t start = 0;
    if (!token.empty() && !absl::SimpleAtoi(token, &start)) {
      violations.Add("page_token", "is not one that this service returned");
    }
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    absl::StatusOr<std::string> currency = CurrencyOf(engine_, request->organization_id());
    if (!currency.ok()) return currency.status();
    absl::StatusOr<UsageReport> report =
        bursar::QueryUsage(engine_.store(), request->organization_id(), query);
    if (!report.ok()) return report.status();
    const size_t first = std::min(report->rows.size(), static_cast<size_t>(start));
    const size_t last = std::min(report->rows.size(), first + limit);
    for (size_t i = first; i < last; ++i) {
      WriteUsageSum(report->rows[i], *currency, reply->add_rows());
    }
    WriteUsageSum(report->total, *currency, reply->mutable_total());
    if (last < report->rows.size()) {
      reply->set_next_page_token(MakePageToken(scope, absl::StrCat(last)));
    }
    WriteSnapshotPosition(report->revision, report->as_of, reply->mutable_position());
    return absl::OkStatus();
  });
}

grpc::Status AdminServiceHandlers::ListJournalEntries(
    grpc::ServerContext* context, const v1::ListJournalEntriesRequest* request,
    v1::ListJournalEntriesResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/ListJournalEntries");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    CheckOptionalId("member_id", request->member_id(), &violations);
    CheckOptionalId("request_id", request->request_id(), &violations);
    JournalFilter filter;
    filter.member_id = request->member_id();
    filter.request_id = request->request_id();
    filter.ascending = request->ascending();
    if (request->kind() != v1::JOURNAL_ENTRY_KIND_UNSPECIFIED) {
      filter.body_index = BodyIndexOf(request->kind());
      if (!filter.body_index.has_value()) violations.Add("kind", "is no value of this enum");
    }
    ReadSpan(request->has_start_time(), request->start_time(), request->has_end_time(),
             request->end_time(), &filter.start, &filter.end, &violations);
    filter.limit = static_cast<int>(ReadPageSize("page_size", request->page_size(),
                                                 kDefaultPageSize, kMaxPageSize, &violations));
    v1::ListJournalEntriesRequest filters = *request;
    filters.clear_page_size();
    filters.clear_page_token();
    const std::string scope = ListingScope("journal", filters);
    const std::string token =
        ReadPageToken("page_token", scope, request->page_token(), &violations);
    if (!token.empty() && !absl::SimpleAtoi(token, &filter.after_sequence)) {
      violations.Add("page_token", "is not one that this service returned");
    }
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    absl::StatusOr<std::string> currency = CurrencyOf(engine_, request->organization_id());
    if (!currency.ok()) return currency.status();
    absl::StatusOr<JournalPage> page =
        ReadJournal(engine_.store(), request->organization_id(), filter);
    if (!page.ok()) return page.status();
    for (const JournalPage::Item& item : page->items) {
      WriteJournalEntry(item.entry, item.chain_hash, *currency, reply->add_entries());
    }
    if (page->more && !page->items.empty()) {
      reply->set_next_page_token(
          MakePageToken(scope, absl::StrCat(page->items.back().entry.sequence)));
    }
    WriteSnapshotPosition(page->revision, page->as_of, reply->mutable_position());
    return absl::OkStatus();
  });
}

grpc::Status AdminServiceHandlers::ListNotices(grpc::ServerContext* context,
                                               const v1::ListNoticesRequest* request,
                                               v1::ListNoticesResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/ListNotices");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CheckOptionalId("organization_id", request->organization_id(), &violations);
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultPageSize,
                                      kMaxPageSize, &violations);
    const std::string scope = absl::StrCat("notices/", request->organization_id());
    std::string after = ReadPageToken("page_token", scope, request->page_token(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    if (!request->organization_id().empty()) {
      absl::StatusOr<std::string> known = CurrencyOf(engine_, request->organization_id());
      if (!known.ok()) return known.status();
    }
    // A caller that may see few organizations gets what it may see, page by page.
    do {
      absl::StatusOr<NoticePage> page =
          bursar::ListNotices(engine_.store(), request->organization_id(), after,
                              static_cast<int>(limit) - reply->notices_size());
      if (!page.ok()) return page.status();
      for (const PendingNotice& notice : page->notices) {
        if (call.credential->Covers(notice.organization_id)) {
          WriteNotice(notice, reply->add_notices());
        }
      }
      after = page->next;
    } while (!after.empty() && reply->notices_size() < static_cast<int>(limit));
    if (!after.empty()) reply->set_next_page_token(MakePageToken(scope, after));
    return absl::OkStatus();
  });
}

}  // namespace bursar
