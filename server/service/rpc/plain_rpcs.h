// The plain RPCs: from a path to the handler that answers it.
//
//   rpcs.Add("/bursar.v1.AdminService/GetWallet", &reads, &AdminReads::GetWallet);
//
// A plain handler takes a request, fills a response, returns a status, and may block. What stands
// around it is the same for all: the caller is known before a byte of the request is parsed
// (Gate::Admit, which whoever receives the call asks), then the message, the organization against
// the credential, the acting person.
//
// Thread rule: Add before the first call; the rest from any thread.
//
// Source: rules A1 to A3 (docs/rules.md).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/base/check.h"
#include "server/base/strings.h"
#include "server/service/rpc/gate.h"

namespace bursar {

struct PlainRpc {
  const RpcRule* rule = nullptr;
  // Answers a call that Gate::Admit let through: parses `request`, asks the gate the rest, calls
  // the handler and serializes what it filled in into `reply`. INVALID_ARGUMENT where the bytes are
  // no message; `reply` is untouched unless OK.
  std::function<absl::Status(const Gate& gate, const CallContext& call, grpc::ByteBuffer request,
                             grpc::ByteBuffer* reply)>
      answer;
};

class PlainRpcs {
 public:
  // Serves `path`, a row of the authorization table, with a method of `service`, which outlives
  // this.
  template <class Service, class Request, class Response>
  void Add(std::string_view path, Service* service,
           absl::Status (Service::*handler)(const CallContext&, const Request&, Response*)) {
    AddRow<Request, Response>(path, [service, handler](const CallContext& call,
                                                       const Request& request, Response* response) {
      return (service->*handler)(call, request, response);
    });
  }
  // The same for one to whom it is all the same who calls.
  template <class Service, class Request, class Response>
  void Add(std::string_view path, Service* service,
           absl::Status (Service::*handler)(const Request&, Response*)) {
    AddRow<Request, Response>(
        path, [service, handler](const CallContext&, const Request& request, Response* response) {
          return (service->*handler)(request, response);
        });
  }

  // The RPC of a path, or null.
  const PlainRpc* Find(std::string_view path) const {
    const auto found = rows_.find(ToAbsl(path));
    return found == rows_.end() ? nullptr : &found->second;
  }

 private:
  template <class Request, class Response, class Handler>
  void AddRow(std::string_view path, Handler handler) {
    PlainRpc row;
    row.rule = FindRpcRule(path);
    BURSAR_CHECK(row.rule != nullptr);
    const RpcRule* const rule = row.rule;
    row.answer = [rule, handler](const Gate& gate, const CallContext& call, grpc::ByteBuffer bytes,
                                 grpc::ByteBuffer* reply) -> absl::Status {
      Request request;
      if (!grpc::SerializationTraits<Request>::Deserialize(&bytes, &request).ok()) {
        return absl::InvalidArgumentError("the request is not a valid message");
      }
      absl::Status status = AuthorizeRequest(call, request);
      if (status.ok()) {
        status = gate.AdmitActor(call, *rule, OrganizationOf(request), MemberOf(request));
      }
      Response response;
      if (status.ok()) status = handler(call, request, &response);
      if (!status.ok()) return status;
      bool owns_buffer = false;
      if (grpc::SerializationTraits<Response>::Serialize(response, reply, &owns_buffer).ok()) {
        return absl::OkStatus();
      }
      return absl::InternalError("the response cannot be serialized");
    };
    BURSAR_CHECK(rows_.try_emplace(std::string(path), std::move(row)).second);
  }

  absl::flat_hash_map<std::string, PlainRpc> rows_;
};

}  // namespace bursar
