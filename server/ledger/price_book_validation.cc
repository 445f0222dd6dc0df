#include "server/ledger/price_book_validation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/ledger/usage.h"

namespace bursar {
namespace {

constexpr size_t kMaxProblems = 20;
constexpr size_t kMaxProviders = 256;
constexpr size_t kMaxModels = 10'000;
constexpr size_t kMaxCards = 64;
constexpr size_t kMaxTiers = 16;
constexpr size_t kMaxOtherMeterPrices = 64;
constexpr size_t kMaxModifiers = 64;
constexpr size_t kMaxCardIdBytes = 352;
constexpr size_t kMaxSourceBytes = 1024;
// A prompt is the sum of four meters.
constexpr int64_t kMaxPromptTokens = 4 * kMaxQuantity;

constexpr const char* kPriceFields[kFixedMeterCount] = {
    "input_nanos_per_million",          "output_nanos_per_million",
    "cache_write_5m_nanos_per_million", "cache_write_1h_nanos_per_million",
    "cache_read_nanos_per_million",     "web_search_nanos_per_thousand"};

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// 1 to 64 letters, digits and those marks.
bool IsName(std::string_view name, std::string_view marks, bool upper) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [&](char c) {
    return IsLower(c) || IsDigit(c) || (upper && IsUpper(c)) ||
           marks.find(c) != std::string_view::npos;
  });
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

class Validation {
 public:
  explicit Validation(const PriceBookSpec& spec) : spec_(spec) {}

  std::vector<std::string> Run() {
    CheckHead();
    CheckProviders();
    CheckModels();
    CheckModifiers("service_tiers", spec_.service_tiers);
    CheckModifiers("regions", spec_.regions);
    CheckCombinedModifiers();
    CheckFallback();
    return std::move(problems_);
  }

 private:
  void Require(bool holds, const std::string& path, const char* problem) {
    if (!holds && problems_.size() < kMaxProblems) problems_.push_back(path + ": " + problem);
  }

  void CheckHead() {
    Require(IsName(spec_.version, "._+-", true), "version",
            "must be 1 to 64 letters, digits and \"._+-\"");
    Require(spec_.currency_code.size() == 3 &&
                std::all_of(spec_.currency_code.begin(), spec_.currency_code.end(), IsUpper),
            "currency_code", "must be three capital letters, as of ISO 4217");
    Require(spec_.source.size() <= kMaxSourceBytes, "source", "must be at most 1024 bytes");
    Require(!spec_.providers.empty(), "providers", "must not be empty");
    Require(spec_.providers.size() <= kMaxProviders, "providers", "must be at most 256");
    Require(spec_.models.size() <= kMaxModels, "models", "must be at most 10000");
  }

  void CheckProviders() {
    for (size_t i = 0; i < spec_.providers.size(); ++i) {
      const PriceProviderSpec& provider = spec_.providers[i];
      const std::string path = IndexedPath("providers", i);
      Require(IsName(provider.id, "._-", false), path + ".id",
              "must be 1 to 64 lower-case letters, digits and \"._-\"");
      Require(provider_ids_.insert(provider.id).second, path + ".id", "is listed twice");
      Require(provider.fallback_provider_ids.size() <= kMaxProviders,
              path + ".fallback_provider_ids", "must be at most 256");
    }
    for (size_t i = 0; i < spec_.providers.size(); ++i) {
      const auto& fallbacks = spec_.providers[i].fallback_provider_ids;
      for (size_t j = 0; j < fallbacks.size() && j < kMaxProviders; ++j) {
        Require(provider_ids_.contains(fallbacks[j]) && fallbacks[j] != spec_.providers[i].id,
                IndexedPath(IndexedPath("providers", i) + ".fallback_provider_ids", j),
                "must be another provider of the book");
      }
    }
  }

  void CheckModels() {
    std::set<std::pair<std::string_view, std::string_view>> ids;
    for (size_t i = 0; i < spec_.models.size() && problems_.size() < kMaxProblems; ++i) {
      const ModelPricesSpec& model = spec_.models[i];
      const std::string path = IndexedPath("models", i);
      Require(provider_ids_.contains(model.provider), path + ".provider",
              "must be a provider of the book");
      Require(!model.id.empty() && model.id.size() <= kMaxModelNameBytes && !HasControl(model.id),
              path + ".id", "must be 1 to 256 bytes without control characters");
      Require(ids.emplace(model.provider, model.id).second, path + ".id",
              "is listed twice for its provider");
      Require(!model.cards.empty(), path + ".cards", "must not be empty");
      Require(model.cards.size() <= kMaxCards, path + ".cards", "must be at most 64");
      std::set<absl::Time> instants;
      for (size_t j = 0; j < model.cards.size() && j < kMaxCards; ++j) {
        const std::string card_path = IndexedPath(path + ".cards", j);
        CheckCard(model.cards[j], card_path);
        Require(instants.insert(model.cards[j].effective_from).second,
                card_path + ".effective_from", "is that of another card of the model");
      }
    }
  }

