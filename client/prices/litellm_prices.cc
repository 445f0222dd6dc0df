#include "client/prices/litellm_prices.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/prices/decimal.h"
#include "client/prices/import_parts.h"
#include "client/prices/json_value.h"
#include "client/prices/litellm_names.h"
#include "client/prices/shipped_defaults.h"

namespace bursar {
namespace {

using Kind = JsonValue::Kind;

// What a model costs: the base, and what differs above prompts of a size.
struct Rates {
  MeterNanos base;
  std::map<int64_t, MeterNanos> tiers;  // By the prompt above which they hold.

  MeterNanos& At(std::optional<int64_t> above) { return above ? tiers[*above] : base; }

  // The prices of requests above that prompt, as far as they are known.
  MeterNanos Whole(int64_t above) const {
    MeterNanos nanos = base;
    const MeterNanos& tier = tiers.at(above);
    for (size_t i = 0; i < kMeters; ++i) {
      if (tier[i].has_value()) nanos[i] = tier[i];
    }
    return nanos;
  }

  template <class Predicate>
  bool Any(Predicate predicate) const {
    const auto any_of = [&predicate](const MeterNanos& nanos) {
      return std::any_of(nanos.begin(), nanos.end(),
                         [&](const auto& one) { return one.has_value() && predicate(*one); });
    };
    return any_of(base) || std::any_of(tiers.begin(), tiers.end(),
                                       [&](const auto& tier) { return any_of(tier.second); });
  }
};

// One entry of the list.
class Entry {
 public:
  Entry(std::string name, std::string path, bool inclusive, std::vector<std::string>* skipped)
      : name_(std::move(name)), path_(std::move(path)), inclusive_(inclusive), skipped_(skipped) {}

