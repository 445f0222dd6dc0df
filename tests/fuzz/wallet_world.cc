#include "tests/fuzz/wallet_world.h"

#include <grpcpp/test/server_context_test_spouse.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "bursar/storage/v1/system.pb.h"
#include "bursar/v1/common.pb.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/app/token_records.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"
#include "server/engine/engine_core.h"
#include "server/engine/epoch.h"
#include "server/engine/queries.h"
#include "server/service/actor_policy.h"
#include "server/service/admin_service.h"
#include "server/service/operator_service.h"
#include "storage/memory_store.h"
#include "tests/engine/engine_fixture.h"
#include "tests/fuzz/require.h"
#include "tests/service/last_error.h"
#include "tests/service/role_tokens.h"

namespace bursar::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kEpoch[] = "epc_00112233445566778899aabbccddeeff";
constexpr size_t kAll = 1000;

constexpr const char* kActors[] = {"", "olga", "adam", "mia", "nobody"};
// The caller's number: a role and an actor.
uint8_t CallerOf(ServiceRole role, size_t actor) {
  const auto place = std::find(kServiceRoles.begin(), kServiceRoles.end(), role);
  return static_cast<uint8_t>(actor * kServiceRoles.size() +
                              static_cast<size_t>(place - kServiceRoles.begin()));
}

const absl::Duration kLater[] = {absl::ZeroDuration(), absl::Seconds(1),    absl::Minutes(1),
                                 absl::Minutes(6),     absl::Hours(1),      absl::Hours(24),
                                 absl::Hours(24 * 8),  absl::Hours(24 * 32)};

// What has happened before every input.
constexpr const char* kStory[] = {
    R"(CreateOrganization {"organization": {"organizationId": "acme", "plan": "team",
       "displayName": "Acme", "timeZone": "Europe/Berlin", "settingsUrl": "https://acme.example/"}})",
    R"(BatchUpsertMembers {"organizationId": "acme", "members": [
       {"memberId": "olga", "role": "MEMBER_ROLE_PRIMARY_OWNER", "email": "olga@acme.example"},
       {"memberId": "adam", "role": "MEMBER_ROLE_ADMIN"},
       {"memberId": "mia", "role": "MEMBER_ROLE_MEMBER", "seatTier": "standard"}]})",
    R"(UpdateExtraUsage {"organizationId": "acme", "enabled": true})",
    R"(SetNotificationChannels {"organizationId": "acme", "channels":
       {"mail": {"events": ["limit.threshold_reached"]}, "webhooks": [{"targetId": "hook",
       "url": "https://hooks.acme.example/in"}]}})",
    R"(GrantCredit {"organizationId": "acme", "amount": {"units": 40},
       "kind": "CREDIT_KIND_PURCHASE", "reference": "invoice-1", "requestId": "grant-1"})",
    R"(SetSpendLimit {"organizationId": "acme", "memberId": "mia", "amount": {"units": 8}})",
    R"(SetSpendLimit {"organizationId": "acme", "organization": true, "amount": {"units": 30},
       "period": "LIMIT_PERIOD_MONTH"})",
    R"(RecordConsumption {"organizationId": "acme", "memberId": "mia", "surface": "chat",
       "provider": "maker", "model": "model-a", "usage": {"inputTokens": 1000000,
       "outputTokens": 500000}, "requestId": "record-1"})",
    R"(RecordConsumption {"organizationId": "acme", "memberId": "mia", "surface": "chat",
       "cost": {"units": 12}, "requestId": "record-2"})",
    R"(CheckAdmission {"organizationId": "acme", "memberId": "mia", "surface": "chat",
       "estimate": {"cost": {"units": 1}}, "mode": "ADMISSION_MODE_HOLD", "requestId": "hold-1"})",
    R"(CheckAdmission {"organizationId": "acme", "memberId": "mia", "surface": "chat",
       "provider": "maker", "model": "model-a", "estimate": {"cost": {"units": 100}}})",
    R"(CreateIncreaseRequest {"organizationId": "acme", "memberId": "mia",
       "kind": "INCREASE_KIND_HIGHER_LIMIT", "amount": {"units": 20}, "reason": "a deadline"})",
    R"(PurchaseCredit {"organizationId": "acme", "amount": {"units": 25}, "requestId": "buy-1"})",
    R"(UpdateAutoReload {"organizationId": "acme", "autoReload": {"enabled": true,
       "threshold": {"units": 5}, "amount": {"units": 20}, "monthlyCap": {"units": 100}}})",
    R"(CreateOrganization {"organization": {"organizationId": "posty", "plan": "usage"}})",
    R"(BatchUpsertMembers {"organizationId": "posty", "members": [
       {"memberId": "olga", "role": "MEMBER_ROLE_PRIMARY_OWNER"}, {"memberId": "mia"}]})",
    R"(RecordConsumption {"organizationId": "posty", "memberId": "mia", "surface": "api",
       "cost": {"units": 3}, "requestId": "record-3"})",
    // Looked at, for their ids.
    R"(ListJournalEntries {"organizationId": "acme"})",
    R"(ListHolds {"organizationId": "acme"})",
    R"(ListCredits {"organizationId": "acme"})",
    R"(ListPayments {"organizationId": "acme"})",
    R"(ListNotices {"organizationId": "acme"})",
    R"(ListDenials {"organizationId": "acme"})",
    R"(GetWallet {"organizationId": "acme"})",
    R"(ListIncreaseRequests {"organizationId": "acme"})",
};

