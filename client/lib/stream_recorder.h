// Records usage in numbers over one stream, and resumes by itself when the connection breaks.
//
//   bursar::StreamRecorder recorder(connection, {}, [](const auto& record, const auto& result) {
//     if (!result.ok()) Report(record, result.status());
//   });
//   for (…) if (absl::Status status = recorder.Record(request); !status.ok()) return status;
//   absl::Status status = recorder.Flush();
//
// Promises: a record is charged at most once however often the connection breaks, because it is
// sent again with the same request id; it is forgotten here only once its result is known; memory
// is bounded, because Record waits while too many are not acknowledged.
//
// Thread rule: Record and Flush may be called from any thread and block. The callback runs on a
// thread of the recorder's, one call at a time, and must call neither.
#pragma once

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "client/lib/connection.h"

namespace bursar {

struct StreamRecorderOptions {
  // Records that may wait for their acknowledgement; Record waits beyond it. At least 1.
  size_t max_unacknowledged = 1000;
  // How long to go on without any acknowledgement while some are owed, reconnecting all the while.
  absl::Duration patience = absl::Seconds(60);
};

// See the head of the file.
class StreamRecorder {
 public:
  // What became of a record: its receipt, or its own error (StatusFromGrpc, so DetailsOf works).
  // Called once for every record that Record took, but for those that are left when the recorder
  // fails or is destroyed.
  using OnResult = std::function<void(const v1::RecordConsumptionRequest& record,
                                      const absl::StatusOr<v1::RecordConsumptionResponse>& result)>;

  // Does not wait for the server. Requires: `connection` is not null, `on_result` is set.
  StreamRecorder(std::shared_ptr<const Connection> connection, StreamRecorderOptions options,
                 OnResult on_result);
  // Waits for nothing: what is not acknowledged may or may not be recorded.
  ~StreamRecorder();
  StreamRecorder(const StreamRecorder&) = delete;
  StreamRecorder& operator=(const StreamRecorder&) = delete;

  // Takes a record; waits while too many are not acknowledged. INVALID_ARGUMENT without a
  // `request_id` (see MakeRequestId), without which it could not be sent again. Once the recorder
  // has failed, the error it failed with.
  absl::Status Record(v1::RecordConsumptionRequest record);

  // Waits until every record that was taken has its result. The error if the recorder fails first:
  // UNAUTHENTICATED or PERMISSION_DENIED, or the last one when patience is over.
  absl::Status Flush();

  // Ends the recorder and hands out the records without a result, in the order taken: each may or
  // may not be recorded, and may be recorded again as it is.
  std::vector<v1::RecordConsumptionRequest> Stop();

  // How often the stream was opened.
  int stream_count() const;

 private:
  using Stream =
      grpc::ClientReaderWriter<v1::StreamConsumptionRequest, v1::StreamConsumptionResponse>;

  void Run();
  absl::Status RunStream();
  void WriteAll(Stream* stream);
  void ReadAll(Stream* stream);
  void OnAcknowledged(const v1::StreamConsumptionResponse& response);
  // Whether a failed stream is worth another; under the lock.
  bool MayResume(const absl::Status& status) const;
  // The sequence to send next, or 0; under the lock.
  int64_t NextToSend() const;

  const std::shared_ptr<const Connection> connection_;
  const StreamRecorderOptions options_;
  const OnResult on_result_;
  const std::unique_ptr<v1::QuotaService::Stub> stub_;

  mutable std::mutex mutex_;  // Guards the rest.
  std::condition_variable changed_;
  std::map<int64_t, v1::RecordConsumptionRequest> pending_;  // By sequence.
  int64_t last_sequence_ = 0;
  int64_t unsent_from_ = 1;    // What has to be sent on this stream for the first time.
  std::deque<int64_t> again_;  // Refused for a moment: to be sent once more.
  absl::Time again_at_;        // Not before.
  absl::Time progress_at_;     // The last result, or the first record after none.
  grpc::ClientContext* context_ = nullptr;  // Of the stream that is open.
  bool is_broken_ = false;                  // That stream is at its end.
  bool is_stopping_ = false;
  int stream_count_ = 0;
  absl::Status failure_;

  std::thread thread_;
};

}  // namespace bursar
