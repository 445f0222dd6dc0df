// Server reflection, v1 and v1alpha, over the protos that are compiled in: what grpcurl and
// `buf curl` read to know how to call us. Unlike the library's own it asks for a token like
// everything else.
//
// list_services names what the server registered. Files, symbols and extensions are found in the
// generated descriptor pool, the error details of google.rpc included (callers decode `Any`s with
// them); records on disk (bursar.storage) are not shown. A file is answered together with its
// imports, each once per stream.
//
// Thread rule: gRPC calls it from its own threads; at most kMaxStreams at once.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/service/active_streams.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// Reflection streams at once; more are RESOURCE_EXHAUSTED.
inline constexpr size_t kMaxReflectionStreams = 16;

class ReflectionService final : public grpc::reflection::v1::ServerReflection::Service {
 public:
  // Pointers outlive the service. `service_names` are the full names of all that is registered.
  ReflectionService(const Gate* gate, ActiveStreams* streams,
                    std::vector<std::string> service_names);

  grpc::Status ServerReflectionInfo(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<grpc::reflection::v1::ServerReflectionResponse,
                               grpc::reflection::v1::ServerReflectionRequest>* stream) override;

 private:
  const Gate* const gate_;
  ActiveStreams* const streams_;
  const std::vector<std::string> service_names_;
};

// The same under its older name, which most tools still ask for first.
class ReflectionAlphaService final : public grpc::reflection::v1alpha::ServerReflection::Service {
 public:
  ReflectionAlphaService(const Gate* gate, ActiveStreams* streams,
                         std::vector<std::string> service_names);

  grpc::Status ServerReflectionInfo(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<grpc::reflection::v1alpha::ServerReflectionResponse,
                               grpc::reflection::v1alpha::ServerReflectionRequest>* stream)
      override;

 private:
  const Gate* const gate_;
  ActiveStreams* const streams_;
  const std::vector<std::string> service_names_;
};

}  // namespace bursar
