// The calls that a benchmark makes, each by its number: the same number is the same call, every
// other one has another request id.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bursar::bench {

enum class CallKind { kCheck, kRecord, kBatch, kStream, kOrganization, kMembers, kExtraUsage };

// "check", "record", "batch", "stream", "organization", "members", "extra"; nothing for another
// word.
std::optional<CallKind> ParseCallKind(const std::string& word);

// Who calls: organizations "org-0" … and members "m-0" … of each. Which of them a check or a record
// is of is drawn from its number, evenly.
struct Traffic {
  int64_t organizations = 1;
  int64_t members = 40;
  int64_t batch = 1000;        // Records of a batch.
  std::string prefix = "run";  // Of request ids.
};

// The RPC's path.
const char* PathOf(CallKind kind);

// The serialized request of that number. One that sets up is of the organization of that number.
std::string MessageOf(CallKind kind, const Traffic& traffic, uint64_t number);

// How many records a call makes, or checks: what rates are counted in.
int64_t ItemsOf(CallKind kind, const Traffic& traffic);

// The number of the request on a stream that this is the answer to; 0 where it cannot be read.
uint64_t NumberOfAnswer(const std::string& body);

// What is wrong with an answer: "" where a check was admitted, or all records have receipts that
// are new. Of what sets up, any answer is right.
std::string WrongWith(CallKind kind, const std::string& body);

}  // namespace bursar::bench
