// Sends the rows of a trace through admission and recording, many calls in flight on one thread and
// one completion queue.
//
// Each of N slots carries one row at a time:
//   take the next row (wait for its turn where the pace says so)
//     -> CheckAdmission -> denied: done with the row
//     -> RecordConsumption -> receipt: done with the row
// A call that fails in a way that another attempt may mend is made again after a wait, with the
// same request, so that nothing is recorded twice. Anything else ends the run: no further row is
// begun, and what is in flight is awaited.
//
// Promises: an id is acknowledged (see `acknowledge`) only after the server said that its record is
// durable.
//
// Thread rule: one thread.
#pragma once

#include <grpcpp/completion_queue.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/progress.h"
#include "client/cli/replay_requests.h"
#include "client/cli/replay_tally.h"
#include "client/lib/connection.h"

namespace bursar::cli {

// How rows are sent.
struct ReplayPace {
  // Calls in flight, at least 1.
  int in_flight = 64;
  // Whether rows are checked before they are recorded.
  bool check = true;
  // Whether denied rows are recorded all the same.
  bool record_denied = false;
  // All checks first and then all records, so that the rate of each shows.
  bool phases = false;
  // Rows begun per second; zero is as fast as it goes.
  double rows_per_second = 0;
  // Rows are begun at the distance in which they were recorded.
  bool recorded_pace = false;
  // How often a call is tried.
  int max_attempts = 6;
};

// See the head of the file.
class ReplayEngine {
 public:
  // `connections` holds at least one; slots are spread over them. Requests, tally and progress must
  // outlive the engine. `acknowledge` is told each durable request id; may be empty.
  ReplayEngine(std::vector<std::shared_ptr<const Connection>> connections,
               const ReplayRequests& requests, int64_t row_count, ReplayPace pace,
               std::function<void(const std::string&)> acknowledge, ReplayTally* tally,
               ProgressLine* progress);
  ~ReplayEngine();

  // Runs to the end, or to the first call that cannot be mended: its error, prefixed by the row.
  absl::Status Run();

 private:
  enum class Step { kCheck, kRecord };
  struct Slot;
  // A slot that waits for an instant.
  struct Waiting {
    absl::Time due;
    Slot* slot;
    bool operator>(const Waiting& other) const { return due > other.due; }
  };

  void RunPhase(bool check, bool record);
  void HandleEvents();
  absl::Time DueTime(int64_t row) const;
  void TakeNextRow(Slot* slot);
  void Send(Slot* slot);
  void Finish(Slot* slot, absl::Time now);
  void FinishCheck(Slot* slot, absl::Time now);
  void FinishRecord(Slot* slot, absl::Time now);
  void RetryOrStop(Slot* slot, absl::Time now);
  void DrawProgress(absl::Time now);

  std::vector<std::shared_ptr<const Connection>> connections_;
  const ReplayRequests& requests_;
  const int64_t row_count_;
  const ReplayPace pace_;
  const std::function<void(const std::string&)> acknowledge_;
  ReplayTally* const tally_;
  ProgressLine* const progress_;

  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<v1::QuotaService::Stub>> stubs_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  // Rows to record in the second of two phases: those admitted in the first.
  std::vector<bool> to_record_;

  bool checking_ = false;
  bool recording_ = false;
  absl::Time phase_start_;
  int64_t next_row_ = 0;
  int64_t rows_done_ = 0;
  int calls_in_flight_ = 0;
  absl::Status failure_;
};

}  // namespace bursar::cli