  void CheckCard(const PriceCardSpec& card, const std::string& path) {
    const bool well_formed =
        !card.id.empty() && card.id.size() <= kMaxCardIdBytes && !HasControl(card.id) &&
        card.id.find_first_of(" @") == std::string::npos && card.id != "fallback";
    Require(well_formed, path + ".id",
            "must be 1 to 352 bytes without spaces, control characters or \"@\", and not "
            "\"fallback\"");
    Require(card_ids_.insert(card.id).second, path + ".id", "is that of another card");
    CheckPrices(card.prices, path + ".prices");
    Require(card.tiers.size() <= kMaxTiers, path + ".tiers", "must be at most 16");
    std::set<int64_t> starts;
    for (size_t i = 0; i < card.tiers.size() && i < kMaxTiers; ++i) {
      const std::string tier_path = IndexedPath(path + ".tiers", i);
      const int64_t start = card.tiers[i].prompt_tokens_above;
      Require(start >= 0 && start <= kMaxPromptTokens, tier_path + ".prompt_tokens_above",
              "must be 0 to 4000000000000");
      Require(starts.insert(start).second, tier_path + ".prompt_tokens_above",
              "is that of another tier of the card");
      CheckPrices(card.tiers[i].prices, tier_path + ".prices");
    }
  }

  void CheckPrices(const MeterPricesSpec& prices, const std::string& path) {
    for (size_t i = 0; i < kFixedMeterCount; ++i) {
      const int64_t nanos = prices.nanos[i].value_or(0);
      Require(nanos >= 0 && nanos <= kMaxPriceNanos, path + "." + kPriceFields[i],
              "must be 0 to 1000000000000000");
    }
    Require(prices.other_meters.size() <= kMaxOtherMeterPrices, path + ".other_meters",
            "must be at most 64");
    std::set<std::string_view> names;
    for (size_t i = 0; i < prices.other_meters.size() && i < kMaxOtherMeterPrices; ++i) {
      const OtherMeterPrice& other = prices.other_meters[i];
      const std::string other_path = IndexedPath(path + ".other_meters", i);
      Require(IsMeterName(other.name), other_path + ".name",
              "must be 1 to 64 lower-case letters, digits and \"._-\"");
      Require(names.insert(other.name).second, other_path + ".name", "is listed twice");
      Require(other.nanos_per_million >= 0 && other.nanos_per_million <= kMaxPriceNanos,
              other_path + ".nanos_per_million", "must be 0 to 1000000000000000");
    }
  }

  void CheckModifiers(std::string_view list, const std::vector<PriceModifierSpec>& modifiers) {
    Require(modifiers.size() <= kMaxModifiers, std::string(list), "must be at most 64");
    std::set<std::string_view> names;
    for (size_t i = 0; i < modifiers.size() && i < kMaxModifiers; ++i) {
      const std::string path = IndexedPath(list, i);
      Require(IsName(modifiers[i].name, "._-", true), path + ".name",
              "must be 1 to 64 letters, digits and \"._-\"");
      Require(names.insert(modifiers[i].name).second, path + ".name", "is listed twice");
      Require(modifiers[i].multiplier_millionths >= 1 &&
                  modifiers[i].multiplier_millionths <= kMaxMultiplierMillionths,
              path + ".multiplier_millionths", "must be 1 to 1000000000");
    }
  }

  // The product of every pair must be exact, so that no rounding hides before a line's own (P4).
  void CheckCombinedModifiers() {
    if (!problems_.empty()) return;
    for (size_t i = 0; i < spec_.service_tiers.size(); ++i) {
      for (const PriceModifierSpec& region : spec_.regions) {
        // At most 10^9 × 10^9, which fits 64 bits.
        const int64_t product =
            spec_.service_tiers[i].multiplier_millionths * region.multiplier_millionths;
        Require(product % kMillionthsPerUnit == 0 &&
                    product / kMillionthsPerUnit <= kMaxMultiplierMillionths,
                IndexedPath("service_tiers", i) + ".multiplier_millionths",
                "times that of a region must be a whole number of millionths, at most 1000000000");
      }
    }
  }

  void CheckFallback() {
    for (size_t i = 0; i < kFixedMeterCount; ++i) {
      const int64_t nanos = spec_.fallback.nanos[i];
      Require(nanos >= 1 && nanos <= kMaxPriceNanos, std::string("fallback.") + kPriceFields[i],
              "is required, 1 to 1000000000000000: usage without a price is never free");
    }
    const int64_t other = spec_.fallback.other_meter_nanos_per_million;
    Require(other >= 1 && other <= kMaxPriceNanos, "fallback.other_meter_nanos_per_million",
            "is required, 1 to 1000000000000000: usage without a price is never free");
  }

  const PriceBookSpec& spec_;
  std::set<std::string_view> provider_ids_;
  std::set<std::string_view> card_ids_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> FindPriceBookProblems(const PriceBookSpec& spec) {
  return Validation(spec).Run();
}

std::string IndexedPath(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

bool IsMeterName(std::string_view name) { return IsName(name, "._-", false); }

}  // namespace bursar
