// The reads of AdminService: the wallet, lists, the journal. (Sums, members,
// statements and past decisions: seeing_reads.h.) All of them show durable state.
//
// Thread rule: every method may be called from any thread; the object is a plain reference to the
// engine.
//
// Source: rules S1 to S3, D5, J1 (docs/rules.md).
#pragma once

#include "absl/status/status.h"
#include "bursar/v1/admin_service.pb.h"
#include "server/engine/engine.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// Everything of a wallet's answer but its position, as it is at the context's instant.
void WriteWallet(const Wallet& wallet, const DecisionContext& context,
                 v1::GetWalletResponse* response);

class AdminReads {
 public:
  // `engine` outlives this.
  explicit AdminReads(Engine& engine) : engine_(engine) {}

  // Each is the RPC of its name: validates, asks what the actor may see, fills the response.
  absl::Status GetOrganization(const v1::GetOrganizationRequest& request,
                               v1::GetOrganizationResponse* response);
  absl::Status ListOrganizations(const CallContext& call,
                                 const v1::ListOrganizationsRequest& request,
                                 v1::ListOrganizationsResponse* response);
  absl::Status GetWallet(const v1::GetWalletRequest& request, v1::GetWalletResponse* response);
  absl::Status ListSpendLimits(const v1::ListSpendLimitsRequest& request,
                               v1::ListSpendLimitsResponse* response);
  absl::Status ListHolds(const v1::ListHoldsRequest& request, v1::ListHoldsResponse* response);
  absl::Status ListCredits(const v1::ListCreditsRequest& request,
                           v1::ListCreditsResponse* response);
  absl::Status ListJournalEntries(const v1::ListJournalEntriesRequest& request,
                                  v1::ListJournalEntriesResponse* response);
  absl::Status ListNotices(const CallContext& call, const v1::ListNoticesRequest& request,
                           v1::ListNoticesResponse* response);

 private:
  // The organization's currency, and whether the organization exists.
  absl::StatusOr<std::string> CurrencyOf(const std::string& organization_id);
  // Adds the organization where it exists and the call may see its settings (rule A3).
  absl::Status AddIfVisible(const CallContext& call, const std::string& organization_id,
                            v1::ListOrganizationsResponse* response);
  // Organizations of a token that is not for all of them, and of one that is. `next` becomes the id
  // after which the next page begins, and stays empty on the last.
  absl::Status ListCoveredOrganizations(const CallContext& call, const std::string& after,
                                        size_t limit, v1::ListOrganizationsResponse* response,
                                        std::string* next);
  absl::Status ListAllOrganizations(const CallContext& call, const std::string& after, size_t limit,
                                    v1::ListOrganizationsResponse* response, std::string* next);

  Engine& engine_;
};

}  // namespace bursar
