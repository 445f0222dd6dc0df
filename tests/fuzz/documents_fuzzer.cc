// The documents that operators bring: price lists, price books and plan catalogs as JSON.
//
// Claims: an importer answers or refuses with INVALID_ARGUMENT; what it makes of a public list is a
// price book that the server takes; a price of anything in it is told, or that it is too much.
//
// Input: a byte that chooses the reader, and the text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bursar/v1/plan_catalog.pb.h"
#include "bursar/v1/price_book.pb.h"
#include "client/prices/decimal.h"
#include "client/prices/json_value.h"
#include "client/prices/price_list.h"
#include "google/protobuf/util/json_util.h"
#include "server/engine/catalogs.h"
#include "server/engine/price_book_codec.h"
#include "server/ledger/pricing.h"
#include "tests/fuzz/parts.h"
#include "tests/fuzz/require.h"

namespace bursar::fuzz {
namespace {

void RequireRefused(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument,
          "what cannot be read is INVALID_ARGUMENT", status.ToString());
  Require(!status.message().empty(), "a refusal says why");
}

template <PriceListFormat kFormat>
void CheckImport(const std::string& text) {
  ImportOptions options;
  options.version = "fuzzed-1";
  const auto imported = ImportPriceList(text, kFormat, options);
  if (!imported.ok()) return RequireRefused(imported.status());
  const auto book = DecodePriceBook(imported->book);
  Require(book.ok(), "what was imported is a price book", book.status().ToString());
}

void CheckNumbers(const std::string& text) {
  if (const auto nanos = ParseDecimalNanos(text); nanos.ok()) {
    Require(*nanos >= 0, "a price is not negative");
  }
  if (const auto price = ParseNanosPerMillion(text); price.ok()) {
    Require(price->nanos >= 0, "a price is not negative");
  }
  if (const auto price = ParseNanosPerThousand(text); price.ok()) {
    Require(price->nanos >= 0, "a price is not negative");
  }
  if (const auto number = ParseWholeNumber(text); number.ok()) {
    Require(*number >= 0, "a number is not negative");
  }
}

template <class Document>
bool ReadJson(std::string_view text, Document* document) {
  return google::protobuf::util::JsonStringToMessage(
             google::protobuf::StringPiece(text.data(), text.size()), document)
      .ok();
}

void CheckPriceBook(const std::string& text) {
  v1::PriceBook document;
  if (!ReadJson(text, &document)) return;
  const auto book = DecodePriceBook(document);
  if (!book.ok()) return RequireRefused(book.status());
  const v1::PriceBook encoded = EncodePriceBook(**book);
  const auto again = DecodePriceBook(encoded);
  Require(again.ok(), "a book that was written can be read", again.status().ToString());
  Require(EncodePriceBook(**again).SerializeAsString() == encoded.SerializeAsString(),
          "a book that was read is written the same");
  // Whatever is used is priced, unless its cost exceeds one entry.
  Usage usage;
  usage.input = usage.output = usage.cache_read = 1'000'000;
  usage.web_searches = 3;
  for (const v1::ModelPrices& model : encoded.models()) {
    const auto priced = PriceUsage(**again, (*again)->Resolve(model.provider(), model.id()), usage,
                                   absl::FromUnixSeconds(1'790'000'000));
    if (!priced.ok()) RequireRefused(priced.status());
  }
}

void CheckPlanCatalog(const std::string& text) {
  v1::PlanCatalog document;
  if (!ReadJson(text, &document)) return;
  const auto plans = PlanCatalogFromProto(document);
  if (!plans.ok()) return RequireRefused(plans.status());
  Require(!plans->plans.empty(), "a catalog has a plan");
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar::fuzz;
  return RunPart(data, size,
                 {{'g', CheckImport<bursar::PriceListFormat::kGenaiPrices>},
                  {'l', CheckImport<bursar::PriceListFormat::kLitellm>},
                  {'p', CheckPlanCatalog},
                  {'b', CheckPriceBook},
                  {'n', CheckNumbers},
                  {'c', CheckImport<bursar::PriceListFormat::kByContent>}});
}
