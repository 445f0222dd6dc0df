#include "client/prices/genai_prices.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "client/prices/decimal.h"
#include "client/prices/import_parts.h"
#include "client/prices/json_value.h"
#include "client/prices/shipped_defaults.h"

namespace bursar {
namespace {

using Kind = JsonValue::Kind;

// The list's words for the meters, in their order.
constexpr std::string_view kListMeters[kMeters] = {"input_mtok",       "output_mtok",
                                                   "cache_write_mtok", "cache_write_1h_mtok",
                                                   "cache_read_mtok",  "web_searches_kcount"};

// The price of one meter: a base and tiers by rising start.
struct TieredPrice {
  int64_t base_nanos = 0;
  std::vector<std::pair<int64_t, int64_t>> tiers;  // Start, nanos.

  int64_t At(int64_t start) const {
    int64_t nanos = base_nanos;
    for (const auto& [tier_start, tier_nanos] : tiers) {
      if (tier_start <= start) nanos = tier_nanos;
    }
    return nanos;
  }
};
using ListPrices = std::array<std::optional<TieredPrice>, kMeters>;

absl::StatusOr<TieredPrice> ReadTieredPrice(const JsonValue& value, const std::string& path) {
  TieredPrice price;
  if (value.kind != Kind::kObject) {
    absl::StatusOr<int64_t> nanos = ReadNumber(value, path, ParseDecimalNanos);
    if (!nanos.ok()) return nanos.status();
    price.base_nanos = *nanos;
    return price;
  }
  absl::StatusOr<const JsonValue*> base = Require(value, path, "base", Kind::kNumber, "a number");
  if (!base.ok()) return base.status();
  absl::StatusOr<int64_t> base_nanos = ReadNumber(**base, path + ".base", ParseDecimalNanos);
  if (!base_nanos.ok()) return base_nanos.status();
  price.base_nanos = *base_nanos;
  absl::StatusOr<const JsonValue*> tiers = Require(value, path, "tiers", Kind::kArray, "an array");
  if (!tiers.ok()) return tiers.status();
  for (size_t i = 0; i < (*tiers)->items.size(); ++i) {
    const JsonValue& tier = (*tiers)->items[i];
    const std::string tier_path = path + ".tiers[" + std::to_string(i) + "]";
    if (tier.kind != Kind::kObject) return ErrorAt(tier, tier_path, "must be an object");
    absl::StatusOr<const JsonValue*> start =
        Require(tier, tier_path, "start", Kind::kNumber, "a number");
    if (!start.ok()) return start.status();
    absl::StatusOr<int64_t> tokens = ReadNumber(**start, tier_path + ".start", ParseWholeNumber);
    if (!tokens.ok()) return tokens.status();
    absl::StatusOr<const JsonValue*> tier_price =
        Require(tier, tier_path, "price", Kind::kNumber, "a number");
    if (!tier_price.ok()) return tier_price.status();
    absl::StatusOr<int64_t> nanos =
        ReadNumber(**tier_price, tier_path + ".price", ParseDecimalNanos);
    if (!nanos.ok()) return nanos.status();
    if (!price.tiers.empty() && price.tiers.back().first >= *tokens) {
      return ErrorAt(**start, tier_path + ".start", "must be above that of the tier before");
    }
    price.tiers.emplace_back(*tokens, *nanos);
  }
  return price;
}

// A match: {"equals": …}, {"or": [ … ]} and so on, exactly one per object.
absl::Status ReadMatch(const JsonValue& value, const std::string& path, v1::NameMatch* match) {
  if (value.kind != Kind::kObject || value.members.size() != 1) {
    return ErrorAt(value, path, "must be an object with exactly one rule");
  }
  const auto& [rule, operand] = value.members.front();
  const std::string rule_path = path + "." + rule;
  if (rule == "or" || rule == "and") {
    if (operand.kind != Kind::kArray || operand.items.empty()) {
      return ErrorAt(operand, rule_path, "must be an array of rules");
    }
    v1::NameMatchList* list = rule == "or" ? match->mutable_any_of() : match->mutable_all_of();
    for (size_t i = 0; i < operand.items.size(); ++i) {
      absl::Status status =
          ReadMatch(operand.items[i], rule_path + "[" + std::to_string(i) + "]", list->add_rules());
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  if (operand.kind != Kind::kString) return ErrorAt(operand, rule_path, "must be a string");
  if (rule == "equals") {
    match->set_equals(operand.text);
  } else if (rule == "starts_with") {
    match->set_starts_with(operand.text);
  } else if (rule == "ends_with") {
    match->set_ends_with(operand.text);
  } else if (rule == "contains") {
    match->set_contains(operand.text);
  } else if (rule == "regex") {
    match->set_regex(operand.text);
  } else {
    return ErrorAt(operand, rule_path, "is not a rule that is understood");
  }
  return absl::OkStatus();
}

// "2026-03-13" as 00:00 UTC of that day.
std::optional<absl::Time> ReadDate(const std::string& text) {
  const auto digits = [&text](size_t at, size_t count) {
    int number = 0;
    for (size_t i = at; i < at + count; ++i) {
      if (text[i] < '0' || text[i] > '9') return -1;
      number = number * 10 + (text[i] - '0');
    }
    return number;
  };
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = digits(0, 4), month = digits(5, 2), day = digits(8, 2);
  if (year < 1 || month < 1 || day < 1) return std::nullopt;
  const absl::CivilDay civil(year, month, day);
  if (civil.year() != year || civil.month() != month || civil.day() != day) return std::nullopt;
  return absl::FromCivil(civil, absl::UTCTimeZone());
}

// The prices at prompt sizes above `start` (nothing: the base).
MeterNanos PricesAbove(const ListPrices& list, std::optional<int64_t> start) {
  MeterNanos nanos;
  for (size_t i = 0; i < kMeters; ++i) {
    if (!list[i].has_value()) continue;
    nanos[i] = start.has_value() ? list[i]->At(*start) : list[i]->base_nanos;
  }
  return nanos;
}

class Import {
 public:
  explicit Import(ImportResult& result) : result_(result) {}

  absl::Status ReadList(const JsonValue& list) {
    if (list.kind == Kind::kObject) {
      for (const auto& [key, provider] : list.members) {
        if (absl::Status status = ReadProvider(provider, key); !status.ok()) return status;
      }
    } else if (list.kind == Kind::kArray) {
      for (size_t i = 0; i < list.items.size(); ++i) {
        absl::Status status = ReadProvider(list.items[i], "[" + std::to_string(i) + "]");
        if (!status.ok()) return status;
      }
    } else {
      return ErrorAt(list, "", "must be an object or an array of providers");
    }
    if (result_.book.models_size() == 0) return ErrorAt(list, "", "has no model with a price");
    return absl::OkStatus();
  }

  // Sorts the providers and drops what names providers that the list does not have.
  void SortProviders(const std::vector<std::string>& order) {
    OrderProviders(order, &result_.book);
    for (v1::PriceProvider& provider : *result_.book.mutable_providers()) {
      std::vector<std::string> kept;
      for (const std::string& id : provider.fallback_provider_ids()) {
        if (provider_ids_.contains(id) && id != provider.id()) {
          kept.push_back(id);
        } else {
          result_.skipped.push_back(provider.id() + ": falls back on " + id +
                                    ", which the list does not have");
        }
      }
      provider.mutable_fallback_provider_ids()->Assign(kept.begin(), kept.end());
    }
  }

 private:
  void Skip(const std::string& what, const std::string& why) {
    result_.skipped.push_back(what + ": " + why);
  }

  absl::Status ReadProvider(const JsonValue& provider, const std::string& path) {
    if (provider.kind != Kind::kObject) return ErrorAt(provider, path, "must be an object");
    absl::StatusOr<const JsonValue*> id = Require(provider, path, "id", Kind::kString, "a string");
    if (!id.ok()) return id.status();
    if (!IsProviderId((*id)->text)) {
      return ErrorAt(**id, path + ".id", "must be 1 to 64 lower-case letters, digits and \"._-\"");
    }
    if (!provider_ids_.insert((*id)->text).second) {
      return ErrorAt(**id, path + ".id", "is that of another provider");
    }
    absl::StatusOr<const JsonValue*> models =
        Require(provider, path, "models", Kind::kArray, "an array");
    if (!models.ok()) return models.status();
    v1::PriceProvider& to = *result_.book.add_providers();
    to.set_id((*id)->text);
    if (const JsonValue* match = provider.Find("provider_match")) {
      absl::Status status = ReadMatch(*match, path + ".provider_match", to.mutable_match());
      if (!status.ok()) return status;
    }
    if (const JsonValue* fallbacks = provider.Find("fallback_model_providers")) {
      if (fallbacks->kind != Kind::kArray) {
        return ErrorAt(*fallbacks, path + ".fallback_model_providers", "must be an array");
      }
      for (const JsonValue& fallback : fallbacks->items) {
        if (fallback.kind != Kind::kString) {
          return ErrorAt(fallback, path + ".fallback_model_providers", "must hold strings");
        }
        to.add_fallback_provider_ids(fallback.text);
      }
    }
    std::set<std::string> model_ids;
    for (size_t i = 0; i < (*models)->items.size(); ++i) {
      absl::Status status = ReadModel(
          (*models)->items[i], path + ".models[" + std::to_string(i) + "]", to.id(), model_ids);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadModel(const JsonValue& value, const std::string& path,
                         const std::string& provider, std::set<std::string>& model_ids) {
    if (value.kind != Kind::kObject) return ErrorAt(value, path, "must be an object");
    absl::StatusOr<const JsonValue*> id = Require(value, path, "id", Kind::kString, "a string");
    if (!id.ok()) return id.status();
    if (!model_ids.insert((*id)->text).second) {
      return ErrorAt(**id, path + ".id", "is that of another model of the provider");
    }
    v1::ModelPrices model;
    model.set_provider(provider);
    model.set_id((*id)->text);
    absl::StatusOr<const JsonValue*> match =
        Require(value, path, "match", Kind::kObject, "an object");
    if (!match.ok()) return match.status();
    if (absl::Status s = ReadMatch(**match, path + ".match", model.mutable_match()); !s.ok()) {
      return s;
    }
    const JsonValue* prices = value.Find("prices");
    if (prices == nullptr) return ErrorAt(value, path, "has no \"prices\"");
    absl::StatusOr<bool> expressible = ReadCards(*prices, path + ".prices", model);
    if (!expressible.ok()) return expressible.status();
    if (*expressible) *result_.book.add_models() = std::move(model);
    return absl::OkStatus();
  }

  // Reads a model's prices into cards. False: the model is skipped, and why has been reported.
  absl::StatusOr<bool> ReadCards(const JsonValue& prices, const std::string& path,
                                 v1::ModelPrices& model) {
    const std::string name = model.provider() + "/" + model.id();
    if (prices.kind == Kind::kObject) {
      return ReadCard(prices, path, std::nullopt, "", model);
    }
    if (prices.kind != Kind::kArray || prices.items.empty()) {
      return ErrorAt(prices, path, "must be an object or an array of dated prices");
    }
    std::optional<absl::Time> last;
    for (size_t i = 0; i < prices.items.size(); ++i) {
      const JsonValue& entry = prices.items[i];
      const std::string entry_path = path + "[" + std::to_string(i) + "]";
      if (entry.kind != Kind::kObject) return ErrorAt(entry, entry_path, "must be an object");
      absl::StatusOr<const JsonValue*> entry_prices =
          Require(entry, entry_path, "prices", Kind::kObject, "an object");
      if (!entry_prices.ok()) return entry_prices.status();
      std::optional<absl::Time> start;
      std::string date;
      const JsonValue* constraint = entry.Find("constraint");
      if (constraint != nullptr && constraint->kind != Kind::kNull) {
        const JsonValue* day = constraint->Find("start_date");
        if (day == nullptr) {
          Skip(name, "its price depends on more than a date, which a card cannot say");
          return false;
        }
        start = ReadDate(day->text);
        date = day->text;
        if (!start) {
          return ErrorAt(*day, entry_path + ".constraint.start_date", "must be a date, YYYY-MM-DD");
        }
      }
      if (i > 0 && (!start || (last && *start <= *last))) {
        return ErrorAt(entry, entry_path, "must begin after the entry before");
      }
      last = start;
      // The first entry applies to everything before the second, whatever it says itself.
      if (i == 0) start.reset();
      absl::StatusOr<bool> read =
          ReadCard(**entry_prices, entry_path + ".prices", start, i == 0 ? "" : date, model);
      if (!read.ok() || !*read) return read;
    }
    return true;
  }

  // Adds one card. False: it has no meter that Usage has, so the model is skipped.
  absl::StatusOr<bool> ReadCard(const JsonValue& prices, const std::string& path,
                                std::optional<absl::Time> start, const std::string& date,
                                v1::ModelPrices& model) {
    const std::string name = model.provider() + "/" + model.id();
    ListPrices list;
    std::set<int64_t> starts;
    bool any = false;
    for (const auto& [key, value] : prices.members) {
      const auto* meter = std::find(std::begin(kListMeters), std::end(kListMeters), key);
      if (meter == std::end(kListMeters)) {
        Skip(name + (date.empty() ? "" : " from " + date),
             "meter " + key + " has no place in usage");
        continue;
      }
      absl::StatusOr<TieredPrice> price = ReadTieredPrice(value, path + "." + key);
      if (!price.ok()) return price.status();
      for (const auto& tier : price->tiers) starts.insert(tier.first);
      list[static_cast<size_t>(meter - std::begin(kListMeters))] = *std::move(price);
      any = true;
    }
    if (!any) {
      Skip(name, "has no price for any meter of usage; it is an unknown model");
      return false;
    }
    v1::PriceCard& card = *model.add_cards();
    card.set_id(card_ids_.Make(name + (date.empty() ? "" : "/" + date)));
    if (start) card.mutable_effective_from()->set_seconds(absl::ToUnixSeconds(*start));
    FillPrices(PricesAbove(list, std::nullopt), card.mutable_prices());
    for (const int64_t tokens : starts) {
      v1::PriceTier& tier = *card.add_tiers();
      tier.set_prompt_tokens_above(tokens);
      FillPrices(PricesAbove(list, tokens), tier.mutable_prices());
    }
    return true;
  }

  ImportResult& result_;
  std::set<std::string> provider_ids_;
  CardIds card_ids_;
};

}  // namespace

absl::StatusOr<ImportResult> ImportGenaiPrices(std::string_view text,
                                               const ImportOptions& options) {
  absl::StatusOr<JsonValue> list = ParseJson(text);
  if (!list.ok()) return list.status();
  ImportResult result;
  result.book.set_version(options.version.empty() ? ContentVersion("genai-prices", text)
                                                  : options.version);
  result.book.set_currency_code("USD");
  result.book.set_source(
      "genai-prices by Pydantic Services Inc. (MIT licence), github.com/pydantic/genai-prices");
  Import import(result);
  if (absl::Status status = import.ReadList(*list); !status.ok()) return status;
  import.SortProviders(options.provider_order);
  AddShippedDefaults(result.book);
  return result;
}

}  // namespace bursar
