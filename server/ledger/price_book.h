// Price books: what every model costs, validated, compiled for look-up, and immutable.
//
// A book is made from a PriceBookSpec, plain data in the shape of bursar.v1.PriceBook, and refuses
// what could later misprice or stall: prices out of bounds, a fallback of zero, ambiguous cards,
// expressions that may run away. What it has accepted it can always price. Requested model names
// are resolved by patterns, which is slow (microseconds); callers on the request path keep the
// answer (engine/model_resolver.h).
//
// Thread rule: PriceBook is immutable, its const methods may be called from any thread. Pointers
// that it returns live as long as the book. PriceBookHistory is a plain value: not to be changed
// while others read it.
//
// Source: rules P1-P7, M4 (docs/rules.md).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bursar {

// The largest price: 10^15 nanos per million (or per thousand) of a meter (rule P2).
inline constexpr int64_t kMaxPriceNanos = 1'000'000'000'000'000;

// One, as a multiplier in millionths; and the largest factor of service tier and region together.
inline constexpr int64_t kMillionthsPerUnit = 1'000'000;
inline constexpr int64_t kMaxMultiplierMillionths = 1'000'000'000;

// The longest model name that is looked up; a longer one is an unknown model.
inline constexpr size_t kMaxModelNameBytes = 256;

// The meters with a price of their own, in the order of Usage's fields. kOther stands for every
// member of Usage::other_meters.
enum class Meter : uint8_t {
  kInput = 0,
  kOutput = 1,
  kCacheWrite5m = 2,
  kCacheWrite1h = 3,
  kCacheRead = 4,
  kWebSearch = 5,
  kOther = 6,
};
inline constexpr size_t kFixedMeterCount = 6;

// The meter's name in words of the public contract: "input", "cache_write_5m", "web_search" …;
// "other" for kOther.
std::string_view MeterName(Meter meter);

// ---- The plain data, in the shape of bursar.v1.PriceBook (see there for bounds) ----

struct OtherMeterPrice {
  std::string name;
  int64_t nanos_per_million = 0;
  bool modifiers_apply = false;
};

// Indexed by Meter: nanos per million, but for kWebSearch per thousand. Nothing: no price here.
struct MeterPricesSpec {
  std::array<std::optional<int64_t>, kFixedMeterCount> nanos;
  std::vector<OtherMeterPrice> other_meters;
};

struct PriceTierSpec {
  int64_t prompt_tokens_above = 0;  // Exclusive.
  MeterPricesSpec prices;
};

struct PriceCardSpec {
  std::string id;
  absl::Time effective_from = absl::InfinitePast();
  MeterPricesSpec prices;
  std::vector<PriceTierSpec> tiers;
};

struct NameMatchSpec {
  enum class Kind { kUnset, kEquals, kStartsWith, kEndsWith, kContains, kRegex, kAllOf, kAnyOf };
  Kind kind = Kind::kUnset;
  std::string text;                  // For all but kAllOf and kAnyOf.
  std::vector<NameMatchSpec> rules;  // For kAllOf and kAnyOf.
};

struct ModelPricesSpec {
  std::string provider;
  std::string id;
  NameMatchSpec match;
  std::vector<PriceCardSpec> cards;
};

struct PriceProviderSpec {
  std::string id;
  std::optional<NameMatchSpec> match;
  std::vector<std::string> fallback_provider_ids;
};

struct PriceModifierSpec {
  std::string name;
  int64_t multiplier_millionths = kMillionthsPerUnit;
};

struct FallbackPricesSpec {
  std::array<int64_t, kFixedMeterCount> nanos = {};  // Indexed by Meter.
  int64_t other_meter_nanos_per_million = 0;
};

struct PriceBookSpec {
  std::string version;
  std::string currency_code;
  std::vector<PriceProviderSpec> providers;
  std::vector<ModelPricesSpec> models;
  std::vector<PriceModifierSpec> service_tiers;
  std::vector<PriceModifierSpec> regions;
  FallbackPricesSpec fallback;
  std::string source;
};

// ---- What a book looks like once it is accepted ----

// The prices that apply to one request: a card's own, with one tier's laid over them.
struct Rates {
  // A price that is not there.
  static constexpr int64_t kAbsent = -1;
  std::array<int64_t, kFixedMeterCount> nanos;  // Indexed by Meter.
  std::vector<OtherMeterPrice> other_meters;

  // The price of a named meter, or nullptr.
  const OtherMeterPrice* FindOther(std::string_view name) const;
};

class PriceCard {
 public:
  explicit PriceCard(const PriceCardSpec& spec, const std::string& version);

