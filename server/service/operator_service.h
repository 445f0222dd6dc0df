// OperatorService: price books, plan catalogs, service tokens, verification. Plain synchronous
// handlers.
//
// Thread rule: called on gRPC's threads, any number at once.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/service/credentials.h"
#include "server/service/rpc/sync_call.h"

namespace bursar {

// What the process knows of itself.
struct ServerFacts {
  std::string version;
  std::string store_kind;
  std::string store_report;  // What opening the store found, in words.
  absl::Time start_time;
};

class OperatorServiceHandlers final : public v1::OperatorService::Service {
 public:
  // Engine, credentials and gate outlive the service.
  OperatorServiceHandlers(Engine* engine, Credentials* credentials, const Gate* gate,
                          ServerFacts facts)
      : engine_(*engine), credentials_(*credentials), gate_(*gate), facts_(std::move(facts)) {}

  grpc::Status PublishPriceBook(grpc::ServerContext* context,
                                const v1::PublishPriceBookRequest* request,
                                v1::PublishPriceBookResponse* reply) override;
  grpc::Status GetPriceBook(grpc::ServerContext* context, const v1::GetPriceBookRequest* request,
                            v1::GetPriceBookResponse* reply) override;
  grpc::Status PublishPlanCatalog(grpc::ServerContext* context,
                                  const v1::PublishPlanCatalogRequest* request,
                                  v1::PublishPlanCatalogResponse* reply) override;
  grpc::Status GetPlanCatalog(grpc::ServerContext* context,
                              const v1::GetPlanCatalogRequest* request,
                              v1::GetPlanCatalogResponse* reply) override;
  grpc::Status CreateServiceToken(grpc::ServerContext* context,
                                  const v1::CreateServiceTokenRequest* request,
                                  v1::CreateServiceTokenResponse* reply) override;
  grpc::Status ListServiceTokens(grpc::ServerContext* context,
                                 const v1::ListServiceTokensRequest* request,
                                 v1::ListServiceTokensResponse* reply) override;
  grpc::Status RevokeServiceToken(grpc::ServerContext* context,
                                  const v1::RevokeServiceTokenRequest* request,
                                  v1::RevokeServiceTokenResponse* reply) override;
  grpc::Status VerifyLedger(grpc::ServerContext* context, const v1::VerifyLedgerRequest* request,
                            v1::VerifyLedgerResponse* reply) override;
  grpc::Status GetServerInfo(grpc::ServerContext* context,
                             const v1::GetServerInfoRequest* request,
                             v1::GetServerInfoResponse* reply) override;

 private:
  Engine& engine_;
  Credentials& credentials_;
  const Gate& gate_;
  const ServerFacts facts_;
};

}  // namespace bursar
