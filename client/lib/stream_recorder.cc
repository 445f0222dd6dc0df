#include "client/lib/stream_recorder.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "client/lib/error.h"
#include "client/lib/retry.h"

namespace bursar {
namespace {

// Errors that opening the stream again cannot heal. Everything else is the network or the server's
// moment, and nothing is lost by trying: repetitions are known by their request ids.
bool IsFinal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInvalidArgument:
      return true;
    default:
      return false;
  }
}

// The receipt, or the error as it would be of a call of its own.
absl::StatusOr<v1::RecordConsumptionResponse> ResultOf(const v1::RecordResult& result) {
  if (result.has_receipt()) return result.receipt();
  return StatusFromGrpc(grpc::Status(static_cast<grpc::StatusCode>(result.error().code()),
                                     result.error().message(), result.error().SerializeAsString()));
}

}  // namespace

StreamRecorder::StreamRecorder(std::shared_ptr<const Connection> connection,
                               StreamRecorderOptions options, OnResult on_result)
    : connection_(std::move(connection)),
      options_(options),
      on_result_(std::move(on_result)),
      stub_(v1::QuotaService::NewStub(connection_->channel())),
      thread_([this] { Run(); }) {}

StreamRecorder::~StreamRecorder() { Stop(); }

absl::Status StreamRecorder::Record(v1::RecordConsumptionRequest record) {
  if (record.request_id().empty()) {
    return absl::InvalidArgumentError("A record on a stream needs a request id.");
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return is_stopping_ || !failure_.ok() || pending_.size() < options_.max_unacknowledged;
  });
  if (!failure_.ok()) return failure_;
  if (is_stopping_) return absl::FailedPreconditionError("The recorder was stopped.");
  if (pending_.empty()) progress_at_ = absl::Now();
  pending_.emplace_hint(pending_.end(), ++last_sequence_, std::move(record));
  changed_.notify_all();
  return absl::OkStatus();
}

absl::Status StreamRecorder::Flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_stopping_ || !failure_.ok() || pending_.empty(); });
  if (pending_.empty()) return absl::OkStatus();
  return failure_.ok() ? absl::FailedPreconditionError("The recorder was stopped.") : failure_;
}

std::vector<v1::RecordConsumptionRequest> StreamRecorder::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  std::vector<v1::RecordConsumptionRequest> left;
  for (auto& [sequence, record] : pending_) left.push_back(std::move(record));
  pending_.clear();
  return left;
}

int StreamRecorder::stream_count() const {
  const std::lock_guard lock(mutex_);
  return stream_count_;
}

void StreamRecorder::Run() {
  absl::Duration backoff = connection_->options().initial_backoff;
  while (true) {
    absl::Time progress_before;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return is_stopping_ || !pending_.empty(); });
      if (is_stopping_) return;
      progress_before = progress_at_;
    }
    const absl::Status status = RunStream();
    std::unique_lock lock(mutex_);
    if (is_stopping_) return;
    if (!MayResume(status)) {
      failure_ = status;
      changed_.notify_all();
      return;
    }
    if (progress_at_ != progress_before) backoff = connection_->options().initial_backoff;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(backoff), [this] { return is_stopping_; });
    backoff = std::min(2 * backoff, connection_->options().max_backoff);
  }
}

bool StreamRecorder::MayResume(const absl::Status& status) const {
  if (IsFinal(status)) return false;
  return status.ok() || pending_.empty() || absl::Now() - progress_at_ < options_.patience;
}

absl::Status StreamRecorder::RunStream() {
  grpc::ClientContext context;
  connection_->Prepare(&context, absl::InfiniteFuture());
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return absl::CancelledError("stopped");
    context_ = &context;
    is_broken_ = false;
    again_.clear();
    unsent_from_ = pending_.empty() ? last_sequence_ + 1 : pending_.begin()->first;
    ++stream_count_;
  }
  const std::unique_ptr<Stream> stream = stub_->StreamConsumption(&context);
  std::thread reader([&] { ReadAll(stream.get()); });
  WriteAll(stream.get());
  reader.join();
  const absl::Status status = StatusFromGrpc(stream->Finish());
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
  return status;
}

int64_t StreamRecorder::NextToSend() const {
  if (!again_.empty() && absl::Now() >= again_at_) return again_.front();
  return unsent_from_ <= last_sequence_ ? unsent_from_ : 0;
}

void StreamRecorder::WriteAll(Stream* stream) {
  v1::StreamConsumptionRequest request;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      int64_t sequence = 0;
      while (!is_stopping_ && !is_broken_ && (sequence = NextToSend()) == 0) {
        if (again_.empty()) {
          changed_.wait(lock);
        } else {
          changed_.wait_until(lock, absl::ToChronoTime(again_at_));
        }
      }
      if (is_stopping_ || is_broken_) return;
      if (sequence == unsent_from_) {
        ++unsent_from_;
      } else {
        again_.pop_front();
      }
      const auto found = pending_.find(sequence);
      if (found == pending_.end()) continue;
      request.set_sequence(sequence);
      *request.mutable_record() = found->second;
    }
    // A stream that takes no more is at its end: the reader meets it too.
    if (!stream->Write(request)) return;
  }
}

void StreamRecorder::ReadAll(Stream* stream) {
  v1::StreamConsumptionResponse response;
  while (stream->Read(&response)) OnAcknowledged(response);
  const std::lock_guard lock(mutex_);
  is_broken_ = true;
  changed_.notify_all();
}

void StreamRecorder::OnAcknowledged(const v1::StreamConsumptionResponse& response) {
  const absl::StatusOr<v1::RecordConsumptionResponse> result = ResultOf(response.result());
  std::unique_lock lock(mutex_);
  const auto found = pending_.find(response.sequence());
  if (found == pending_.end()) return;
  const absl::Time now = absl::Now();
  if (IsTransient(result.status()) && now - progress_at_ < options_.patience) {
    again_.push_back(response.sequence());
    again_at_ =
        now +
        DetailsOf(result.status()).retry_delay.value_or(connection_->options().initial_backoff);
    changed_.notify_all();
    return;
  }
  // The record stays pending meanwhile, so that Flush waits for the callback too; nobody else
  // removes it.
  lock.unlock();
  on_result_(found->second, result);
  lock.lock();
  progress_at_ = absl::Now();
  pending_.erase(found);
  changed_.notify_all();
}

}  // namespace bursar