// Words beside those that the story brings.
constexpr const char* kWords[] = {"acme",
                                  "posty",
                                  "third",
                                  "olga",
                                  "adam",
                                  "mia",
                                  "nobody",
                                  "team",
                                  "metered",
                                  "usage",
                                  "standard",
                                  "premium",
                                  "chat",
                                  "api",
                                  "code",
                                  "maker",
                                  "model-a",
                                  "batch",
                                  "USD",
                                  "EUR",
                                  "Europe/Berlin",
                                  "America/New_York",
                                  "UTC",
                                  "request-9",
                                  "plans-2",
                                  "book-2",
                                  "*",
                                  "",
                                  "plan",
                                  "display_name",
                                  "time_zone",
                                  "billing_anchor",
                                  "status",
                                  "included_scope",
                                  "auto_provision_members",
                                  "hold_expiry_policy",
                                  "default_hold_ttl",
                                  "max_hold",
                                  "crossing_policy",
                                  "settings_url",
                                  "limit.threshold_reached",
                                  "https://hooks.acme.example/in",
                                  "mail@acme.example",
                                  "2026-03"};

// A call's errors that the RPCs document.
bool IsDocumented(int code) {
  switch (static_cast<grpc::StatusCode>(code)) {
    case grpc::StatusCode::OK:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:  // An earlier call may have revoked the token.
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::OUT_OF_RANGE:
      return true;
    default:
      return false;
  }
}

// Calls `visit(message, field)` for every field that is set in a message and those inside it.
template <class Visit>
void VisitFields(const Message& message, const Visit& visit) {
  std::vector<const FieldDescriptor*> fields;
  const Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    visit(message, *field);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      VisitFields(reflection.GetMessage(message, field), visit);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      VisitFields(reflection.GetRepeatedMessage(message, field, i), visit);
    }
  }
}

// What is inside a reply: errors of single items are of the documented codes too.
void CheckReply(const Message& reply, const std::string& path) {
  VisitFields(reply, [&](const Message& message, const FieldDescriptor& field) {
    if (field.name() != "code" || message.GetDescriptor() != v1::Status::descriptor()) return;
    const int code = message.GetReflection()->GetInt32(message, &field);
    Require(IsDocumented(code), "an item's error is of a documented code",
            absl::StrCat(path, ": ", message.ShortDebugString()));
  });
  const std::string bytes = reply.SerializeAsString();
  const std::unique_ptr<Message> again(reply.New());
  Require(again->ParseFromString(bytes), "a reply can be read", path);
}

