#include "server/app/server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "client/prices/default_price_book.h"
#include "google/protobuf/util/json_util.h"
#include "server/app/credential_files.h"
#include "server/app/default_plan_catalog.h"
#include "server/app/delivery.h"
#include "server/app/edge.h"
#include "server/app/edge_log.h"
#include "server/app/followed_files.h"
#include "server/app/rehearsal_clock.h"
#include "server/app/server_metrics.h"
#include "server/app/tls_identity.h"
#include "server/app/token_records.h"
#include "server/app/version.h"
#include "server/base/clock.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/base/zone.h"
#include "server/engine/engine.h"
#include "server/http/http_server.h"
#include "server/service/actor_policy.h"
#include "server/service/admin_service.h"
#include "server/service/health_service.h"
#include "server/service/operator_service.h"
#include "server/service/quota_service.h"
#include "server/service/reflection_service.h"
#include "spdlog/spdlog.h"
#include "storage/rocksdb_store.h"

namespace bursar {
namespace {

// How long attempts at delivery may go on when the server ends.
constexpr absl::Duration kDeliveryGrace = absl::Seconds(5);

absl::StatusOr<DefaultCatalogs> ReadDefaultCatalogs() {
  DefaultCatalogs defaults;
  const std::string_view book = DefaultPriceBook();
  if (!defaults.price_book.ParseFromArray(book.data(), static_cast<int>(book.size()))) {
    return absl::InternalError("the shipped price book cannot be read");
  }
  const std::string_view json = DefaultPlanCatalogJson();
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &defaults.plan_catalog);
  if (!parsed.ok()) return absl::InternalError("the shipped plan catalog cannot be read");
  return defaults;
}

class ServerCore final : public Server {
 public:
  ServerCore(const Options& options, const Clock* clock)
      : options_(options),
        own_clock_(options.clock_ahead),
        clock_(clock == nullptr ? &own_clock_ : clock),
        edge_(options) {}
  ~ServerCore() override { Drain(absl::ZeroDuration()); }

  absl::Status StartAll() {
    if (absl::Status status = OpenStore(); !status.ok()) return status;
    if (absl::Status status = StartEngine(); !status.ok()) return status;
    if (absl::Status status = StartDelivery(); !status.ok()) return status;
    if (absl::Status status = StartGrpc(); !status.ok()) return status;
    if (absl::Status status = StartHttp(); !status.ok()) return status;
    state_.Set(ServingState::State::kServing);
    edge_.Watch();
    return absl::OkStatus();
  }

  std::string Addresses() const override {
    return absl::StrCat("grpc=", absl::StrJoin(edge_.addresses(), ","), " http=",
                        http_ == nullptr ? "off" : options_.http_listen->WithPort(http_->port()));
  }
  std::string StoreReport() const override { return store_->open_report().Describe(); }
  absl::Status CheckHealth() override;
  void Drain(absl::Duration timeout) override;

 private:
  absl::Status OpenStore();
  absl::Status StartEngine();
  absl::Status StartDelivery();
  absl::Status StartGrpc();
  absl::Status StartHttp();

  const Options options_;
  const absl::Time start_time_ = absl::Now();
  bool is_drained_ = false;

