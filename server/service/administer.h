// The way of a change through the engine and back: run the command, answer with what is rendered
// from the wallet after it, or with what the first call of the same request id was answered.
//
// Thread rule: free functions; called on gRPC's threads, and block until the change is durable.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "server/engine/engine.h"
#include "server/service/content_hash.h"
#include "server/service/conversion.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// What a reply is rendered from, under the engine's lock.
struct Rendering {
  const Wallet& wallet;
  const AdministrationOutcome& outcome;
  const Position& position;
  const DecisionContext& context;
  const std::string& epoch;

  template <class Response>
  void WriteBlockers(Response* response) const {
    for (const Blocker& blocker : OrganizationBlockers(wallet.header, context)) {
      WriteBlocker(blocker, response->add_still_blocked_by());
    }
  }
  template <class Response>
  void WriteWalletPosition(Response* response) const {
    WritePosition(position, epoch, response->mutable_position());
  }
};

// Hands a command to the engine; `render(const Rendering&, Response*)` fills the answer. Errors:
// the engine's.
template <class Request, class Response, class Command, class Render>
absl::Status Administer(Engine& engine, const CallContext& call, const std::string& organization_id,
                        const Request& request, Command command, Response* response,
                        const Render& render) {
  const auto reply = engine.Administer(
      organization_id, std::move(command), {request.request_id(), ContentHash(request, call.actor)},
      {call.actor, call.credential->name},
      [&](const Wallet& wallet, const AdministrationOutcome& outcome, const Position& position,
          const DecisionContext& context) {
        Response rendered;
        render(Rendering{wallet, outcome, position, context, engine.epoch()}, &rendered);
        return rendered.SerializeAsString();
      });
  if (!reply.ok()) return reply.status();
  if (!response->ParseFromString(reply->bytes)) {
    return absl::DataLossError("a remembered reply cannot be read");
  }
  if constexpr (requires { response->set_replayed(true); }) response->set_replayed(reply->replayed);
  return absl::OkStatus();
}

}  // namespace bursar