void CheckError(const grpc::Status& status, const std::string& path, const std::string& hidden) {
  const std::string told = absl::StrCat(path, ": ", status.error_message(), " ", hidden);
  // A watch ends at its first message here: the server is stopping.
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && path.ends_with("/WatchWallet")) {
    return;
  }
  Require(IsDocumented(status.error_code()), "an error is of a documented code",
          absl::StrCat(status.error_code(), " ", told));
  google::rpc::Status rich;
  if (status.error_details().empty()) return;  // gRPC's own, of bytes that are no message.
  Require(rich.ParseFromString(status.error_details()) && rich.details_size() > 0,
          "an error has details", told);
  google::rpc::ErrorInfo info;
  Require(rich.details(0).UnpackTo(&info) && !info.reason().empty(), "an error has a reason", told);
}

QuotaServiceOptions QuotaOptions() {
  QuotaServiceOptions options;
  options.max_batch_records = 20;
  return options;
}

const DefaultCatalogs& Documents() {
  static const DefaultCatalogs catalogs = TestCatalogs();
  return catalogs;
}

}  // namespace

// What the story left in the store. To put it into another is a tenth of the work of telling it.
struct WalletWorld::Kept {
  std::vector<CommitGroup> groups;
  std::vector<SystemChange> records;
  std::vector<AsideChange> denials;
};

// In the order of their dependence: destroyed from the bottom up.
struct WalletWorld::Parts {
  // Without `kept` a world before its story, which is noted in `told`.
  Parts(const ZoneDatabase* zones, const Kept* kept, Kept* told)
      : store(NewMemoryStore(Noting(told))), tokens(store.get()) {
    if (kept != nullptr) {
      Restore(*kept);
    } else {
      Prepare();
    }
    Require(credentials.LoadStoredTokens().ok(), "the world begins");
    EngineOptions options;
    options.sweep_interval = absl::InfiniteDuration();
    options.mails_notices = true;
    auto started = EngineCore::Start(store.get(), &clock, zones, Documents(), options);
    Require(started.ok(), "the engine starts", started.status().ToString());
    engine = *std::move(started);
    actors.emplace(engine.get());
    gate.emplace(&credentials, &stats, &log, &*actors);
    quota.emplace(engine.get(), &*gate, &log, QuotaOptions());
    quota->StopWatches();
    admin.emplace(engine.get());
    operation.emplace(engine.get(), &credentials, ServerFacts{"0", "memory", "", TestStart(), ""});
    recording.emplace(engine.get(), &log, QuotaOptions().max_batch_records);
    quota->AddTo(&plain);
    admin->AddTo(&plain);
    operation->AddTo(&plain);
  }

  static MemoryStoreOptions Noting(Kept* told) {
    MemoryStoreOptions options;
    if (told == nullptr) return options;
    options.before_commit = [told](const CommitGroup& group) {
      told->groups.push_back(group);
      return absl::OkStatus();
    };
    return options;
  }

  void Restore(const Kept& kept) {
    for (const CommitGroup& group : kept.groups) {
      Require(store->Commit(group).ok(), "the story can be put back");
    }
    Require(store->PutSystem(kept.records).ok() && store->PutAside(kept.denials).ok(),
            "the story can be put back");
  }

  void Prepare() {
    storage::v1::EpochRecord epoch;
    epoch.set_epoch(kEpoch);
    Require(store->PutSystem({{kEpochKey, epoch.SerializeAsString()}}).ok(), "the world begins");
    for (const ServiceRole role : kServiceRoles) {
      StoredToken token = StoredTokenOf(role, {"acme", "third"});
      token.credential.create_time = TestStart();
      Require(tokens.Put(token).ok(), "the world begins");
    }
  }

  Services services() { return {engine.get(), &*gate, &plain, &*quota, &*recording}; }

