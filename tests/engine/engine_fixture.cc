#include "tests/engine/engine_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/check.h"
#include "server/engine/record_codec.h"
#include "storage/memory_store.h"
#include "storage/rocksdb_store.h"

namespace bursar {
namespace {

constexpr char kPlans[] = R"({
  "version": "plans-1",
  "plans": [
    {"id": "team", "displayName": "Team", "funding": "FUNDING_PREPAID", "currencyCode": "USD",
     "seatTiers": [
       {"id": "standard", "displayName": "Standard", "upgradeTo": "premium",
        "windows": [{"kind": "WINDOW_KIND_MONTH", "amount": {"units": 10}}]},
       {"id": "premium", "displayName": "Premium",
        "windows": [{"kind": "WINDOW_KIND_MONTH", "amount": {"units": 50}}]}]},
    {"id": "metered", "displayName": "Metered", "funding": "FUNDING_PREPAID", "metered": true,
     "currencyCode": "USD",
     "seatTiers": [{"id": "standard", "displayName": "Standard"}]},
    {"id": "usage", "displayName": "Usage", "funding": "FUNDING_POSTPAID", "metered": true,
     "currencyCode": "USD",
     "limitScopes": ["SCOPE_ORGANIZATION", "SCOPE_SEAT_TIER", "SCOPE_MEMBER"],
     "seatTiers": [{"id": "standard", "displayName": "Standard"}]}
  ]})";

constexpr char kPrices[] = R"({
  "version": "book-1", "currencyCode": "USD",
  "providers": [{"id": "maker"}],
  "models": [{"provider": "maker", "id": "model-a", "match": {"equals": "model-a"},
    "cards": [{"id": "maker/model-a/1", "prices": {
      "inputNanosPerMillion": "1000000000", "outputNanosPerMillion": "2000000000"}}]}],
  "fallback": {"inputNanosPerMillion": "9000000000", "outputNanosPerMillion": "9000000000",
    "cacheWrite5mNanosPerMillion": "9000000000", "cacheWrite1hNanosPerMillion": "9000000000",
    "cacheReadNanosPerMillion": "9000000000", "webSearchNanosPerThousand": "9000000000",
    "otherMeterNanosPerMillion": "9000000000"}})";

template <typename Message>
Message FromJson(const char* json) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  BURSAR_CHECK(status.ok());
  return message;
}

}  // namespace

absl::Time TestStart() {
  return absl::FromCivil(absl::CivilHour(2026, 3, 2, 9), absl::UTCTimeZone());
}

void ControlledStore::CloseGate() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

void ControlledStore::OpenGate() {
  std::lock_guard lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}

void ControlledStore::AwaitCommitAtGate() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return at_gate_ > 0; });
}

void ControlledStore::FailNextCommit(absl::Status status, bool after_writing) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(status);
  fail_after_writing_ = after_writing;
}

void ControlledStore::AfterNextBlockingLoad(std::function<void()> meanwhile) {
  std::lock_guard lock(mutex_);
  meanwhile_ = std::move(meanwhile);
}

absl::StatusOr<std::vector<LoadedValue>> ControlledStore::Load(const std::vector<LoadKey>& keys,
                                                               LoadMode mode) const {
  absl::StatusOr<std::vector<LoadedValue>> values = store_->Load(keys, mode);
  std::function<void()> meanwhile;
  if (mode == LoadMode::kMayBlock) {
    std::lock_guard lock(mutex_);
    meanwhile = std::exchange(meanwhile_, nullptr);
  }
  if (meanwhile) meanwhile();
  return values;
}

absl::StatusOr<std::vector<CommitResult>> ControlledStore::Commit(const CommitGroup& group) {
  std::optional<absl::Status> failure;
  {
    std::unique_lock lock(mutex_);
    ++at_gate_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !closed_; });
    --at_gate_;
    failure = std::exchange(failure_, std::nullopt);
  }
  if (!failure.has_value()) return store_->Commit(group);
  if (fail_after_writing_) {
    if (absl::Status s = store_->Commit(group).status(); !s.ok()) return s;
  }
  return *failure;
}

