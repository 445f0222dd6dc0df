// The reads of AdminService that add up or explain: members with their month, usage, statements,
// denied checks and past decisions. All of them read snapshots of the store, away from the engine's
// lock, and show durable state.
//
// Thread rule: every method may be called from any thread; the object is a plain reference to the
// engine.
//
// Source: rules S2 to S5 and D6 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bursar/v1/admin_service.pb.h"
#include "server/engine/engine.h"
#include "server/engine/usage_query.h"
#include "server/service/rpc/gate.h"
#include "server/service/validation.h"

namespace bursar {

class SeeingReads {
 public:
  // `engine` outlives this.
  explicit SeeingReads(Engine& engine) : engine_(engine) {}

  // Each is the RPC of its name: validates, asks what the actor may see, fills the response.
  absl::Status ListMembers(const v1::ListMembersRequest& request,
                           v1::ListMembersResponse* response);
  absl::Status QueryUsage(const v1::QueryUsageRequest& request, v1::QueryUsageResponse* response);
  absl::Status ListStatements(const v1::ListStatementsRequest& request,
                              v1::ListStatementsResponse* response);
  absl::Status GetStatement(const v1::GetStatementRequest& request,
                            v1::GetStatementResponse* response);
  absl::Status ListDenials(const v1::ListDenialsRequest& request,
                           v1::ListDenialsResponse* response);
  absl::Status ExplainDecision(const v1::ExplainDecisionRequest& request,
                               v1::ExplainDecisionResponse* response);

 private:
  // Currency and zone of an organization; NOT_FOUND where there is none.
  struct Basics {
    std::string currency_code;
    std::string time_zone;
  };
  absl::StatusOr<Basics> BasicsOf(const std::string& organization_id);

  Engine& engine_;
};

// ---- Shared by usage and statements ----

// Reads the dimensions to sum by, noting what is unknown or twice; `of_statement` refuses those
// that statements do not have.
void ReadDimensions(const google::protobuf::RepeatedField<int>& group_by, bool of_statement,
                    UsageQuery* query, FieldViolations* violations);
// A key of the dimensions, for page tokens.
std::string DimensionKey(const UsageQuery& query);
void WriteUsageSum(const UsageSum& sum, const UsageQuery& query, const std::string& currency_code,
                   v1::UsageRow* row);
// A page of rows of one report: where it begins, and for which revision. Positions are
// "row:revision".
struct RowPage {
  size_t begin = 0;
  int64_t revision = 0;  // Zero: now.
};
RowPage ReadRowPage(const std::string& position);
// The position of the page that begins at that row.
std::string MakeRowPage(size_t begin, int64_t revision);

}  // namespace bursar
