#include "server/service/reflection_service.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "server/service/errors.h"

namespace bursar {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// One stream's answers. `Request` and `Response` are those of v1 or v1alpha: the same in all but
// their package.
template <class Request, class Response>
class Answerer {
 public:
  explicit Answerer(const std::vector<std::string>* service_names)
      : service_names_(service_names) {}

  Response Answer(const Request& request) {
    Response response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    switch (request.message_request_case()) {
      case Request::kListServices:
        for (const std::string& name : *service_names_) {
          response.mutable_list_services_response()->add_service()->set_name(name);
        }
        break;
      case Request::kFileByFilename:
        AnswerFile(Pool().FindFileByName(request.file_by_filename()), &response);
        break;
      case Request::kFileContainingSymbol:
        AnswerFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()), &response);
        break;
      case Request::kFileContainingExtension:
        AnswerExtension(request, &response);
        break;
      case Request::kAllExtensionNumbersOfType:
        AnswerExtensionNumbers(request.all_extension_numbers_of_type(), &response);
        break;
      default:
        SetError(grpc::StatusCode::INVALID_ARGUMENT, "no question was asked", &response);
    }
    return response;
  }

 private:
  static const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

  static void SetError(grpc::StatusCode code, const char* message, Response* response) {
    response->mutable_error_response()->set_error_code(code);
    response->mutable_error_response()->set_error_message(message);
  }

  void AnswerFile(const FileDescriptor* file, Response* response) {
    if (file == nullptr || absl::StartsWith(file->package(), "bursar.storage")) {
      return SetError(grpc::StatusCode::NOT_FOUND, "not found", response);
    }
    // A client that asks again for what it has been sent gets the file itself again, never nothing.
    response->mutable_file_descriptor_response();
    sent_.erase(file->name());
    Send(file, response);
  }

  void Send(const FileDescriptor* file, Response* response) {
    if (!sent_.insert(file->name()).second) return;
    google::protobuf::FileDescriptorProto proto;
    file->CopyTo(&proto);
    file->CopyJsonNameTo(&proto);
    proto.SerializeToString(
        response->mutable_file_descriptor_response()->add_file_descriptor_proto());
    for (int i = 0; i < file->dependency_count(); ++i) Send(file->dependency(i), response);
  }

  void AnswerExtension(const Request& request, Response* response) {
    const auto& extension = request.file_containing_extension();
    const Descriptor* type = Pool().FindMessageTypeByName(extension.containing_type());
    const FieldDescriptor* field =
        type == nullptr ? nullptr
                        : Pool().FindExtensionByNumber(type, extension.extension_number());
    AnswerFile(field == nullptr ? nullptr : field->file(), response);
  }

  void AnswerExtensionNumbers(const std::string& type_name, Response* response) {
    const Descriptor* type = Pool().FindMessageTypeByName(type_name);
    if (type == nullptr) return SetError(grpc::StatusCode::NOT_FOUND, "not found", response);
    response->mutable_all_extension_numbers_response()->set_base_type_name(type_name);
    std::vector<const FieldDescriptor*> extensions;
    Pool().FindAllExtensions(type, &extensions);
    for (const FieldDescriptor* extension : extensions) {
      response->mutable_all_extension_numbers_response()->add_extension_number(extension->number());
    }
  }

  const std::vector<std::string>* const service_names_;
  std::set<std::string> sent_;
};

template <class Request, class Response>
absl::Status Serve(const std::vector<std::string>& service_names, const Gate& gate,
                   const RpcRule& rule, ActiveStreams* streams, grpc::ServerContext* context,
                   grpc::ServerReaderWriter<Response, Request>* stream) {
  CallContext call;
  const absl::Status admitted = gate.Admit(*context, rule, ActorUse::kIgnored, &call);
  if (!admitted.ok()) return admitted;
  const ActiveStreams::Entry entry(streams, context);
  if (!entry.is_admitted()) return OverloadedError();
  Answerer<Request, Response> answerer(&service_names);
  Request request;
  while (stream->Read(&request)) {
    if (!stream->Write(answerer.Answer(request))) break;
  }
  return absl::OkStatus();
}

}  // namespace

ReflectionService::ReflectionService(const Gate* gate, ActiveStreams* streams,
                                     std::vector<std::string> service_names)
    : gate_(gate), streams_(streams), service_names_(std::move(service_names)) {}

grpc::Status ReflectionService::ServerReflectionInfo(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<grpc::reflection::v1::ServerReflectionResponse,
                             grpc::reflection::v1::ServerReflectionRequest>* stream) {
  static const RpcRule* const rule =
      FindRpcRule("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
  return gate_->Answer(*rule, Serve(service_names_, *gate_, *rule, streams_, context, stream));
}

ReflectionAlphaService::ReflectionAlphaService(const Gate* gate, ActiveStreams* streams,
                                               std::vector<std::string> service_names)
    : gate_(gate), streams_(streams), service_names_(std::move(service_names)) {}

grpc::Status ReflectionAlphaService::ServerReflectionInfo(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<grpc::reflection::v1alpha::ServerReflectionResponse,
                             grpc::reflection::v1alpha::ServerReflectionRequest>* stream) {
  static const RpcRule* const rule =
      FindRpcRule("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  return gate_->Answer(*rule, Serve(service_names_, *gate_, *rule, streams_, context, stream));
}

}  // namespace bursar
