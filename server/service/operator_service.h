// OperatorService: what whoever runs the service calls: price books, plans, service tokens,
// verification, what runs.
//
// Plain synchronous handlers. Everything that is published or created is durable, and in force,
// when it is answered.
//
// Thread rule: gRPC calls it from its own threads.
//
// Source: rules O1, P5, A2, J2 (docs/rules.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/service/credentials.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// What GetServerInfo tells beside what the engine knows.
struct ServerFacts {
  std::string version;
  std::string store;         // Kind of store.
  std::string store_report;  // What opening it found, in words.
  absl::Time start_time;
  std::string backup_directory;  // Empty: there is none.
};

class OperatorService final : public v1::OperatorService::Service {
 public:
  // Pointers outlive the service.
  OperatorService(Engine* engine, Credentials* credentials, const Gate* gate, ServerFacts facts);

  // When the newest backup in the directory of backups was made, as far as this process knows
  // (found there at its start, or made by it): in seconds since 1970, 0 where there is none.
  // Nothing without a directory.
  std::optional<int64_t> last_backup_seconds() const;

  grpc::Status PublishPriceBook(grpc::ServerContext* context,
                                const v1::PublishPriceBookRequest* request,
                                v1::PublishPriceBookResponse* response) override;
  grpc::Status GetPriceBook(grpc::ServerContext* context, const v1::GetPriceBookRequest* request,
                            v1::GetPriceBookResponse* response) override;
  grpc::Status PublishPlanCatalog(grpc::ServerContext* context,
                                  const v1::PublishPlanCatalogRequest* request,
                                  v1::PublishPlanCatalogResponse* response) override;
  grpc::Status GetPlanCatalog(grpc::ServerContext* context,
                              const v1::GetPlanCatalogRequest* request,
                              v1::GetPlanCatalogResponse* response) override;
  grpc::Status CreateServiceToken(grpc::ServerContext* context,
                                  const v1::CreateServiceTokenRequest* request,
                                  v1::CreateServiceTokenResponse* response) override;
  grpc::Status ListServiceTokens(grpc::ServerContext* context,
                                 const v1::ListServiceTokensRequest* request,
                                 v1::ListServiceTokensResponse* response) override;
  grpc::Status RevokeServiceToken(grpc::ServerContext* context,
                                  const v1::RevokeServiceTokenRequest* request,
                                  v1::RevokeServiceTokenResponse* response) override;
  grpc::Status VerifyLedger(grpc::ServerContext* context, const v1::VerifyLedgerRequest* request,
                            v1::VerifyLedgerResponse* response) override;
  grpc::Status CreateBackup(grpc::ServerContext* context, const v1::CreateBackupRequest* request,
                            v1::CreateBackupResponse* response) override;
  grpc::Status ListBackups(grpc::ServerContext* context, const v1::ListBackupsRequest* request,
                           v1::ListBackupsResponse* response) override;
  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest* request,
                             v1::GetServerInfoResponse* response) override;

 private:
  Engine* const engine_;
  Credentials* const credentials_;
  const Gate* const gate_;
  const ServerFacts facts_;
  std::atomic<int64_t> last_backup_seconds_ = 0;
};

}  // namespace bursar
