// What importers of public price lists take and give, and the choice between them.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bursar/v1/price_book.pb.h"

namespace bursar {

struct ImportOptions {
  // The book's version. Empty: the list's name and sixteen hexadecimal digits that depend on the
  // text alone, for example "genai-prices-" and so on.
  std::string version;
  // Providers that come first in the book's order; the others follow in the list's.
  std::vector<std::string> provider_order = {"anthropic", "openai", "google"};
};

struct ImportResult {
  v1::PriceBook book;
  // What was left out or altered and why, in words: "openai/whisper-1: …".
  std::vector<std::string> skipped;
};

// Which public list a text is.
enum class PriceListFormat {
  kByContent,  // Said by the text itself.
  kGenaiPrices,
  kLitellm,
};

// Reads a price list of either kind. By its content: genai-prices is an array, or an object whose
// members have "models"; LiteLLM's is an object whose members have "litellm_provider". All or
// nothing. INVALID_ARGUMENT says where the list is not what it should be, by byte and path, or that
// it is neither list.
absl::StatusOr<ImportResult> ImportPriceList(std::string_view text, PriceListFormat format,
                                             const ImportOptions& options);

}  // namespace bursar
