// Reads LiteLLM's public price list (model_prices_and_context_window.json) into a price book.
//
// The list is a JSON object of models by name. How it is understood (rules P2, P3, P7):
// - Prices are US dollars a token, or a web search. A price of digits behind the fifteenth decimal
//   is rounded half up to a nano-unit per million tokens, and reported.
// - The list counts cache tokens inside its prompt tokens when it *counts*; its prices are per
// pool.
//   Usage counts exclusive pools, so the prices carry over as they are.
// - A missing cache price is the input price; a missing one-hour write price the five-minute one.
// - "…_above_200k_tokens" is a tier that begins above that prompt, cache tokens included, and
//   covers the whole request, there as here. xAI's tiers begin at that prompt: they are moved by
//   one token. Where a tier says nothing of a meter, the base price holds. "tiered_pricing" with
//   ranges of prompts means the same.
// - Batch prices that are half the price are the book's own batch tier; others are reported.
// - A search price that depends on the size of its context is that of the medium size, reported.
// - "anthropic", "openai" and "gemini" are the providers anthropic, openai and google. Names that
//   mean one house are joined: "vertex_ai-language-models" and its like are vertex_ai,
//   "bedrock_converse" is bedrock, "cohere_chat" is cohere, "azure_text" is azure,
//   "text-completion-openai" is openai. Others are providers by their own name. The names that were
//   joined still find their provider in requests.
// - A model answers to its name in the list and to that without the provider in front
//   ("gemini/gemini-2.5-pro" and "gemini-2.5-pro"). Of two entries that come to the same provider
//   and name the first decides; another that costs something else is reported.
// - vertex_ai falls back on google and anthropic, google on vertex_ai, azure on openai, bedrock on
//   anthropic.
// - What Usage cannot express is left out and reported: images, audio, characters, seconds, pages,
//   service tiers, times of day; models that have nothing else. Also a model all of whose prices
//   come to zero: the list writes zero where it knows none or where the price is by another unit,
//   and usage must not become free by that (rule P6).
// - "sample_spec", which explains the list, and "deprecation_date" have no effect.
// Modifiers and fallback prices, which the list does not have, are added (shipped_defaults.h).
//
// No number passes through floating point.
//
// Thread rule: pure functions.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "client/prices/price_list.h"

namespace bursar {

// All or nothing. INVALID_ARGUMENT says where the list is not what it should be, by byte and path:
// "byte 4711, claude-opus-4-6.input_cost_per_token: is negative".
absl::StatusOr<ImportResult> ImportLitellmPrices(std::string_view text,
                                                 const ImportOptions& options);

}  // namespace bursar