  // In the order of their dependence: destroyed from the bottom up.
  EdgeLog log_;
  const RehearsalClock own_clock_;
  const Clock* const clock_;
  ZoneDatabase zones_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TokenRecords> token_records_;
  std::unique_ptr<Credentials> credentials_;
  FollowedFiles files_;  // Once it is started, of the thread that looks after health.
  TlsIdentity tls_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<DeliveryService> delivery_;
  ServingState state_;
  RpcStats rpc_stats_;
  std::unique_ptr<WalletActors> actors_;
  Edge edge_;
  std::unique_ptr<Gate> gate_;
  ActiveStreams watches_{HealthService::kMaxWatches};
  ActiveStreams known_watches_{HealthService::kMaxWatches};
  ActiveStreams reflection_streams_{kMaxReflectionStreams};
  std::unique_ptr<QuotaService> quota_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<OperatorService> operation_;
  std::unique_ptr<HealthService> health_;
  std::unique_ptr<ReflectionService> reflection_;
  std::unique_ptr<ReflectionAlphaService> reflection_alpha_;
  PlainRpcs plain_rpcs_;
  std::unique_ptr<PlainCalls> plain_calls_;
  std::unique_ptr<AsyncRuntime> runtime_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<HttpServer> http_;
};

absl::Status ServerCore::OpenStore() {
  RocksDbStoreOptions options;
  options.directory = options_.data_directory;
  auto store = OpenRocksDbStore(options);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  token_records_ = std::make_unique<TokenRecords>(store_.get());
  credentials_ = std::make_unique<Credentials>(token_records_.get());
  if (absl::Status s = LoadCredentialFiles(options_, credentials_.get(), &files_); !s.ok()) {
    return s;
  }
  return credentials_->LoadStoredTokens();
}

absl::Status ServerCore::StartEngine() {
  const auto defaults = ReadDefaultCatalogs();
  if (!defaults.ok()) return defaults.status();
  EngineOptions options;
  options.queue_limit = options_.queue_limit;
  options.admin_queue_reserve = options_.admin_queue_reserve;
  options.wallet_memory_bytes = options_.wallet_memory_bytes;
  options.confirm_clock = options_.confirm_clock;
  options.mails_notices = options_.delivery.has_mail();
  auto engine = Engine::Start(store_.get(), clock_, &zones_, *defaults, options);
  if (!engine.ok()) return engine.status();
  engine_ = *std::move(engine);
  return absl::OkStatus();
}

absl::Status ServerCore::StartDelivery() {
  auto delivery =
      DeliveryService::Start(options_.delivery, options_.is_insecure, engine_.get(), clock_);
  if (!delivery.ok()) return delivery.status();
  delivery_ = *std::move(delivery);
  return absl::OkStatus();
}

absl::Status ServerCore::StartGrpc() {
  actors_ = std::make_unique<WalletActors>(engine_.get());
  gate_ = std::make_unique<Gate>(credentials_.get(), &rpc_stats_, &log_, actors_.get());
  edge_.Guard(gate_.get());
  QuotaServiceOptions quota_options;
  quota_options.max_batch_records = options_.max_batch_records;
  quota_options.streams = {options_.max_record_streams, options_.stream_records};
  quota_options.watches.max_watches = options_.max_watches;
  quota_options.watches.max_lag = options_.watch_max_lag;
  quota_ = std::make_unique<QuotaService>(engine_.get(), gate_.get(), &log_, quota_options);
  admin_ = std::make_unique<AdminService>(engine_.get());
  operation_ = std::make_unique<OperatorService>(
      engine_.get(), credentials_.get(),
      ServerFacts{kVersion, "rocksdb", StoreReport(), start_time_, options_.backup_directory});
  quota_->AddTo(&plain_rpcs_);
  admin_->AddTo(&plain_rpcs_);
  operation_->AddTo(&plain_rpcs_);
  plain_calls_ = std::make_unique<PlainCalls>(gate_.get(), &plain_rpcs_);
  const std::vector<std::string> names = {
      v1::QuotaService::service_full_name(),
      v1::AdminService::service_full_name(),
      v1::OperatorService::service_full_name(),
      grpc::health::v1::Health::service_full_name(),
      grpc::reflection::v1::ServerReflection::service_full_name(),
      grpc::reflection::v1alpha::ServerReflection::service_full_name()};
  health_ = std::make_unique<HealthService>(&state_, &watches_, names, credentials_.get(),
                                            &known_watches_);
  reflection_ = std::make_unique<ReflectionService>(gate_.get(), &reflection_streams_, names);
  reflection_alpha_ =
      std::make_unique<ReflectionAlphaService>(gate_.get(), &reflection_streams_, names);

  grpc::ServerBuilder builder;
  const auto renew_http = [this] {
    return http_ == nullptr ? absl::OkStatus() : http_->RefreshTls();
  };
  absl::Status status = FollowCertificates(options_, &tls_, &files_, renew_http);
  if (status.ok()) status = edge_.Listen(tls_, &builder);
  if (!status.ok()) return status;
  for (grpc::Service* service : std::initializer_list<grpc::Service*>{
           quota_.get(), health_.get(), reflection_.get(), reflection_alpha_.get()}) {
    builder.RegisterService(service);
  }
  plain_calls_->AddTo(&builder);
  runtime_ = std::make_unique<AsyncRuntime>(gate_.get());
  runtime_->AddQueues(&builder, options_.completion_queues);
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr) return absl::InternalError("gRPC does not start; its log says why");
  quota_->ServeOn(runtime_.get());
  health_->ServeOn(runtime_.get());
  runtime_->ServePlain(plain_calls_.get());
  runtime_->Start();
  return edge_.Accept();
}

