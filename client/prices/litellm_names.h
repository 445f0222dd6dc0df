// What the names in LiteLLM's price list mean: prices by key, providers, models.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/prices/import_parts.h"

namespace bursar {

// A key such as "cache_read_input_token_cost_above_200k_tokens_priority".
struct LitellmPriceKey {
  ListMeter meter = kInput;
  // Tokens above which the price holds: 200,000; nothing for the base price.
  std::optional<int64_t> above;
  // What else qualifies the price, for example "priority"; empty for the ordinary one.
  std::string variant;
};

// Nothing for keys that are no price of a token that Usage counts.
std::optional<LitellmPriceKey> ParseLitellmPriceKey(std::string_view key);

// Whether a key of the list says what something costs, whatever it is.
bool IsLitellmPrice(std::string_view key);

// The book's provider for a "litellm_provider". Nothing where no id can be made of it.
std::optional<std::string> ProviderOfLitellm(std::string_view litellm_provider);

// The model's name without the provider in front.
std::string ModelOfLitellm(std::string_view key, std::string_view litellm_provider,
                           std::string_view provider);

// Whether the provider's tiers begin at their start instead of above it.
bool LitellmTiersAreInclusive(std::string_view provider);

// Providers to whose models a provider falls back, as far as the list has them.
std::vector<std::string> FallbacksOfLitellm(std::string_view provider);

}  // namespace bursar
