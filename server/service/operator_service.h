// OperatorService: what whoever runs the service calls: price books, plans, service tokens,
// verification, what runs.
//
// Plain handlers (rpc/plain_rpcs.h). Everything that is published or created is durable, and in
// force, when it is answered.
//
// Thread rule: AddTo belongs to whoever builds it; the rest is called from any thread.
//
// Source: rules O1, P5, A2, J2 (docs/rules.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "bursar/v1/operator_service.pb.h"
#include "server/engine/engine.h"
#include "server/service/credentials.h"
#include "server/service/rpc/plain_rpcs.h"

namespace bursar {

// What GetServerInfo tells beside what the engine knows.
struct ServerFacts {
  std::string version;
  std::string store;         // Kind of store.
  std::string store_report;  // What opening it found, in words.
  absl::Time start_time;
  std::string backup_directory;  // Empty: there is none.
};

class OperatorService {
 public:
  // Pointers outlive the service.
  OperatorService(Engine* engine, Credentials* credentials, ServerFacts facts);
  OperatorService(const OperatorService&) = delete;
  OperatorService& operator=(const OperatorService&) = delete;

  // When the newest backup in the directory of backups was made, as far as this process knows
  // (found there at its start, or made by it): in seconds since 1970, 0 where there is none.
  // Nothing without a directory.
  std::optional<int64_t> last_backup_seconds() const;

  // Adds every RPC of the service. It outlives the table.
  void AddTo(PlainRpcs* rpcs);

 private:
  // Each is the RPC of its name.
  absl::Status PublishPriceBook(const v1::PublishPriceBookRequest& request,
                                v1::PublishPriceBookResponse* response);
  absl::Status GetPriceBook(const v1::GetPriceBookRequest& request,
                            v1::GetPriceBookResponse* response);
  absl::Status PublishPlanCatalog(const v1::PublishPlanCatalogRequest& request,
                                  v1::PublishPlanCatalogResponse* response);
  absl::Status GetPlanCatalog(const v1::GetPlanCatalogRequest& request,
                              v1::GetPlanCatalogResponse* response);
  absl::Status CreateServiceToken(const v1::CreateServiceTokenRequest& request,
                                  v1::CreateServiceTokenResponse* response);
  absl::Status ListServiceTokens(const v1::ListServiceTokensRequest& request,
                                 v1::ListServiceTokensResponse* response);
  absl::Status RevokeServiceToken(const v1::RevokeServiceTokenRequest& request,
                                  v1::RevokeServiceTokenResponse* response);
  absl::Status VerifyLedger(const v1::VerifyLedgerRequest& request,
                            v1::VerifyLedgerResponse* response);
  absl::Status CreateBackup(const v1::CreateBackupRequest& request,
                            v1::CreateBackupResponse* response);
  absl::Status ListBackups(const v1::ListBackupsRequest& request,
                           v1::ListBackupsResponse* response);
  absl::Status GetServerInfo(const v1::GetServerInfoRequest& request,
                             v1::GetServerInfoResponse* response);

  Engine* const engine_;
  Credentials* const credentials_;
  const ServerFacts facts_;
  std::atomic<int64_t> last_backup_seconds_ = 0;
};

}  // namespace bursar
