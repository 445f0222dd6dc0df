// Writes the first inputs of every fuzz target: a folder for each, a file for each input.
//
//   fuzz_corpus SOURCE OUTPUT
//
// Texts come from SOURCE, where inputs are divided by lines of "===="; what is bytes is made here,
// of the world of the request fuzzer and of drawn records, always the same.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bursar/storage/v1/journal.pb.h"
#include "bursar/v1/journal_export.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/engine/catalogs.h"
#include "server/engine/denial_codec.h"
#include "server/engine/notice.h"
#include "server/engine/payment_codec.h"
#include "server/engine/rebuild.h"
#include "server/engine/record_codec.h"
#include "server/engine/request_codec.h"
#include "storage/key_schema.h"
#include "storage/watermark.h"
#include "tests/engine/drawn_records.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wallet_world.h"

namespace bursar::fuzz {
namespace {

// One target's inputs.
class Folder {
 public:
  Folder(const std::string& output, const std::string& name) : path_(output + "/" + name) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  void Add(std::string_view input) {
    std::ofstream file(absl::StrCat(path_, "/", ++count_), std::ios::binary);
    file.write(input.data(), static_cast<std::streamsize>(input.size()));
    Require(file.good(), "an input can be written", path_);
  }

 private:
  const std::string path_;
  int count_ = 0;
};

std::vector<std::string> ReadInputs(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Require(file.is_open(), "a corpus can be read", path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return absl::StrSplit(text, "\n====\n", absl::SkipEmpty());
}

void MakeTexts(const std::string& source, const std::string& output) {
  for (const char* name : {"documents", "notices", "options", "tokens", "traces"}) {
    Folder folder(output, name);
    for (const std::string& input : ReadInputs(absl::StrCat(source, "/", name, ".txt"))) {
      folder.Add(input);
    }
  }
}

// Calls of the corpus, and every RPC alone, with nothing in it.
void MakeRequests(const std::string& source, const std::string& output, const WalletWorld& world) {
  Folder folder(output, "requests");
  for (const std::string& input : ReadInputs(source + "/requests.txt")) {
    std::vector<Call> calls;
    for (const absl::string_view line : absl::StrSplit(input, '\n', absl::SkipEmpty())) {
      if (!absl::StartsWith(line, "#")) calls.push_back(world.ParseCall(std::string(line)));
    }
    folder.Add(WriteCalls(calls));
  }
  for (const Rpc& rpc : Rpcs()) {
    Call call;
    call.rpc = RpcNumber(rpc.path);
    folder.Add(WriteCalls({call}));
  }
}

void MakeRecords(const std::string& output) {
  Folder folder(output, "records");
  Draw draw(1);
  // The order is that of records_fuzzer.cc.
  const auto add = [&](int kind, const std::string& bytes) {
    folder.Add(std::string(1, static_cast<char>(kind)) + bytes);
  };
  for (int i = 0; i < 8; ++i) {
    add(0, EncodeHeader(draw.Header(), std::string(32, 'c')));
    add(1, EncodeMember(draw.AnyMember()));
    add(2, EncodeHold(draw.AnyHold(true)));
    add(3, EncodeEndedHold(draw.AnyEndedHold()));
    add(4, EncodeReversal(draw.AnyReversal()));
    add(7, EncodeRemembered({std::string(16, 'h'), 7, 9, draw.Text()}));
    add(11, EncodeRequest(draw.Request()));
    add(12, EncodePayment(draw.AnyPayment(true)));
  }
  for (size_t body = 0; body < std::variant_size_v<AnyEntryBody>; ++body) {
    Entry entry;
    entry.sequence = 5;
    entry.recorded_at = draw.Instant();
    entry.cause = {draw.Text(), draw.Text(), draw.RequestId()};
    entry.body = draw.Body(body);
    const std::string bytes = EncodeJournal(std::string(32, 'c'), {entry}).bytes;
    storage::v1::JournalRecord record;
    Require(record.ParseFromString(bytes), "a journal record is a message");
    add(5, bytes);
    add(6, record.body());
  }
  StoredNotice notice;
  notice.facts = {WordsFact("limit", "member"), MoneyFact("spent", Amount(Nanos(5)))};
  add(8, EncodeNotice(notice));
  add(9, "");
  add(10, EncodeDeniedCheck({}));
  for (int kind = 13; kind <= 15; ++kind) add(kind, "");
  GroupId group;
  group.group = 3;
  add(16, FormatWatermark(group));
  GroupRow row;
  row.group = 3;
  add(16, GroupRowValue(row));
  add(16, OrganizationValue({}, "header"));
}

// The world's own journals, as commits and as the lines of an export.
void MakeJournals(const std::string& output, WalletWorld& world) {
  Folder folder(output, "journals");
  std::string lines = R"({"header":{"format":1,"epoch":"epc_00112233445566778899aabbccddeeff"}})";
  v1::ExportLine end;
  for (const char* organization_id : {"acme", "posty"}) {
    auto journal = JournalReader::Open(world.store(), organization_id);
    Require(journal.ok(), "a journal can be read");
    std::string input = "j";
    while (true) {
      auto commit = journal->Next();
      Require(commit.ok(), "a journal can be read");
      if (!commit->has_value()) break;
      const JournalRecord& record = (*commit)->record;
      storage::v1::JournalRecord outer;
      Require(outer.ParseFromString(record.record), "a journal record is a message");
      input.push_back(static_cast<char>(outer.body().size() & 0xFF));
      input.push_back(static_cast<char>(outer.body().size() >> 8));
      input.append(outer.body());
      folder.Add(input);
      v1::ExportLine line;
      v1::ExportedCommit& exported = *line.mutable_commit();
      exported.set_organization_id(organization_id);
      exported.set_first_sequence(record.first_sequence);
      exported.set_last_sequence(record.last_sequence);
      exported.mutable_commit_time()->set_seconds(absl::ToUnixSeconds(record.committed_at));
      exported.set_nonce(record.nonce);
      exported.set_record(record.record);
      std::string json;
      Require(google::protobuf::util::MessageToJsonString(line, &json).ok(), "a line can be made");
      absl::StrAppend(&lines, "\n", json);
      end.mutable_end()->set_commit_count(end.end().commit_count() + 1);
      end.mutable_end()->set_entry_count(end.end().entry_count() + record.last_sequence -
                                         record.first_sequence + 1);
    }
  }
  end.mutable_end()->set_organization_count(2);
  std::string json;
  Require(google::protobuf::util::MessageToJsonString(end, &json).ok(), "a line can be made");
  folder.Add("t" + lines + "\n" + json + "\n");
  folder.Add("t" + lines);
}

// The world's notices, and one of every kind.
void MakeNotices(const std::string& output, WalletWorld& world) {
  Folder folder(output, "stored_notices");
  const auto rows = world.store().ScanAllOutboxes("", "", 100);
  Require(rows.ok(), "the outbox can be read");
  for (const OutboxRow& row : *rows) folder.Add("n" + row.value);
  for (uint32_t kind = 1; kind <= 43; ++kind) {
    StoredNotice notice;
    notice.kind = static_cast<NoticeKind>(kind);
    notice.member_id = "mia";
    notice.organization_name = "Acme";
    notice.facts = {WordsFact("limit", "member"), MoneyFact("spent", Amount(Nanos(5))),
                    WordsFact("currency_code", "USD"), TimeFact("reset_time", absl::UnixEpoch())};
    notice.changes = {{"plan", "team", "usage"}};
    folder.Add("n" + EncodeNotice(notice));
  }
}

}  // namespace
}  // namespace bursar::fuzz

int main(int argc, char** argv) {
  using namespace bursar::fuzz;
  Require(argc == 3, "fuzz_corpus SOURCE OUTPUT");
  const std::string source = argv[1];
  const std::string output = argv[2];
  MakeTexts(source, output);
  MakeRecords(output);
  WalletWorld world;
  MakeRequests(source, output, world);
  MakeJournals(output, world);
  MakeNotices(output, world);
  std::printf("made\n");
  return 0;
}