DefaultCatalogs TestCatalogs() {
  return {FromJson<v1::PriceBook>(kPrices), FromJson<v1::PlanCatalog>(kPlans)};
}

EngineTest::EngineTest() {
  options_.sweep_interval = absl::InfiniteDuration();
  if (GetParam() == StoreKind::kRocksDb) directory_.emplace();
  Restart();
}

EngineTest::~EngineTest() {
  if (store_ != nullptr) store_->OpenGate();
  engine_.reset();
}

std::unique_ptr<Store> EngineTest::OpenStore() {
  if (GetParam() == StoreKind::kRocksDb) {
    RocksDbStoreOptions options;
    options.directory = directory_->path() + "/store";
    options.block_cache_bytes = size_t{8} << 20;
    options.write_buffer_bytes = size_t{8} << 20;
    absl::StatusOr<std::unique_ptr<Store>> store = OpenRocksDbStore(options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  MemoryStoreOptions options;
  if (IsCold()) {
    options.would_block = [](const LoadKey&) { return true; };
  }
  return NewMemoryStore(options);
}

void EngineTest::Restart() { RestartWith(options_); }

void EngineTest::RestartWith(const EngineOptions& options) {
  const absl::Status started = StartAnew(options);
  ASSERT_TRUE(started.ok()) << started;
}

absl::Status EngineTest::StartAnew(const EngineOptions& options) {
  engine_.reset();
  if (store_ == nullptr || GetParam() == StoreKind::kRocksDb) {
    store_.reset();
    store_ = std::make_unique<ControlledStore>(OpenStore());
  }
  EngineOptions chosen = options;
  chosen.sweep_interval = absl::InfiniteDuration();
  if (GetParam() == StoreKind::kNoWalletMemory) chosen.wallet_memory_bytes = 0;
  absl::StatusOr<std::unique_ptr<EngineCore>> engine =
      EngineCore::Start(store_.get(), &clock_, &zones_, TestCatalogs(), chosen);
  if (engine.ok()) engine_ = *std::move(engine);
  return engine.status();
}

absl::StatusOr<AdministrationReply> EngineTest::Administer(const std::string& organization_id,
                                                           AdministrationCommand command,
                                                           const std::string& request_id,
                                                           const std::string& content) {
  const RenderReply render = [](const Wallet&, const AdministrationOutcome&,
                                const Position& position, const DecisionContext&) {
    return absl::StrCat("revision ", position.revision);
  };
  return engine_->Administer(organization_id, std::move(command), {request_id, content},
                             {"olga", "console"}, render);
}

void EngineTest::CreateOrganization(const std::string& organization_id,
                                    const std::string& plan_id) {
  CreateOrganizationCommand command;
  command.organization_id = organization_id;
  command.settings.plan_id = plan_id;
  command.settings.billing_anchor = absl::InfinitePast();
  command.settings.display_name = "The " + organization_id + " company";
  const auto reply = Administer(organization_id, command, "create-" + organization_id);
  ASSERT_TRUE(reply.ok()) << reply.status();
}

void EngineTest::AddMember(const std::string& organization_id, const std::string& member_id,
                           MemberRole role, const std::string& tier_id) {
  MemberChange change;
  change.member_id = member_id;
  change.role = role;
  change.tier_id = tier_id;
  change.email = member_id + "@example.com";
  const auto reply =
      Administer(organization_id, UpsertMembersCommand{{change}}, "add-" + member_id);
  ASSERT_TRUE(reply.ok()) << reply.status();
}

void EngineTest::Grant(const std::string& organization_id, int64_t units,
                       std::optional<absl::Time> expires_at) {
  GrantCreditCommand command;
  command.amount = Nanos::Units(units);
  command.expires_at = expires_at;
  const auto reply = Administer(organization_id, command);
  ASSERT_TRUE(reply.ok()) << reply.status();
}

void EngineTest::EnableExtra(const std::string& organization_id) {
  UpdateExtraUsageCommand command;
  command.enabled = true;
  const auto reply = Administer(organization_id, command);
  ASSERT_TRUE(reply.ok()) << reply.status();
}

void EngineTest::SetUpAcme(const std::string& plan_id) {
  CreateOrganization("acme", plan_id);
  AddMember("acme", "olga", MemberRole::kPrimaryOwner);
  AddMember("acme", "ann");
  AddMember("acme", "bob");
  if (plan_id == "team") EnableExtra("acme");
}

RecordConsumptionCommand MakeRecord(const std::string& member_id, Nanos cost) {
  RecordConsumptionCommand command;
  command.member_id = member_id;
  command.surface = "chat";
  command.provider = "maker";
  command.model = "model-a";
  command.cost = cost;
  command.occurred_at = absl::InfinitePast();
  return command;
}

std::shared_ptr<PromisedRecord> EngineTest::StartRecord(const std::string& organization_id,
                                                        const std::string& member_id, Nanos cost,
                                                        const std::string& request_id,
                                                        const std::string& content) {
  auto promised = std::make_shared<PromisedRecord>();
  engine_->RecordConsumption(
      organization_id, MakeRecord(member_id, cost), {request_id, content}, {"", "frontend"},
      [promised](absl::StatusOr<RecordReply> reply) { promised->Set(std::move(reply)); });
  return promised;
}

absl::StatusOr<RecordReply> EngineTest::Record(const std::string& organization_id,
                                               const std::string& member_id, Nanos cost,
                                               const std::string& request_id,
                                               const std::string& content) {
  return StartRecord(organization_id, member_id, cost, request_id, content)->Wait();
}

std::shared_ptr<PromisedCheck> EngineTest::StartCheck(const std::string& organization_id,
                                                      const std::string& member_id) {
  auto promised = std::make_shared<PromisedCheck>();
  CheckAdmissionCommand command;
  command.member_id = member_id;
  command.surface = "chat";
  command.model = "model-a";
  engine_->CheckAdmission(
      organization_id, command, {}, {},
      [promised](absl::StatusOr<CheckReply> reply) { promised->Set(std::move(reply)); });
  return promised;
}

absl::StatusOr<CheckReply> EngineTest::Check(const std::string& organization_id,
                                             const std::string& member_id) {
  return StartCheck(organization_id, member_id)->Wait();
}

std::vector<Entry> EngineTest::Journal(const std::string& organization_id) {
  JournalFilter filter;
  filter.ascending = true;
  filter.limit = 1'000'000;
  const absl::StatusOr<JournalPage> page = ReadJournal(*store_, organization_id, filter);
  EXPECT_TRUE(page.ok()) << page.status();
  std::vector<Entry> entries;
  if (page.ok()) {
    for (const JournalPage::Item& item : page->items) entries.push_back(item.entry);
  }
  return entries;
}

Amount EngineTest::JournaledCost(const std::string& organization_id) {
  Amount sum;
  for (const Entry& entry : Journal(organization_id)) {
    if (const auto* charge = std::get_if<UsageCharged>(&entry.body)) sum += charge->cost;
  }
  return sum;
}

void EngineTest::ExpectVerified() {
  const absl::StatusOr<VerifyReport> report = VerifyLedger(*store_, "", clock_.Now());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->organization_count, 0);
  for (const VerifyReport::Item& item : report->violations) {
    ADD_FAILURE() << item.organization_id << " " << item.rule << " at " << item.sequence << ": "
                  << item.message;
  }
  EXPECT_EQ(report->violation_count, 0);
}

std::string StoreKindName(const testing::TestParamInfo<StoreKind>& info) {
  switch (info.param) {
    case StoreKind::kMemory:
      return "Memory";
    case StoreKind::kColdMemory:
      return "ColdMemory";
    case StoreKind::kNoWalletMemory:
      return "NoWalletMemory";
    default:
      return "RocksDb";
  }
}

}  // namespace bursar
