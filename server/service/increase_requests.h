// Requests for more: reading, authorizing and answering the calls of both services that are about
// them, and the answer to an episode.
//
// Thread rule: free functions; called on gRPC's threads, and may block.
//
// Source: rules Q1 to Q4, N6, A3 (docs/rules.md).
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "bursar/v1/increase_request.pb.h"
#include "bursar/v1/increase_review.pb.h"
#include "bursar/v1/notice.pb.h"
#include "server/engine/engine.h"
#include "server/engine/queries.h"
#include "server/ledger/increase_request.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// ---- For members ----

absl::Status CreateIncreaseRequest(Engine& engine, const CallContext& call,
                                   const v1::CreateIncreaseRequestRequest& request,
                                   v1::CreateIncreaseRequestResponse* response);
absl::Status GetIncreaseRequest(Engine& engine, const v1::GetIncreaseRequestRequest& request,
                                v1::GetIncreaseRequestResponse* response);
absl::Status CancelIncreaseRequest(Engine& engine, const CallContext& call,
                                   const v1::CancelIncreaseRequestRequest& request,
                                   v1::CancelIncreaseRequestResponse* response);

// ---- For those who decide ----

absl::Status ListIncreaseRequests(Engine& engine, const v1::ListIncreaseRequestsRequest& request,
                                  v1::ListIncreaseRequestsResponse* response);
absl::Status ApproveIncreaseRequest(Engine& engine, const CallContext& call,
                                    const v1::ApproveIncreaseRequestRequest& request,
                                    v1::ApproveIncreaseRequestResponse* response);
absl::Status DenyIncreaseRequest(Engine& engine, const CallContext& call,
                                 const v1::DenyIncreaseRequestRequest& request,
                                 v1::DenyIncreaseRequestResponse* response);
absl::Status AnswerEpisode(Engine& engine, const CallContext& call,
                           const v1::AnswerEpisodeRequest& request,
                           v1::AnswerEpisodeResponse* response);

}  // namespace bursar
