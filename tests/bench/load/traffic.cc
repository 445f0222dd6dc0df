#include "tests/bench/load/traffic.h"

#include <utility>

#include "bursar/v1/member.pb.h"
#include "bursar/v1/organization.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "bursar/v1/wallet.pb.h"
#include "google/protobuf/io/coded_stream.h"

namespace bursar::bench {
namespace {

constexpr std::pair<const char*, CallKind> kWords[] = {{"check", CallKind::kCheck},
                                                       {"record", CallKind::kRecord},
                                                       {"batch", CallKind::kBatch},
                                                       {"stream", CallKind::kStream},
                                                       {"organization", CallKind::kOrganization},
                                                       {"members", CallKind::kMembers},
                                                       {"extra", CallKind::kExtraUsage}};

// Scatters consecutive numbers (the finalizer of SplitMix64).
uint64_t Scatter(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

template <class Request>
void SetCaller(const Traffic& traffic, uint64_t number, Request* request) {
  const uint64_t drawn = Scatter(number);
  request->set_organization_id(
      "org-" + std::to_string(drawn % static_cast<uint64_t>(traffic.organizations)));
  request->set_member_id("m-" +
                         std::to_string((drawn >> 32) % static_cast<uint64_t>(traffic.members)));
  request->set_surface("chat");
  request->set_provider("anthropic");
  request->set_model("claude-opus-4-5");
}

void FillRecord(const Traffic& traffic, uint64_t number, v1::RecordConsumptionRequest* request) {
  SetCaller(traffic, number, request);
  request->set_request_id(traffic.prefix + "-" + std::to_string(number));
  request->mutable_usage()->set_input_tokens(static_cast<int64_t>(200 + Scatter(number) % 4000));
  request->mutable_usage()->set_output_tokens(static_cast<int64_t>(20 + Scatter(number) % 600));
}

}  // namespace

std::optional<CallKind> ParseCallKind(const std::string& word) {
  for (const auto& [name, kind] : kWords) {
    if (word == name) return kind;
  }
  return std::nullopt;
}

const char* PathOf(CallKind kind) {
  switch (kind) {
    case CallKind::kCheck:
      return "/bursar.v1.QuotaService/CheckAdmission";
    case CallKind::kRecord:
      return "/bursar.v1.QuotaService/RecordConsumption";
    case CallKind::kBatch:
      return "/bursar.v1.QuotaService/BatchRecordConsumption";
    case CallKind::kStream:
      return "/bursar.v1.QuotaService/StreamConsumption";
    case CallKind::kOrganization:
      return "/bursar.v1.AdminService/CreateOrganization";
    case CallKind::kMembers:
      return "/bursar.v1.AdminService/BatchUpsertMembers";
    case CallKind::kExtraUsage:
      return "/bursar.v1.AdminService/UpdateExtraUsage";
  }
  return "";
}

std::string MessageOf(CallKind kind, const Traffic& traffic, uint64_t number) {
  const std::string organization_id = "org-" + std::to_string(number);
  switch (kind) {
    case CallKind::kCheck: {
      v1::CheckAdmissionRequest request;
      SetCaller(traffic, number, &request);
      return request.SerializeAsString();
    }
    case CallKind::kRecord: {
      v1::RecordConsumptionRequest request;
      FillRecord(traffic, number, &request);
      return request.SerializeAsString();
    }
    case CallKind::kBatch: {
      v1::BatchRecordConsumptionRequest request;
      const auto first = number * static_cast<uint64_t>(traffic.batch);
      for (int64_t i = 0; i < traffic.batch; ++i) {
        FillRecord(traffic, first + static_cast<uint64_t>(i), request.add_records());
      }
      return request.SerializeAsString();
    }
    case CallKind::kStream: {
      v1::StreamConsumptionRequest request;
      request.set_sequence(static_cast<int64_t>(number));
      FillRecord(traffic, number, request.mutable_record());
      return request.SerializeAsString();
    }
    case CallKind::kOrganization: {
      v1::CreateOrganizationRequest request;
      request.mutable_organization()->set_organization_id(organization_id);
      request.mutable_organization()->set_plan("enterprise_seat");
      return request.SerializeAsString();
    }
    case CallKind::kMembers: {
      v1::BatchUpsertMembersRequest request;
      request.set_organization_id(organization_id);
      for (int64_t i = 0; i < traffic.members; ++i) {
        request.add_members()->set_member_id("m-" + std::to_string(i));
      }
      return request.SerializeAsString();
    }
    case CallKind::kExtraUsage: {
      v1::UpdateExtraUsageRequest request;
      request.set_organization_id(organization_id);
      request.set_enabled(true);
      request.mutable_limit_amount()->set_currency_code("USD");
      request.mutable_limit_amount()->set_units(1'000'000'000);
      return request.SerializeAsString();
    }
  }
  return "";
}

int64_t ItemsOf(CallKind kind, const Traffic& traffic) {
  return kind == CallKind::kBatch ? traffic.batch : 1;
}

uint64_t NumberOfAnswer(const std::string& body) {
  // The first field of the message, so that the rest need not be read.
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(body.data()),
                                               static_cast<int>(body.size()));
  constexpr uint32_t kSequenceTag = v1::StreamConsumptionResponse::kSequenceFieldNumber << 3;
  uint64_t number = 0;
  if (input.ReadTag() != kSequenceTag || !input.ReadVarint64(&number)) return 0;
  return number;
}

namespace {

std::string WrongWithResult(const v1::RecordResult& result) {
  if (!result.has_receipt()) return result.error().message();
  return result.receipt().replayed() ? "a record was a repetition" : "";
}

}  // namespace

std::string WrongWith(CallKind kind, const std::string& body) {
  if (kind == CallKind::kCheck) {
    v1::CheckAdmissionResponse response;
    if (!response.ParseFromString(body)) return "an answer cannot be read";
    if (response.decision() != v1::DECISION_ADMITTED) return response.denial().message();
  }
  if (kind == CallKind::kRecord) {
    v1::RecordConsumptionResponse response;
    if (!response.ParseFromString(body)) return "an answer cannot be read";
    if (response.replayed()) return "a record was a repetition";
  }
  if (kind == CallKind::kBatch) {
    v1::BatchRecordConsumptionResponse response;
    if (!response.ParseFromString(body)) return "an answer cannot be read";
    for (const v1::RecordResult& result : response.results()) {
      if (std::string wrong = WrongWithResult(result); !wrong.empty()) return wrong;
    }
  }
  if (kind == CallKind::kStream) {
    v1::StreamConsumptionResponse response;
    if (!response.ParseFromString(body)) return "an answer cannot be read";
    return WrongWithResult(response.result());
  }
  return "";
}

}  // namespace bursar::bench
