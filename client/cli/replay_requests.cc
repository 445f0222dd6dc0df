#include "client/cli/replay_requests.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace bursar::cli {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

std::string PrefixOf(const Trace& trace, const ReplaySubject& subject) {
  const std::string id = ContentId(
      absl::StrCat(trace.content_id, "\n", subject.organization, "\n", subject.surface, "\n",
                   subject.provider, "\n", subject.model, "\n", subject.member_count, "\n",
                   subject.seed, subject.hold_run.empty() ? "" : "\n", subject.hold_run));
  return absl::StrCat("rpl_", id.substr(0, 12), "_");
}

// The output that nine of ten rows do not exceed (nearest rank).
int64_t UsualOutput(const Trace& trace) {
  std::vector<int64_t> outputs;
  outputs.reserve(trace.rows.size());
  for (const TraceRow& row : trace.rows) outputs.push_back(row.output_tokens);
  if (outputs.empty()) return 0;
  const size_t place = (outputs.size() * 9 + 9) / 10 - 1;
  std::nth_element(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(place),
                   outputs.end());
  return outputs[place];
}

}  // namespace

std::string ReplayMemberId(int64_t index, int64_t count) {
  const int width = std::max<int>(3, static_cast<int>(absl::StrCat(count).size()));
  return absl::StrFormat("member-%0*d", width, index + 1);
}

ReplayRequests::ReplayRequests(const Trace& trace, ReplaySubject subject, absl::Time end)
    : trace_(trace),
      subject_(std::move(subject)),
      shift_nanos_(absl::ToUnixNanos(end) - trace.last_unix_nanos),
      zipf_(subject_.member_count, subject_.seed),
      request_prefix_(PrefixOf(trace, subject_)) {
  if (!subject_.hold_run.empty()) estimated_output_ = UsualOutput(trace);
  member_ids_.reserve(static_cast<size_t>(subject_.member_count));
  for (int64_t i = 0; i < subject_.member_count; ++i) {
    member_ids_.push_back(ReplayMemberId(i, subject_.member_count));
  }
}

std::string ReplayRequests::RequestId(int64_t row) const {
  return absl::StrCat(request_prefix_, row);
}

int64_t ReplayRequests::OccurredUnixNanos(int64_t row) const {
  return trace_.rows[static_cast<size_t>(row)].time_unix_nanos + shift_nanos_;
}

void ReplayRequests::FillCheck(int64_t row, v1::CheckAdmissionRequest* request) const {
  request->Clear();
  request->set_organization_id(subject_.organization);
  request->set_member_id(member_ids_[static_cast<size_t>(zipf_.Pick(static_cast<uint64_t>(row)))]);
  request->set_surface(subject_.surface);
  request->set_provider(subject_.provider);
  request->set_model(subject_.model);
  if (subject_.hold_run.empty()) return;
  request->set_mode(v1::ADMISSION_MODE_HOLD);
  request->set_request_id(RequestId(row));
  const TraceRow& recorded = trace_.rows[static_cast<size_t>(row)];
  v1::Usage* estimate = request->mutable_estimate()->mutable_usage();
  estimate->set_input_tokens(recorded.input_tokens);
  estimate->set_output_tokens(estimated_output_);
  estimate->set_cache_read_tokens(recorded.cache_read_tokens);
  estimate->set_cache_write_5m_tokens(recorded.cache_write_5m_tokens);
  estimate->set_cache_write_1h_tokens(recorded.cache_write_1h_tokens);
}

void ReplayRequests::FillRecord(int64_t row, v1::RecordConsumptionRequest* request) const {
  request->Clear();
  request->set_organization_id(subject_.organization);
  request->set_member_id(member_ids_[static_cast<size_t>(zipf_.Pick(static_cast<uint64_t>(row)))]);
  request->set_surface(subject_.surface);
  request->set_provider(subject_.provider);
  request->set_model(subject_.model);
  request->set_request_id(RequestId(row));
  const TraceRow& recorded = trace_.rows[static_cast<size_t>(row)];
  v1::Usage* usage = request->mutable_usage();
  usage->set_input_tokens(recorded.input_tokens);
  usage->set_output_tokens(recorded.output_tokens);
  usage->set_cache_read_tokens(recorded.cache_read_tokens);
  usage->set_cache_write_5m_tokens(recorded.cache_write_5m_tokens);
  usage->set_cache_write_1h_tokens(recorded.cache_write_1h_tokens);
  const int64_t time = OccurredUnixNanos(row);
  int64_t seconds = time / kNanosPerSecond;
  int64_t nanos = time % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  request->mutable_occurred_at()->set_seconds(seconds);
  request->mutable_occurred_at()->set_nanos(static_cast<int32_t>(nanos));
}

}  // namespace bursar::cli
