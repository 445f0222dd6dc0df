// Everything that is read from disk: whatever the bytes are, a decoder answers or refuses them as
// damaged, and what it answers is written and read back the same.
//
// Input: a byte that chooses the decoder, and the record.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bursar/storage/v1/dedupe.pb.h"
#include "bursar/storage/v1/denial.pb.h"
#include "bursar/storage/v1/increase_request.pb.h"
#include "bursar/storage/v1/journal.pb.h"
#include "bursar/storage/v1/outbox.pb.h"
#include "bursar/storage/v1/price_book.pb.h"
#include "bursar/storage/v1/system.pb.h"
#include "bursar/storage/v1/token.pb.h"
#include "bursar/storage/v1/wallet.pb.h"
#include "server/app/token_records.h"
#include "server/base/strings.h"
#include "server/engine/catalogs.h"
#include "server/engine/denial_codec.h"
#include "server/engine/notice.h"
#include "server/engine/payment_codec.h"
#include "server/engine/price_book_codec.h"
#include "server/engine/record_codec.h"
#include "server/engine/request_codec.h"
#include "server/engine/statement_codec.h"
#include "storage/key_schema.h"
#include "storage/memory_store.h"
#include "storage/watermark.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/require.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace bursar::fuzz {
namespace {

using google::protobuf::Message;

// What is decoded is encoded to bytes that decode to what is encoded to the same bytes.
template <class Decode, class Encode>
void CheckStable(std::string_view bytes, const Decode& decode, const Encode& encode) {
  const auto first = decode(bytes);
  if (!first.ok()) {
    Require(first.status().code() == absl::StatusCode::kDataLoss, "what is damaged is DATA_LOSS",
            first.status().ToString());
    return;
  }
  const std::string once = encode(*first);
  const auto second = decode(once);
  Require(second.ok(), "what was written can be read", second.status().ToString());
  Require(encode(*second) == once, "what was read is written the same");
}

void CheckHeader(std::string_view bytes) {
  CheckStable(bytes, DecodeHeader, [](const StoredHeader& header) {
    return EncodeHeader(header.header, header.chain_hash);
  });
}

void CheckJournal(std::string_view bytes) {
  CheckStable(bytes, DecodeJournal, [](const DecodedJournal& journal) {
    return EncodeJournal("", journal.entries).bytes;
  });
  const auto decoded = DecodeJournal(bytes);
  if (!decoded.ok()) return;
  Require(ExpectedChainHash("", bytes).ok(), "a journal that can be read can be chained");
  for (const Entry& entry : decoded->entries) {
    Require(CheckReadable(entry).ok(), "what was read can be read again");
  }
}

void CheckJournalBody(std::string_view bytes) {
  storage::v1::JournalRecord record;
  record.set_body(std::string(bytes));
  record.set_chain_hash(std::string(32, 'c'));
  CheckJournal(record.SerializeAsString());
}

void CheckPriceBook(std::string_view bytes) {
  storage::v1::PriceBookRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto entry = DecodePriceBookRecord(record);
  if (!entry.ok()) return;
  const auto again = DecodePriceBookRecord(EncodePriceBookRecord(*entry));
  Require(again.ok(), "a price book that was written can be read", again.status().ToString());
  Require(EncodePriceBookRecord(*again).SerializeAsString() ==
              EncodePriceBookRecord(*entry).SerializeAsString(),
          "a price book that was read is written the same");
}

void CheckPlanCatalog(std::string_view bytes) {
  storage::v1::PlanCatalogRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto plans = PlanCatalogFromProto(record.catalog());
  if (!plans.ok()) {
    Require(plans.status().code() == absl::StatusCode::kInvalidArgument,
            "a plan catalog is good or refused", plans.status().ToString());
  }
}

void CheckToken(std::string_view bytes) {
  const std::unique_ptr<Store> store = NewMemoryStore({});
  Require(store->PutSystem({{"token/tok_1", std::string(bytes)}}).ok(), "a record can be put");
  TokenRecords records(store.get());
  const auto tokens = records.List();
  if (!tokens.ok()) return;
  for (const StoredToken& token : *tokens) {
    if (token.credential.token_id.empty()) continue;
    Require(records.Put(token).ok(), "a token can be written again");
  }
  Require(records.List().ok(), "a token that was written can be read");
}

void CheckKeys(std::string_view bytes) {
  if (const auto row = ParseGroupRow(bytes); row.has_value()) {
    Require(ParseGroupRow(GroupRowValue(*row)) == row, "a group's row is written the same");
  }
  std::string_view header;
  if (const auto head = ParseOrganization(bytes, &header); head.has_value()) {
    const std::string once = OrganizationValue(*head, header);
    std::string_view again;
    Require(ParseOrganization(once, &again).has_value() && again == header,
            "an organization's value is written the same");
  }
  if (const auto mark = ParseWatermark(std::string(bytes)); mark.ok()) {
    Require(ParseWatermark(FormatWatermark(*mark)).ok(), "a watermark is written the same");
  }
}

template <class Record>
const Message* TypeOf() {
  return &Record::default_instance();
}

struct Kind {
  void (*check)(std::string_view bytes);
  const Message* type;  // Null where it is none.
};

template <auto kDecode, auto kEncode>
void Check(std::string_view bytes) {
  CheckStable(bytes, kDecode, kEncode);
}

// The order is that of the corpus: new ones come last.
const Kind* Kinds(size_t* count) {
  namespace record = storage::v1;
  static const Kind kKinds[] = {
      {CheckHeader, TypeOf<record::HeaderRecord>()},
      {Check<DecodeMember, EncodeMember>, TypeOf<record::MemberRecord>()},
      {Check<DecodeHold, EncodeHold>, TypeOf<record::HoldRecord>()},
      {Check<DecodeEndedHold, EncodeEndedHold>, nullptr},
      {Check<DecodeReversal, EncodeReversal>, TypeOf<record::ReversalRecord>()},
      {CheckJournal, nullptr},
      {CheckJournalBody, TypeOf<record::JournalBody>()},
      {Check<DecodeRemembered, EncodeRemembered>, TypeOf<record::DedupeRecord>()},
      {Check<DecodeNotice, EncodeNotice>, TypeOf<record::NoticeRecord>()},
      {Check<DecodeStatement, EncodeStatement>, TypeOf<record::StatementFinalizedRecord>()},
      {Check<DecodeDeniedCheck, EncodeDeniedCheck>, TypeOf<record::DenialRecord>()},
      {Check<DecodeRequest, EncodeRequest>, TypeOf<record::IncreaseRequestRecord>()},
      {Check<DecodePayment, EncodePayment>, TypeOf<record::PaymentRecord>()},
      {CheckPriceBook, TypeOf<record::PriceBookRecord>()},
      {CheckPlanCatalog, TypeOf<record::PlanCatalogRecord>()},
      {CheckToken, TypeOf<record::ServiceTokenRecord>()},
      {CheckKeys, nullptr}};
  *count = std::size(kKinds);
  return kKinds;
}

const Kind& KindOf(uint8_t number) {
  size_t count = 0;
  const Kind* const kinds = Kinds(&count);
  return kinds[number % count];
}

const std::vector<std::string>& Words() {
  static const std::vector<std::string>* const words =
      new std::vector<std::string>{"",
                                   "acme",
                                   "mia",
                                   "USD",
                                   "Europe/Berlin",
                                   "standard",
                                   "maker/model-a",
                                   "plan-1",
                                   "17",
                                   std::string(32, 'c'),
                                   std::string(16, 'u'),
                                   "tok_1"};
  return *words;
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace bursar::fuzz;
  MessageMutator mutator(&Words(), seed);
  if (size == 0 || mutator.Below(4) == 0) return LLVMFuzzerMutate(data, size, max_size);
  const Kind& kind = KindOf(data[0]);
  if (kind.type == nullptr) return LLVMFuzzerMutate(data, size, max_size);
  const std::unique_ptr<Message> message(kind.type->New());
  return mutator.MutateInput(message.get(), data, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  bursar::fuzz::KindOf(data[0]).check({reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
