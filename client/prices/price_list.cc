#include "client/prices/price_list.h"

#include "client/prices/genai_prices.h"
#include "client/prices/json_value.h"
#include "client/prices/litellm_prices.h"

namespace bursar {
namespace {

// What the text says of itself; kByContent where it says nothing.
PriceListFormat FormatOf(const JsonValue& list) {
  if (list.kind == JsonValue::Kind::kArray) return PriceListFormat::kGenaiPrices;
  if (list.kind != JsonValue::Kind::kObject) return PriceListFormat::kByContent;
  for (const auto& [name, member] : list.members) {
    if (member.Find("models") != nullptr) return PriceListFormat::kGenaiPrices;
    if (member.Find("litellm_provider") != nullptr) return PriceListFormat::kLitellm;
  }
  return PriceListFormat::kByContent;
}

}  // namespace

absl::StatusOr<ImportResult> ImportPriceList(std::string_view text, PriceListFormat format,
                                             const ImportOptions& options) {
  if (format == PriceListFormat::kByContent) {
    absl::StatusOr<JsonValue> list = ParseJson(text);
    if (!list.ok()) return list.status();
    format = FormatOf(*list);
  }
  switch (format) {
    case PriceListFormat::kGenaiPrices:
      return ImportGenaiPrices(text, options);
    case PriceListFormat::kLitellm:
      return ImportLitellmPrices(text, options);
    case PriceListFormat::kByContent:
      break;
  }
  return absl::InvalidArgumentError(
      "is neither genai-prices (providers with \"models\") nor LiteLLM's list (models with "
      "\"litellm_provider\")");
}

}  // namespace bursar