  // "id@version", as it is written on journal entries (rule P5).
  const std::string& reference() const { return reference_; }
  absl::Time effective_from() const { return effective_from_; }
  // The prices of a request whose prompt has that many tokens: those of the highest tier that
  // starts below it, else the card's own (rule P3).
  const Rates& RatesFor(int64_t prompt_tokens) const;

 private:
  struct Tier {
    int64_t prompt_tokens_above;
    Rates rates;
  };
  std::string reference_;
  absl::Time effective_from_;
  Rates base_;
  std::vector<Tier> tiers_;  // By falling start.
};

// A model of a book and its cards.
class ModelPrices {
 public:
  ModelPrices(const ModelPricesSpec& spec, const std::string& version);

  const std::string& provider() const { return provider_; }
  const std::string& id() const { return id_; }
  // The card in force at the instant: the latest that is effective at or before it. nullptr when
  // none is yet, which is priced as an unknown model.
  const PriceCard* CardAt(absl::Time instant) const;

 private:
  std::string provider_;
  std::string id_;
  std::vector<PriceCard> cards_;  // By falling effective_from.
};

class NameMatcher;

class PriceBook {
 public:
  // Validates and compiles. INVALID_ARGUMENT names every field that is wrong (the first twenty),
  // by its path in bursar.v1.PriceBook: "models[3].cards[0].prices.input_nanos_per_million: …".
  static absl::StatusOr<std::shared_ptr<const PriceBook>> Create(PriceBookSpec spec);

  PriceBook(const PriceBook&) = delete;
  PriceBook& operator=(const PriceBook&) = delete;
  ~PriceBook();

  const std::string& version() const { return spec_.version; }
  const std::string& currency_code() const { return spec_.currency_code; }
  // What the book was made from.
  const PriceBookSpec& spec() const { return spec_; }

  // The prices of a requested model, or nullptr when the book does not know it (rules P1, P7).
  //
  // With a provider (its id in any case, or a name that its `match` accepts): that provider's
  // models, then those of its fallback providers, then both again with a leading "provider/" taken
  // off the model. A provider that the book does not know knows no models.
  // Without one: where the model is "provider/rest" with a provider's id, first `rest` under that
  // provider; then the name as it is under every provider in the book's order. (The order matters:
  // some models' own names contain a slash.)
  // Within a provider the first model in the book's order whose match accepts the name decides.
  // Names longer than kMaxModelNameBytes or with control characters are unknown.
  const ModelPrices* Resolve(std::string_view provider, std::string_view model) const;

  // The prices for usage without one; its card reference is "fallback@version" (rule P6).
  const Rates& fallback_rates() const { return fallback_rates_; }
  int64_t fallback_other_meter_nanos() const {
    return spec_.fallback.other_meter_nanos_per_million;
  }
  const std::string& fallback_reference() const { return fallback_reference_; }

  // The combined factor on tokens of a service tier and a region, empty meaning the ordinary one
  // (rule P4). A name that the book does not know counts as one and clears its flag.
  struct Modifier {
    int64_t millionths = kMillionthsPerUnit;
    bool service_tier_known = true;
    bool region_known = true;
  };
  Modifier ModifierFor(std::string_view service_tier, std::string_view region) const;

 private:
  struct Provider;
  explicit PriceBook(PriceBookSpec spec);
  const Provider* FindProvider(std::string_view name) const;
  const Provider* FindProviderById(std::string_view id) const;
  const ModelPrices* FindIn(const Provider& provider, std::string_view model) const;
  const ModelPrices* FindInOrFallbacks(const Provider& provider, std::string_view model) const;

  PriceBookSpec spec_;
  std::vector<Provider> providers_;
  Rates fallback_rates_;
  std::string fallback_reference_;
};

// All books of one currency that were ever published, and which was in force when (rule P5).
class PriceBookHistory {
 public:
  // Adds a book from an instant on. FAILED_PRECONDITION when a later one is there already;
  // ALREADY_EXISTS when its version is; INVALID_ARGUMENT when its currency is another. Of two books
  // of one instant, the one published second is in force.
  absl::Status Publish(std::shared_ptr<const PriceBook> book, absl::Time published);

  // The newest book published at or before the instant, and the first book for anything before its
  // publication. nullptr only when no book was published.
  std::shared_ptr<const PriceBook> At(absl::Time occurred_at) const;
  // The book published last, or nullptr.
  std::shared_ptr<const PriceBook> Newest() const;
  // The book of that version, or nullptr.
  std::shared_ptr<const PriceBook> Find(std::string_view version) const;

  struct Entry {
    absl::Time published;
    std::shared_ptr<const PriceBook> book;
  };
  // By publication.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace bursar
