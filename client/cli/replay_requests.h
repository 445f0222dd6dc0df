// Turns the rows of a trace into requests, always the same ones for the same trace and settings.
//
// Thread rule: immutable once made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "bursar/v1/quota_service.pb.h"
#include "client/cli/trace.h"
#include "client/cli/zipf.h"

namespace bursar::cli {

// What all requests of a replay have in common.
struct ReplaySubject {
  std::string organization;
  std::string surface;
  std::string provider;
  std::string model;
  int64_t member_count = 1;
  uint64_t seed = 1;
  // Not empty: checks place holds, and every run is new traffic that this names, because a record
  // that settles a hold is another request than one that settles another hold.
  std::string hold_run;
};

// The id of member `index` (from 0) of `count`: "member-001". At least three digits, all of the
// same number of them.
std::string ReplayMemberId(int64_t index, int64_t count);

// See the head of the file.
class ReplayRequests {
 public:
  // `end` is the instant that the trace's last row is moved to; all others keep their distance from
  // it. The trace must outlive this.
  ReplayRequests(const Trace& trace, ReplaySubject subject, absl::Time end);

  // Fill a request for a row, counted from 0, overwriting whatever it held. A check that places a
  // hold estimates the row's input and the output that nine of ten rows of the trace do not exceed.
  void FillCheck(int64_t row, v1::CheckAdmissionRequest* request) const;
  void FillRecord(int64_t row, v1::RecordConsumptionRequest* request) const;

  // "rpl_<12 hexadecimal digits>_<row>": the digits depend on the trace's content and on the
  // subject, so that another trace, surface, model or spread has ids of its own.
  std::string RequestId(int64_t row) const;

  // Nanoseconds since 1970 of a row after it was moved.
  int64_t OccurredUnixNanos(int64_t row) const;

 private:
  const Trace& trace_;
  ReplaySubject subject_;
  int64_t shift_nanos_;
  int64_t estimated_output_ = 0;
  Zipf zipf_;
  std::vector<std::string> member_ids_;
  std::string request_prefix_;
};

}  // namespace bursar::cli