  FakeClock clock;
  std::unique_ptr<Store> store;
  TokenRecords tokens;
  Credentials credentials{&tokens};
  LastError log;
  RpcStats stats;
  std::unique_ptr<EngineCore> engine;
  std::optional<WalletActors> actors;
  std::optional<Gate> gate;
  std::optional<QuotaService> quota;
  std::optional<AdminService> admin;
  std::optional<OperatorService> operation;
  std::optional<RecordingHandlers> recording;
  PlainRpcs plain;
};

WalletWorld::WalletWorld() : words_(std::begin(kWords), std::end(kWords)) { Begin(); }

WalletWorld::~WalletWorld() = default;

void WalletWorld::TellStory() {
  kept_ = std::make_unique<Kept>();
  parts_ = std::make_unique<Parts>(&zones_, nullptr, kept_.get());
  std::string refused;
  for (const char* line : kStory) {
    const Answer answer = CallAlone(ParseCall(line));
    if (!answer.status.ok()) {
      absl::StrAppend(&refused, "\n", line, "\n", answer.status.error_message(), " ",
                      parts_->log.last());
    }
    if (answer.reply != nullptr) Learn(*answer.reply);
  }
  Require(refused.empty(), "the story can be told", refused);
  Require(parts_->engine->SaveDenials().ok(), "denials can be kept");
  const auto records = parts_->store->ScanSystem("");
  const auto organizations = parts_->store->ScanOrganizations("", kAll);
  Require(records.ok() && organizations.ok(), "the store can be read");
  for (const SystemRow& row : *records) kept_->records.push_back({row.key, row.value});
  for (const OrganizationRow& organization : *organizations) {
    const auto denials =
        parts_->store->ScanRecords(organization.organization_id, RecordKind::kDenial, "", kAll);
    Require(denials.ok(), "the store can be read");
    AsideChange change;
    change.organization_id = organization.organization_id;
    for (const RecordRow& row : *denials) {
      change.puts.push_back({RecordKind::kDenial, row.id, row.value});
    }
    if (!change.puts.empty()) kept_->denials.push_back(std::move(change));
  }
}

void WalletWorld::Begin() {
  if (kept_ == nullptr) {
    TellStory();
  } else if (!has_later_ && Fingerprint() == first_fingerprint_ &&
             parts_->engine->Stats().checks_denied == 0) {
    return;
  }
  parts_ = nullptr;
  parts_ = std::make_unique<Parts>(&zones_, kept_.get(), nullptr);
  has_later_ = false;
  first_fingerprint_ = Fingerprint();
}

void WalletWorld::Run(const Call& call) {
  const absl::Duration later = kLater[call.later % std::size(kLater)];
  if (later > absl::ZeroDuration()) {
    has_later_ = true;
    parts_->clock.Advance(later);
  }
  // What is due is not the call's doing.
  const auto swept = parts_->engine->SweepNow();
  Require(swept.ok(), "what is due can be journaled", swept.status().ToString());
  const std::string before = Fingerprint();
  const Answer answer = CallAlone(call);
  const std::string& path = RpcOf(call.rpc).path;
  if (answer.status.ok()) {
    if (answer.reply != nullptr) CheckReply(*answer.reply, path);
    return;
  }
  CheckError(answer.status, path, parts_->log.last());
  Require(Fingerprint() == before, "what is refused changes nothing", path);
}

void WalletWorld::End() {
  Require(parts_->engine->Health().ok(), "the engine goes on");
  if (!has_later_ && Fingerprint() == first_fingerprint_) return;
  const auto report = VerifyLedger(*parts_->store, "", parts_->clock.Now());
  Require(report.ok(), "every ledger can be read", report.status().ToString());
  Require(report->violation_count == 0, "every ledger holds",
          report->violations.empty()
              ? ""
              : absl::StrCat(report->violations[0].organization_id, " ", report->violations[0].rule,
                             ": ", report->violations[0].message));
}