  // Reads every price; what cannot be expressed is reported.
  absl::Status Read(const JsonValue& entry) {
    // Ordinary prices first: the others are compared with them.
    for (const auto& [key, value] : entry.members) {
      if (absl::Status status = ReadOrdinary(key, value); !status.ok()) return status;
    }
    for (const auto& [key, value] : entry.members) {
      if (absl::Status status = ReadFurther(key, value, rates_.base); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const Rates& rates() const { return rates_; }

 private:
  void Report(const std::string& why) { skipped_->push_back(name_ + ": " + why); }

  absl::StatusOr<int64_t> ReadPrice(const JsonValue& value, const std::string& key,
                                    absl::StatusOr<RoundedNanos> (*parse)(std::string_view)) {
    const std::string path = path_ + "." + key;
    if (value.kind != Kind::kNumber && value.kind != Kind::kString) {
      return ErrorAt(value, path, "must be a number");
    }
    const absl::StatusOr<RoundedNanos> price = parse(value.text);
    if (!price.ok()) {
      const absl::string_view what = price.status().message();
      return ErrorAt(value, path, std::string_view(what.data(), what.size()));
    }
    if (price->rounded) {
      Report(key + " " + value.text + " is rounded to " + std::to_string(price->nanos) +
             " nano-units");
    }
    return price->nanos;
  }

  absl::Status ReadOrdinary(const std::string& key, const JsonValue& value) {
    if (value.kind == Kind::kNull) return absl::OkStatus();
    if (key == "search_context_cost_per_query") return ReadSearches(key, value);
    if (key == "tiered_pricing") return ReadTiers(key, value);
    const std::optional<LitellmPriceKey> price_key = ParseLitellmPriceKey(key);
    if (!price_key || !price_key->variant.empty()) return absl::OkStatus();
    const absl::StatusOr<int64_t> nanos = ReadPrice(value, key, ParseNanosPerMillion);
    if (!nanos.ok()) return nanos.status();
    rates_.At(StartOf(*price_key))[price_key->meter] = *nanos;
    return absl::OkStatus();
  }

  // The prompt above which the price holds, as the book means it (rule P3).
  std::optional<int64_t> StartOf(const LitellmPriceKey& key) const {
    if (!key.above || !inclusive_) return key.above;
    return std::max<int64_t>(0, *key.above - 1);
  }

  // Prices that are not a meter's ordinary one. Those that say nothing new are passed over.
  absl::Status ReadFurther(const std::string& key, const JsonValue& value, const MeterNanos& base) {
    if (value.kind == Kind::kNull || !IsLitellmPrice(key)) return absl::OkStatus();
    if (key == "search_context_cost_per_query" || key == "tiered_pricing") return absl::OkStatus();
    const std::optional<LitellmPriceKey> price_key = ParseLitellmPriceKey(key);
    if (price_key && price_key->variant.empty()) return absl::OkStatus();
    if (price_key && price_key->variant == "cache_hit")
      return Compare(key, value, base[kCacheRead], 1);
    if (key == "output_cost_per_reasoning_token") return Compare(key, value, base[kOutput], 1);
    if (price_key && (price_key->variant == "batches" || price_key->variant == "batch_requests")) {
      const std::optional<int64_t> start = StartOf(*price_key);
      const bool is_tier = start && rates_.tiers.contains(*start);
      const MeterNanos nanos = is_tier ? rates_.Whole(*start) : base;
      return Compare(key, value, nanos[price_key->meter], 2);
    }
    if (price_key) {
      Report(key + " is the price of a service tier of its own, which a card cannot say");
    } else {
      Report("meter " + key + " has no place in usage");
    }
    return absl::OkStatus();
  }

  // Reports a price unless it is the `part`th part of the ordinary one.
  absl::Status Compare(const std::string& key, const JsonValue& value,
                       const std::optional<int64_t>& ordinary, int64_t part) {
    const absl::StatusOr<int64_t> nanos = ReadPrice(value, key, ParseNanosPerMillion);
    if (!nanos.ok()) return nanos.status();
    if (ordinary.has_value() && *nanos * part == *ordinary) return absl::OkStatus();
    Report(key + (part == 1 ? " differs from the price of the meter that usage counts it in"
                            : " is not half the price, which is what the batch tier charges"));
    return absl::OkStatus();
  }

  absl::Status ReadSearches(const std::string& key, const JsonValue& value) {
    const JsonValue* chosen = &value;
    if (value.kind == Kind::kObject) {
      if (value.members.empty()) return absl::OkStatus();
      chosen = value.Find("search_context_size_medium");
      if (chosen == nullptr) chosen = &value.members.front().value;
    }
    const absl::StatusOr<int64_t> nanos = ReadPrice(*chosen, key, ParseNanosPerThousand);
    if (!nanos.ok()) return nanos.status();
    rates_.base[kWebSearch] = *nanos;
    for (const auto& [size, price] : value.members) {
      if (&price == chosen || price.kind == Kind::kNull) continue;
      const absl::StatusOr<int64_t> other =
          ReadPrice(price, key + "." + size, ParseNanosPerThousand);
      if (!other.ok()) return other.status();
      if (*other != *nanos) {
        Report(key + "." + size + " differs from the price that is taken, that of the medium size");
      }
    }
    return absl::OkStatus();
  }

  // [{"range": [0, 32000], "input_cost_per_token": …}, …], which must tile the prompts from zero.
  absl::Status ReadTiers(const std::string& key, const JsonValue& value) {
    if (value.kind != Kind::kArray) {
      return ErrorAt(value, path_ + "." + key, "must be an array of tiers");
    }
    std::vector<std::pair<int64_t, const JsonValue*>> tiers;
    int64_t end = 0;
    for (const JsonValue& tier : value.items) {
      const JsonValue* range = tier.Find("range");
      if (range == nullptr || range->items.size() != 2) {
        Report("meter " + key + " is by something other than the size of the prompt");
        return absl::OkStatus();
      }
      const absl::StatusOr<int64_t> from = ParseWholeNumber(range->items[0].text);
      const absl::StatusOr<int64_t> to = ParseWholeNumber(range->items[1].text);
      if (!from.ok() || !to.ok() || *from != end || *to <= *from) {
        Report("meter " + key + " has ranges that do not follow on each other from zero");
        return absl::OkStatus();
      }
      tiers.emplace_back(*from, &tier);
      end = *to;
    }
    for (size_t i = 0; i < tiers.size(); ++i) {
      const auto& [from, tier] = tiers[i];
      const std::string tier_path = key + "[" + std::to_string(i) + "]";
      if (absl::Status s = ReadTier(*tier, tier_path, from); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status ReadTier(const JsonValue& tier, const std::string& path, int64_t from) {
    MeterNanos nanos;
    for (const auto& [key, value] : tier.members) {
      const std::optional<LitellmPriceKey> price_key = ParseLitellmPriceKey(key);
      if (value.kind == Kind::kNull || !price_key || !price_key->variant.empty()) continue;
      const absl::StatusOr<int64_t> price =
          ReadPrice(value, path + "." + key, ParseNanosPerMillion);
      if (!price.ok()) return price.status();
      nanos[price_key->meter] = *price;
    }
    for (const auto& [key, value] : tier.members) {
      if (absl::Status s = ReadFurther(key, value, nanos); !s.ok()) return s;
    }
    // A tier stands for itself: a cache price that it lacks is its own input price.
    if (!nanos[kCacheWrite]) nanos[kCacheWrite] = nanos[kInput];
    if (!nanos[kCacheWrite1h]) nanos[kCacheWrite1h] = nanos[kCacheWrite];
    if (!nanos[kCacheRead]) nanos[kCacheRead] = nanos[kInput];
    MeterNanos& to = from == 0 ? rates_.base : rates_.tiers[from];
    for (size_t i = 0; i < kMeters; ++i) {
      if (nanos[i].has_value()) to[i] = nanos[i];
    }
    return absl::OkStatus();
  }

  const std::string name_;  // For reports: "openai/gpt-5.5".
  const std::string path_;  // For errors: the entry's key.
  const bool inclusive_;
  std::vector<std::string>* const skipped_;
  Rates rates_;
};

class Import {
 public:
  explicit Import(ImportResult& result) : result_(result) {}

  absl::Status ReadList(const JsonValue& list) {
    if (list.kind != Kind::kObject) return ErrorAt(list, "", "must be an object of models");
    for (const auto& [key, entry] : list.members) {
      if (key == "sample_spec") continue;
      if (absl::Status status = ReadEntry(key, entry); !status.ok()) return status;
    }
    if (result_.book.models_size() == 0) return ErrorAt(list, "", "has no model with a price");
    AddProviders();
    return absl::OkStatus();
  }

 private:
  void Skip(const std::string& what, const std::string& why) {
    result_.skipped.push_back(what + ": " + why);
  }

  absl::Status ReadEntry(const std::string& key, const JsonValue& value) {
    if (value.kind != Kind::kObject) return ErrorAt(value, key, "must be an object");
    const JsonValue* litellm_provider = value.Find("litellm_provider");
    if (litellm_provider == nullptr) {
      Skip(key, "names no provider");
      return absl::OkStatus();
    }
    if (litellm_provider->kind != Kind::kString) {
      return ErrorAt(*litellm_provider, key + ".litellm_provider", "must be a string");
    }
    const std::optional<std::string> provider = ProviderOfLitellm(litellm_provider->text);
    if (!provider) {
      Skip(key, "no provider can be called \"" + litellm_provider->text + "\"");
      return absl::OkStatus();
    }
    const std::string model = ModelOfLitellm(key, litellm_provider->text, *provider);
    const std::string name = *provider + "/" + model;
    Entry entry(name, key, LitellmTiersAreInclusive(*provider), &result_.skipped);
    if (absl::Status status = entry.Read(value); !status.ok()) return status;
    const Rates& rates = entry.rates();
    if (!rates.Any([](int64_t) { return true; })) {
      Skip(name, "has no price for any meter of usage; it is an unknown model");
    } else if (!rates.Any([](int64_t nanos) { return nanos > 0; })) {
      Skip(name, "has no price above zero for any meter of usage; it is an unknown model");
    } else {
      aliases_[*provider].insert(litellm_provider->text);
      AddModel(*provider, model, key, rates);
    }
    return absl::OkStatus();
  }

  void AddModel(const std::string& provider, const std::string& name, const std::string& key,
                const Rates& rates) {
    v1::PriceCard card;
    FillPrices(rates.base, card.mutable_prices());
    for (const auto& [above, unused] : rates.tiers) {
      v1::PriceTier& tier = *card.add_tiers();
      tier.set_prompt_tokens_above(above);
      FillPrices(rates.Whole(above), tier.mutable_prices());
    }
    const std::string bytes = card.SerializeAsString();
    const auto [known, is_new] = models_.try_emplace({provider, name});
    if (!is_new) {
      if (known->second.card != bytes) {
        Skip(key, "costs something else than an earlier entry for " + provider + "/" + name);
        return;
      }
      AddName(key, result_.book.mutable_models(known->second.index));
      return;
    }
    known->second = {result_.book.models_size(), bytes};
    v1::ModelPrices& model = *result_.book.add_models();
    model.set_provider(provider);
    model.set_id(name);
    AddName(name, &model);
    AddName(key, &model);
    card.set_id(card_ids_.Make(provider + "/" + name));
    *model.add_cards() = std::move(card);
  }

  // A further name to which a model answers.
  static void AddName(const std::string& name, v1::ModelPrices* model) {
    auto& rules = *model->mutable_match()->mutable_any_of()->mutable_rules();
    for (const v1::NameMatch& rule : rules) {
      if (rule.equals() == name) return;
    }
    rules.Add()->set_equals(name);
  }

  void AddProviders() {
    // In the order in which the list's models first name them.
    for (const v1::ModelPrices& model : result_.book.models()) {
      if (!provider_ids_.insert(model.provider()).second) continue;
      v1::PriceProvider& provider = *result_.book.add_providers();
      provider.set_id(model.provider());
    }
    for (v1::PriceProvider& provider : *result_.book.mutable_providers()) {
      for (const std::string& id : FallbacksOfLitellm(provider.id())) {
        if (provider_ids_.contains(id)) provider.add_fallback_provider_ids(id);
      }
      for (const std::string& alias : aliases_[provider.id()]) {
        if (alias == provider.id()) continue;
        provider.mutable_match()->mutable_any_of()->add_rules()->set_equals(alias);
      }
      if (provider.id() == "vertex_ai") {
        provider.mutable_match()->mutable_any_of()->add_rules()->set_contains("vertex");
      }
    }
  }

  struct Known {
    int index = 0;
    std::string card;  // Serialized, without its id.
  };

  ImportResult& result_;
  std::set<std::string> provider_ids_;
  std::map<std::string, std::set<std::string>> aliases_;  // The list's names by provider.
  std::map<std::pair<std::string, std::string>, Known> models_;
  CardIds card_ids_;
};

}  // namespace

absl::StatusOr<ImportResult> ImportLitellmPrices(std::string_view text,
                                                 const ImportOptions& options) {
  absl::StatusOr<JsonValue> list = ParseJson(text);
  if (!list.ok()) return list.status();
  ImportResult result;
  result.book.set_version(options.version.empty() ? ContentVersion("litellm", text)
                                                  : options.version);
  result.book.set_currency_code("USD");
  result.book.set_source(
      "model_prices_and_context_window.json of LiteLLM by Berri AI (MIT licence), "
      "github.com/BerriAI/litellm");
  Import import(result);
  if (absl::Status status = import.ReadList(*list); !status.ok()) return status;
  OrderProviders(options.provider_order, &result.book);
  AddShippedDefaults(result.book);
  return result;
}

}  // namespace bursar
