#include "client/prices/litellm_names.h"

namespace bursar {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool TakePrefix(std::string_view prefix, std::string_view* text) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// The longer of two names that begin alike comes first.
constexpr struct {
  std::string_view name;
  ListMeter meter;
} kMeterKeys[] = {{"input_cost_per_token", kInput},
                  {"output_cost_per_token", kOutput},
                  {"cache_creation_input_token_cost_above_1hr", kCacheWrite1h},
                  {"cache_creation_input_token_cost", kCacheWrite},
                  {"cache_read_input_token_cost", kCacheRead}};

// Takes "_above_200k_tokens" or "_above_128_tokens" off the front.
std::optional<int64_t> TakeThreshold(std::string_view* text) {
  std::string_view rest = *text;
  if (!TakePrefix("_above_", &rest)) return std::nullopt;
  int64_t tokens = 0;
  size_t digits = 0;
  while (digits < rest.size() && digits < 9 && IsDigit(rest[digits])) {
    tokens = tokens * 10 + (rest[digits++] - '0');
  }
  rest.remove_prefix(digits);
  if (digits == 0) return std::nullopt;
  if (TakePrefix("k", &rest)) tokens *= 1'000;
  if (!TakePrefix("_tokens", &rest)) return std::nullopt;
  *text = rest;
  return tokens;
}

// Names that mean one house, beside "vertex_ai-…".
constexpr struct {
  std::string_view litellm;
  std::string_view provider;
} kHouses[] = {{"gemini", "google"},
               {"bedrock_converse", "bedrock"},
               {"cohere_chat", "cohere"},
               {"azure_text", "azure"},
               {"text-completion-openai", "openai"},
               {"text-completion-codestral", "codestral"},
               {"text-completion-inception", "inception"},
               {"fireworks_ai-embedding-models", "fireworks_ai"}};

}  // namespace

std::optional<LitellmPriceKey> ParseLitellmPriceKey(std::string_view key) {
  for (const auto& [name, meter] : kMeterKeys) {
    std::string_view rest = key;
    if (!TakePrefix(name, &rest)) continue;
    LitellmPriceKey parsed;
    parsed.meter = meter;
    parsed.above = TakeThreshold(&rest);
    if (rest.empty()) return parsed;
    if (!TakePrefix("_", &rest)) return std::nullopt;
    parsed.variant = std::string(rest);
    return parsed;
  }
  return std::nullopt;
}

bool IsLitellmPrice(std::string_view key) {
  if (key == "provider_specific_entry") return true;
  for (const std::string_view word : {"cost", "pricing", "multiplier"}) {
    if (key.find(word) != std::string_view::npos) return true;
  }
  return false;
}

std::optional<std::string> ProviderOfLitellm(std::string_view litellm_provider) {
  if (litellm_provider.substr(0, 10) == "vertex_ai-") return "vertex_ai";
  for (const auto& [litellm, provider] : kHouses) {
    if (litellm_provider == litellm) return std::string(provider);
  }
  std::string id(litellm_provider);
  for (char& c : id) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (!IsProviderId(id)) return std::nullopt;
  return id;
}

std::string ModelOfLitellm(std::string_view key, std::string_view litellm_provider,
                           std::string_view provider) {
  for (const std::string_view prefix : {litellm_provider, provider}) {
    std::string_view rest = key;
    if (TakePrefix(prefix, &rest) && TakePrefix("/", &rest) && !rest.empty()) {
      return std::string(rest);
    }
  }
  return std::string(key);
}

bool LitellmTiersAreInclusive(std::string_view provider) { return provider == "xai"; }

std::vector<std::string> FallbacksOfLitellm(std::string_view provider) {
  if (provider == "vertex_ai") return {"google", "anthropic"};
  if (provider == "google") return {"vertex_ai"};
  if (provider == "azure") return {"openai"};
  if (provider == "bedrock") return {"anthropic"};
  return {};
}

}  // namespace bursar