Answer WalletWorld::CallAlone(const Call& call) {
  grpc::ServerContext context;
  grpc::testing::ServerContextTestSpouse metadata(&context);
  metadata.AddClientMetadata(
      "authorization", "Bearer " + TokenOf(kServiceRoles[call.caller % std::size(kServiceRoles)]));
  const std::string actor = kActors[call.caller / std::size(kServiceRoles) % std::size(kActors)];
  if (!actor.empty()) metadata.AddClientMetadata(kActorMetadataKey, actor);
  const Rpc& rpc = RpcOf(call.rpc);
  return rpc.run(parts_->services(), rpc, &context, call.request);
}

std::string WalletWorld::Fingerprint() const {
  std::string all;
  const auto rows = parts_->store->ScanOrganizations("", kAll);
  const auto records = parts_->store->ScanSystem("");
  const auto notices = parts_->store->ScanAllOutboxes("", "", kAll);
  Require(rows.ok() && records.ok() && notices.ok(), "the store can be read");
  for (const OrganizationRow& row : *rows) {
    absl::StrAppend(&all, row.organization_id, " ", row.revision, " ", row.header, "\n");
  }
  for (const SystemRow& row : *records) absl::StrAppend(&all, row.key, " ", row.value, "\n");
  for (const OutboxRow& row : *notices) absl::StrAppend(&all, row.notice_id, row.value, "\n");
  return Sha256({all});
}

void WalletWorld::Learn(const Message& message) {
  std::set<std::string> known(words_.begin(), words_.end());
  VisitFields(message, [&](const Message& part, const FieldDescriptor& field) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING || field.is_repeated()) return;
    const std::string text = part.GetReflection()->GetString(part, &field);
    texts_[field.name()] = text;
    if (text.size() <= 128 && known.insert(text).second) words_.push_back(text);
  });
}

Store& WalletWorld::store() { return *parts_->store; }

std::string WalletWorld::TextOf(const std::string& field) const {
  const auto found = texts_.find(field);
  return found == texts_.end() ? "" : found->second;
}

Call WalletWorld::ParseCall(std::string_view line) const {
  const size_t brace = line.find('{');
  Require(brace != std::string_view::npos, "a call has a request", line);
  const std::vector<std::string> head =
      absl::StrSplit(ToAbsl(line.substr(0, brace)), ' ', absl::SkipEmpty());
  const Rpc* const rpc = head.empty() ? nullptr : FindRpc(head[0]);
  Require(rpc != nullptr, "a call names an RPC", line);
  Call call;
  call.rpc = RpcNumber(rpc->path);
  call.caller = CallerOf(ServiceRole::kOperator, 0);
  for (size_t i = 1; i < head.size(); ++i) {
    int later = 0;
    if (head[i][0] == '+' && absl::SimpleAtoi(head[i].substr(1), &later)) {
      call.later = static_cast<uint8_t>(later);
      continue;
    }
    const std::pair<std::string, std::string> who =
        absl::StrSplit(head[i], absl::MaxSplits('/', 1));
    const auto role =
        std::find_if(std::begin(kServiceRoles), std::end(kServiceRoles),
                     [&](ServiceRole one) { return ServiceRoleName(one) == who.first; });
    const auto actor = std::find(std::begin(kActors), std::end(kActors), who.second);
    Require(role != std::end(kServiceRoles) && actor != std::end(kActors), "a call names a caller",
            line);
    call.caller = CallerOf(*role, static_cast<size_t>(actor - std::begin(kActors)));
  }
  std::string json(line.substr(brace));
  for (const auto& [field, text] : texts_) {
    absl::StrReplaceAll({{absl::StrCat("\"@", field, "\""), absl::StrCat("\"", text, "\"")}},
                        &json);
  }
  const std::unique_ptr<Message> request(rpc->request->New());
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, request.get());
  Require(parsed.ok(), "a call's request is JSON of its message",
          absl::StrCat(ToAbsl(line), "\n", parsed.ToString()));
  call.request = request->SerializeAsString();
  return call;
}

}  // namespace bursar::fuzz
