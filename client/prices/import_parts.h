// What the importers of public price lists have in common: messages by byte and path, the prices
// that a list leaves open, ids of cards, the order of providers.
//
// Thread rule: pure functions and plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/prices/json_value.h"
#include "client/prices/price_list.h"

namespace bursar {

// The meters that both lists and Usage have.
enum ListMeter { kInput, kOutput, kCacheWrite, kCacheWrite1h, kCacheRead, kWebSearch, kMeters };

// Nanos per million (web searches: per thousand) by meter; nothing where the list says nothing.
using MeterNanos = std::array<std::optional<int64_t>, kMeters>;

// INVALID_ARGUMENT "byte 4711, anthropic.models[3]: is negative".
absl::Status ErrorAt(const JsonValue& value, const std::string& path, std::string_view what);

// A number by `parse`; INVALID_ARGUMENT as ErrorAt.
absl::StatusOr<int64_t> ReadNumber(const JsonValue& value, const std::string& path,
                                   absl::StatusOr<int64_t> (*parse)(std::string_view));

// Whether a book may call a provider so.
bool IsProviderId(std::string_view id);

// The member of that name, which must be there and of that kind; INVALID_ARGUMENT as ErrorAt.
absl::StatusOr<const JsonValue*> Require(const JsonValue& object, const std::string& path,
                                         std::string_view name, JsonValue::Kind kind,
                                         const char* kind_name);

// Says the prices in a book's words. A missing cache price is the input price, a missing one-hour
// write price the five-minute one (rule P7).
void FillPrices(MeterNanos nanos, v1::MeterPrices* prices);

// A version that tells editions of a list apart: the list's name and sixteen hexadecimal digits.
std::string ContentVersion(std::string_view list_name, std::string_view text);

// Makes ids of cards: names with what ids may not hold replaced, each id once.
class CardIds {
 public:
  std::string Make(std::string name);

 private:
  std::set<std::string> used_;
};

// Sorts the book's providers: those of `order` first, the others as they are.
void OrderProviders(const std::vector<std::string>& order, v1::PriceBook* book);

}  // namespace bursar
