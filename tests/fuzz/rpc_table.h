// Every RPC of Bursar's services, called without a network: bytes in, answer out, through the same
// gate, decoding and handlers as on a server.
//
// Thread rule: one call at a time.
#pragma once

#include <grpcpp/server_context.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "google/protobuf/message.h"
#include "grpcpp/support/status.h"
#include "server/service/quota_service.h"
#include "server/service/recording_handlers.h"
#include "server/service/rpc/plain_rpcs.h"

namespace bursar::fuzz {

// The services of a server. All outlive the calls.
struct Services {
  Engine* engine = nullptr;
  const Gate* gate = nullptr;
  const PlainRpcs* plain = nullptr;
  QuotaService* quota = nullptr;
  RecordingHandlers* recording = nullptr;
};

struct Answer {
  grpc::Status status;
  // Null where the RPC has no reply message, or the call did not come so far.
  std::unique_ptr<google::protobuf::Message> reply;
};

struct Rpc {
  std::string path;
  const RpcRule* rule = nullptr;
  const google::protobuf::Message* request = nullptr;   // The type's default instance.
  const google::protobuf::Message* response = nullptr;  // As above.
  Answer (*run)(const Services& services, const Rpc& rpc, grpc::ServerContext* context,
                std::string_view bytes) = nullptr;
};

// All of them, as the authorization table has them.
std::span<const Rpc> Rpcs();
// The RPC that a number stands for (calls.h).
const Rpc& RpcOf(uint16_t number);
// The RPC of a name like "GetWallet", or null.
const Rpc* FindRpc(std::string_view name);

}  // namespace bursar::fuzz