absl::Status ServerCore::StartHttp() {
  if (!options_.http_listen.has_value()) return absl::OkStatus();
  HttpOptions options;
  options.host = options_.http_listen->host();
  options.port = options_.http_listen->port();
  options.tls_identity_file = tls_.identity_path();
  auto http = HttpServer::Start(options, &state_, credentials_.get(), [this](MetricWriter* writer) {
    CollectMetrics(*engine_, rpc_stats_, state_, kVersion, start_time_, writer);
    delivery_->CollectMetrics(writer);
    edge_.CollectMetrics(writer);
    if (const auto last = operation_->last_backup_seconds(); last.has_value()) {
      CollectBackups(*last, writer);
    }
  });
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  return absl::OkStatus();
}

void ServerCore::Drain(absl::Duration timeout) {
  if (is_drained_) return;
  is_drained_ = true;
  const absl::Time deadline = absl::Now() + timeout;
  edge_.Unwatch();
  state_.Set(ServingState::State::kStopping);
  reflection_streams_.Stop();
  if (quota_ != nullptr) quota_->StopWatches();
  if (runtime_ != nullptr) runtime_->StopStreams(timeout / 2);
  edge_.Refuse();
  if (grpc_ != nullptr) {
    // The engine still runs, so every call in flight gets its answer.
    grpc_->Shutdown(absl::ToChronoTime(deadline));
  }
  if (runtime_ != nullptr) runtime_->Drain();
  if (http_ != nullptr) http_->Stop();
  // What was caused until now is in the outbox; what is under way is noted there.
  if (delivery_ != nullptr) {
    delivery_->Stop(std::clamp(deadline - absl::Now(), absl::ZeroDuration(), kDeliveryGrace));
  }
  if (engine_ != nullptr) engine_->Shutdown();
}

absl::Status ServerCore::CheckHealth() {
  files_.Refresh();
  runtime_->ReviewStreams();
  const absl::Status health = engine_->Health();
  const bool clock_is_wrong = Reason(health) == "CLOCK_NOT_TRUSTED";
  if (!health.ok() && !clock_is_wrong) return health;
  if (clock_is_wrong == state_.IsServing()) {
    if (clock_is_wrong) {
      spdlog::error(
          "not serving: {}. Set the machine's clock right; where it is right now and was "
          "wrong when the server started, start the server again",
          ToStd(health.message()));
    } else {
      spdlog::info("serving again: the clock is where it should be");
    }
    state_.Set(clock_is_wrong ? ServingState::State::kNotServing : ServingState::State::kServing);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options, const Clock* clock) {
  auto server = std::make_unique<ServerCore>(options, clock);
  if (absl::Status status = server->StartAll(); !status.ok()) return status;
  return server;
}

absl::Status CheckFiles(const Options& options) {
  Credentials credentials(nullptr);
  FollowedFiles files;
  if (absl::Status s = LoadCredentialFiles(options, &credentials, &files); !s.ok()) return s;
  if (absl::Status status = ReadSmtpPassword(options.delivery).status(); !status.ok()) {
    return status;
  }
  TlsIdentity identity;
  return FollowCertificates(options, &identity, &files, [] { return absl::OkStatus(); });
}

}  // namespace bursar
