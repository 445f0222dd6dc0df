#include "client/cli/replay_engine.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/format.h"
#include "client/lib/error.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);

// Whether the very same call may succeed a little later. After DEADLINE_EXCEEDED the work may have
// happened, which the request id takes care of.
bool MayMend(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

// One call at a time; messages are kept from call to call, so that their memory is too.
struct ReplayEngine::Slot {
  size_t connection = 0;
  int64_t row = 0;
  Step step = Step::kCheck;
  int attempt = 1;
  absl::Time sent;
  std::optional<grpc::ClientContext> context;
  grpc::Status status;
  v1::CheckAdmissionRequest check_request;
  v1::CheckAdmissionResponse check_reply;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CheckAdmissionResponse>> check_reader;
  v1::RecordConsumptionRequest record_request;
  v1::RecordConsumptionResponse record_reply;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::RecordConsumptionResponse>> record_reader;
};

ReplayEngine::ReplayEngine(std::vector<std::shared_ptr<const Connection>> connections,
                           const ReplayRequests& requests, int64_t row_count, ReplayPace pace,
                           std::function<void(const std::string&)> acknowledge, ReplayTally* tally,
                           ProgressLine* progress)
    : connections_(std::move(connections)),
      requests_(requests),
      row_count_(row_count),
      pace_(pace),
      acknowledge_(std::move(acknowledge)),
      tally_(tally),
      progress_(progress) {
  for (const auto& connection : connections_) {
    stubs_.push_back(v1::QuotaService::NewStub(connection->channel()));
  }
  for (int i = 0; i < pace_.in_flight; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->connection = static_cast<size_t>(i) % connections_.size();
  }
}

ReplayEngine::~ReplayEngine() {
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

absl::Status ReplayEngine::Run() {
  const absl::Time start = absl::Now();
  tally_->row_count += row_count_;
  to_record_.assign(static_cast<size_t>(row_count_), !pace_.check);
  if (pace_.phases && pace_.check) {
    RunPhase(/*check=*/true, /*record=*/false);
    const absl::Time middle = absl::Now();
    if (failure_.ok()) RunPhase(/*check=*/false, /*record=*/true);
    tally_->check_time += middle - start;
    tally_->record_time += absl::Now() - middle;
  } else {
    RunPhase(pace_.check, /*record=*/true);
    if (pace_.check) tally_->check_time += absl::Now() - start;
    tally_->record_time += absl::Now() - start;
  }
  tally_->wall_time += absl::Now() - start;
  progress_->Clear();
  return failure_;
}

void ReplayEngine::RunPhase(bool check, bool record) {
  checking_ = check;
  recording_ = record;
  next_row_ = 0;
  rows_done_ = 0;
  phase_start_ = absl::Now();
  for (const auto& slot : slots_) TakeNextRow(slot.get());
  while (calls_in_flight_ > 0 || !waiting_.empty()) HandleEvents();
}

void ReplayEngine::HandleEvents() {
  const absl::Time next_due = waiting_.empty() ? absl::InfiniteFuture() : waiting_.top().due;
  void* tag = nullptr;
  bool ok = false;
  const auto event = queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(next_due));
  const absl::Time now = absl::Now();
  if (event == grpc::CompletionQueue::GOT_EVENT) {
    --calls_in_flight_;
    Finish(static_cast<Slot*>(tag), now);
  }
  while (!waiting_.empty() && (waiting_.top().due <= now || !failure_.ok())) {
    Slot* slot = waiting_.top().slot;
    waiting_.pop();
    if (failure_.ok()) Send(slot);
  }
  if (progress_->IsDue(now)) DrawProgress(now);
}

absl::Time ReplayEngine::DueTime(int64_t row) const {
  if (pace_.recorded_pace) {
    return phase_start_ +
           absl::Nanoseconds(requests_.OccurredUnixNanos(row) - requests_.OccurredUnixNanos(0));
  }
  if (pace_.rows_per_second > 0) {
    return phase_start_ + absl::Seconds(static_cast<double>(row) / pace_.rows_per_second);
  }
  return absl::InfinitePast();
}

void ReplayEngine::TakeNextRow(Slot* slot) {
  if (!failure_.ok()) return;
  // A phase that only records passes over the rows that were denied.
  while (!checking_ && next_row_ < row_count_ && !to_record_[static_cast<size_t>(next_row_)]) {
    ++next_row_;
    ++rows_done_;
  }
  if (next_row_ >= row_count_) return;
  slot->row = next_row_++;
  slot->attempt = 1;
  slot->step = checking_ ? Step::kCheck : Step::kRecord;
  const absl::Time due = DueTime(slot->row);
  if (due > absl::Now()) {
    waiting_.push({due, slot});
  } else {
    Send(slot);
  }
}

void ReplayEngine::Send(Slot* slot) {
  const Connection& connection = *connections_[slot->connection];
  v1::QuotaService::Stub& stub = *stubs_[slot->connection];
  slot->sent = absl::Now();
  slot->context.emplace();
  connection.Prepare(&*slot->context, slot->sent + connection.options().deadline);
  ++calls_in_flight_;
  if (slot->step == Step::kCheck) {
    requests_.FillCheck(slot->row, &slot->check_request);
    slot->check_reader = stub.AsyncCheckAdmission(&*slot->context, slot->check_request, &queue_);
    slot->check_reader->Finish(&slot->check_reply, &slot->status, slot);
  } else {
    requests_.FillRecord(slot->row, &slot->record_request);
    // Of this row's own check: a phase that only records has none.
    if (checking_) slot->record_request.set_admission_id(slot->check_reply.admission_id());
    slot->record_reader =
        stub.AsyncRecordConsumption(&*slot->context, slot->record_request, &queue_);
    slot->record_reader->Finish(&slot->record_reply, &slot->status, slot);
  }
}

void ReplayEngine::Finish(Slot* slot, absl::Time now) {
  if (!slot->status.ok()) {
    RetryOrStop(slot, now);
  } else if (slot->step == Step::kCheck) {
    FinishCheck(slot, now);
  } else {
    FinishRecord(slot, now);
  }
}

void ReplayEngine::FinishCheck(Slot* slot, absl::Time now) {
  tally_->check_latency.Add(now - slot->sent);
  tally_->AddCheck(slot->check_reply, slot->row + 1);
  const bool record = pace_.record_denied || slot->check_reply.decision() == v1::DECISION_ADMITTED;
  to_record_[static_cast<size_t>(slot->row)] = record;
  if (record && recording_ && failure_.ok()) {
    slot->attempt = 1;
    slot->step = Step::kRecord;
    Send(slot);
    return;
  }
  ++rows_done_;
  TakeNextRow(slot);
}

void ReplayEngine::FinishRecord(Slot* slot, absl::Time now) {
  tally_->record_latency.Add(now - slot->sent);
  tally_->AddRecord(slot->record_reply);
  if (acknowledge_) acknowledge_(slot->record_request.request_id());
  ++rows_done_;
  TakeNextRow(slot);
}

void ReplayEngine::RetryOrStop(Slot* slot, absl::Time now) {
  const absl::Status status = StatusFromGrpc(slot->status);
  if (!failure_.ok()) return;
  if (MayMend(status) && slot->attempt < pace_.max_attempts) {
    const absl::Duration backoff = kFirstBackoff * (1 << (slot->attempt - 1));
    const absl::Duration asked = DetailsOf(status).retry_delay.value_or(absl::ZeroDuration());
    ++slot->attempt;
    ++tally_->retry_count;
    waiting_.push({now + std::max(backoff, asked), slot});
    return;
  }
  failure_ = absl::Status(status.code(),
                          absl::StrCat("Row ", slot->row + 1, " cannot be ",
                                       slot->step == Step::kCheck ? "checked: " : "recorded: ",
                                       std::string(status.message())));
  // The server's details go along with the new words.
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { failure_.SetPayload(url, payload); });
}

void ReplayEngine::DrawProgress(absl::Time now) {
  const double seconds = std::max(0.001, absl::ToDoubleSeconds(now - phase_start_));
  const char* label = !recording_ ? "checking " : checking_ ? "replaying" : "recording";
  progress_->Draw(
      now, label, rows_done_, row_count_,
      absl::StrCat(FormatCount(rows_done_), "/", FormatCount(row_count_), " rows  ",
                   FormatCount(static_cast<int64_t>(static_cast<double>(rows_done_) / seconds)),
                   "/s  ", FormatNanos(tally_->charged_nanos), " ", tally_->currency_code,
                   " charged  ", FormatCount(tally_->denied_count), " denied"));
}

}  // namespace bursar::cli
