// Journals that come from elsewhere: lines of an export, and commits of entries that are chained as
// they should be but say anything.
//
// Claims: an import is taken or refused, and what was taken can be verified; a journal folds or is
// DATA_LOSS.
//
// Input: 't' and the lines of an export; or 'j' and commits, each a length of two bytes (little
// endian) and a serialized JournalBody.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bursar/storage/v1/journal.pb.h"
#include "server/app/journal_lines.h"
#include "server/base/sha256.h"
#include "server/engine/queries.h"
#include "server/engine/rebuild.h"
#include "server/engine/record_codec.h"
#include "storage/memory_store.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/parts.h"
#include "tests/fuzz/require.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace bursar::fuzz {
namespace {

constexpr char kOrganization[] = "acme";
const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

std::vector<std::string> ReadBodies(std::string_view input) {
  std::vector<std::string> bodies;
  while (input.size() >= 2) {
    const size_t length = static_cast<uint8_t>(input[0]) | static_cast<uint8_t>(input[1]) << 8;
    input.remove_prefix(2);
    bodies.emplace_back(input.substr(0, length));
    input.remove_prefix(bodies.back().size());
  }
  return bodies;
}

std::string WriteBodies(const std::vector<std::string>& bodies) {
  std::string input;
  for (const std::string& body : bodies) {
    if (body.size() > UINT16_MAX) continue;
    input.push_back(static_cast<char>(body.size() & 0xFF));
    input.push_back(static_cast<char>(body.size() >> 8));
    input.append(body);
  }
  return input;
}

// What a store holds can be read, and what is wrong with it is told.
void CheckStore(Store& store) {
  const auto report = VerifyLedger(store, "", kNow);
  Require(report.ok(), "a ledger can be verified", report.status().ToString());
}

void CheckLines(const std::string& text) {
  const std::unique_ptr<Store> store = NewMemoryStore({});
  std::istringstream in{std::string(text)};
  const absl::Status imported = ReadJournals(in, *store, [](const std::string&) {});
  if (imported.ok()) return CheckStore(*store);
  Require(imported.code() == absl::StatusCode::kInvalidArgument ||
              imported.code() == absl::StatusCode::kDataLoss,
          "an import is taken, malformed or damaged", imported.ToString());
}

// The chain is made right, so that the entries are looked at. DATA_LOSS where there are none.
absl::StatusOr<JournalCommit> CommitOf(const std::string& body, std::string* chain_hash) {
  storage::v1::JournalRecord record;
  *chain_hash = Sha256({*chain_hash, body});
  record.set_body(body);
  record.set_chain_hash(*chain_hash);
  JournalRecord journal;
  journal.record = record.SerializeAsString();
  journal.committed_at = kNow;
  absl::StatusOr<JournalCommit> commit = JournalCommit::Decode(std::move(journal));
  if (!commit.ok()) return commit.status();
  commit->record.first_sequence = commit->journal.entries.front().sequence;
  commit->record.last_sequence = commit->journal.entries.back().sequence;
  return commit;
}

void CheckFold(const std::string& input) {
  const std::unique_ptr<Store> store = NewMemoryStore({});
  std::string chain_hash = FirstChainHash(kOrganization);
  LedgerRebuilder rebuilder(kOrganization, store.get());
  absl::Status status;
  for (const std::string& body : ReadBodies(input)) {
    absl::StatusOr<JournalCommit> commit = CommitOf(body, &chain_hash);
    status = commit.ok() ? rebuilder.Add(*std::move(commit)) : commit.status();
    if (!status.ok()) break;
  }
  if (status.ok()) status = rebuilder.Finish();
  if (status.ok()) return CheckStore(*store);
  Require(status.code() == absl::StatusCode::kDataLoss, "a journal folds or is damaged",
          status.ToString());
}

const std::vector<std::string>& Words() {
  static const std::vector<std::string>* const words = new std::vector<std::string>{
      "",        "acme", "mia",   "olga", "USD",   "Europe/Berlin", "standard",
      "premium", "team", "usage", "chat", "maker", "model-a",       "UTC"};
  return *words;
}

std::string MutateBodies(MessageMutator& mutator, std::string_view input) {
  std::vector<std::string> bodies = ReadBodies(input);
  if (bodies.empty()) bodies.emplace_back();
  const auto any = [&] { return mutator.Below(static_cast<uint32_t>(bodies.size())); };
  switch (mutator.Below(12)) {
    case 0:
      bodies.erase(bodies.begin() + any());
      break;
    case 1:
      bodies.push_back(bodies[any()]);
      break;
    default: {
      std::string& body = bodies[any()];
      storage::v1::JournalBody message;
      if (!message.ParseFromString(body)) message.Clear();
      for (uint32_t i = 0; i <= mutator.Below(3); ++i) {
        // Inside the entries: what is around them is a small part of what there is.
        if (message.entries_size() == 0 || mutator.Below(8) == 0) {
          mutator.Mutate(&message);
        } else {
          mutator.Mutate(message.mutable_entries(
              static_cast<int>(mutator.Below(static_cast<uint32_t>(message.entries_size())))));
        }
      }
      body = message.SerializeAsString();
    }
  }
  return WriteBodies(bodies);
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace bursar::fuzz;
  MessageMutator mutator(&Words(), seed);
  if (size == 0 || data[0] != 'j' || mutator.Below(8) == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const std::string input =
      MutateBodies(mutator, {reinterpret_cast<const char*>(data + 1), size - 1});
  if (input.size() + 1 > max_size) return size;
  input.copy(reinterpret_cast<char*>(data + 1), input.size());
  return input.size() + 1;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar::fuzz;
  return RunPart(data, size, {{'j', CheckFold}, {'l', CheckLines}});
}
