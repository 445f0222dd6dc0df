#include "server/ledger/price_book.h"

#include <algorithm>
#include <utility>

#include "server/ledger/name_matcher.h"
#include "server/ledger/price_book_validation.h"

namespace bursar {
namespace {

constexpr size_t kMaxReportedProblems = 20;

Rates OverlayRates(const MeterPricesSpec& base, const MeterPricesSpec* tier) {
  Rates rates;
  for (size_t i = 0; i < kFixedMeterCount; ++i) {
    const bool tiered = tier != nullptr && tier->nanos[i].has_value();
    rates.nanos[i] = (tiered ? tier->nanos[i] : base.nanos[i]).value_or(Rates::kAbsent);
  }
  if (tier != nullptr) rates.other_meters = tier->other_meters;
  for (const OtherMeterPrice& other : base.other_meters) {
    if (rates.FindOther(other.name) == nullptr) rates.other_meters.push_back(other);
  }
  return rates;
}

// Whether the name may be looked up at all.
bool IsRequestable(std::string_view name) {
  return name.size() <= kMaxModelNameBytes && std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
         });
}

const PriceModifierSpec* FindModifier(const std::vector<PriceModifierSpec>& modifiers,
                                      std::string_view name) {
  for (const PriceModifierSpec& modifier : modifiers) {
    if (modifier.name == name) return &modifier;
  }
  return nullptr;
}

absl::Status ProblemsError(const std::vector<std::string>& problems) {
  std::string message = "price book:";
  for (size_t i = 0; i < problems.size() && i < kMaxReportedProblems; ++i) {
    message += (i == 0 ? " " : "; ") + problems[i];
  }
  return absl::InvalidArgumentError(message);
}

}  // namespace

std::string_view MeterName(Meter meter) {
  constexpr std::string_view kNames[] = {
      "input", "output", "cache_write_5m", "cache_write_1h", "cache_read", "web_search", "other"};
  return kNames[static_cast<size_t>(meter)];
}

const OtherMeterPrice* Rates::FindOther(std::string_view name) const {
  for (const OtherMeterPrice& other : other_meters) {
    if (other.name == name) return &other;
  }
  return nullptr;
}

PriceCard::PriceCard(const PriceCardSpec& spec, const std::string& version)
    : reference_(spec.id + "@" + version),
      effective_from_(spec.effective_from),
      base_(OverlayRates(spec.prices, nullptr)) {
  for (const PriceTierSpec& tier : spec.tiers) {
    tiers_.push_back({tier.prompt_tokens_above, OverlayRates(spec.prices, &tier.prices)});
  }
  std::sort(tiers_.begin(), tiers_.end(), [](const Tier& a, const Tier& b) {
    return a.prompt_tokens_above > b.prompt_tokens_above;
  });
}

const Rates& PriceCard::RatesFor(int64_t prompt_tokens) const {
  for (const Tier& tier : tiers_) {
    if (prompt_tokens > tier.prompt_tokens_above) return tier.rates;
  }
  return base_;
}

ModelPrices::ModelPrices(const ModelPricesSpec& spec, const std::string& version)
    : provider_(spec.provider), id_(spec.id) {
  for (const PriceCardSpec& card : spec.cards) cards_.emplace_back(card, version);
  std::sort(cards_.begin(), cards_.end(), [](const PriceCard& a, const PriceCard& b) {
    return a.effective_from() > b.effective_from();
  });
}

const PriceCard* ModelPrices::CardAt(absl::Time instant) const {
  for (const PriceCard& card : cards_) {
    if (card.effective_from() <= instant) return &card;
  }
  return nullptr;
}

// One provider, compiled. Filled once, before the book is handed out, and never changed again.
struct PriceBook::Provider {
  struct Model {
    NameMatcher match;
    ModelPrices prices;
  };
  std::string id;
  std::optional<NameMatcher> match;
  std::vector<Model> models;
  std::vector<size_t> fallbacks;  // Indexes into providers_.
};

PriceBook::PriceBook(PriceBookSpec spec)
    : spec_(std::move(spec)), fallback_reference_("fallback@" + spec_.version) {
  fallback_rates_.nanos = spec_.fallback.nanos;
}

PriceBook::~PriceBook() = default;

absl::StatusOr<std::shared_ptr<const PriceBook>> PriceBook::Create(PriceBookSpec spec) {
  std::vector<std::string> problems = FindPriceBookProblems(spec);
  if (!problems.empty()) return ProblemsError(problems);

  std::shared_ptr<PriceBook> book(new PriceBook(std::move(spec)));
  const auto index_of = [&book](const std::string& id) {
    const auto& all = book->spec_.providers;
    const auto same = [&id](const PriceProviderSpec& provider) { return provider.id == id; };
    return static_cast<size_t>(std::find_if(all.begin(), all.end(), same) - all.begin());
  };
  for (size_t i = 0; i < book->spec_.providers.size(); ++i) {
    const PriceProviderSpec& from = book->spec_.providers[i];
    Provider& provider = book->providers_.emplace_back();
    provider.id = from.id;
    for (const std::string& id : from.fallback_provider_ids) {
      provider.fallbacks.push_back(index_of(id));
    }
    if (!from.match.has_value()) continue;
    absl::StatusOr<NameMatcher> match = NameMatcher::Create(*from.match);
    if (match.ok()) {
      provider.match = *std::move(match);
    } else {
      problems.push_back(IndexedPath("providers", i) +
                         ".match: " + std::string(match.status().message()));
    }
  }
  for (size_t i = 0; i < book->spec_.models.size(); ++i) {
    const ModelPricesSpec& from = book->spec_.models[i];
    absl::StatusOr<NameMatcher> match = NameMatcher::Create(from.match);
    if (!match.ok()) {
      problems.push_back(IndexedPath("models", i) +
                         ".match: " + std::string(match.status().message()));
      continue;
    }
    book->providers_[index_of(from.provider)].models.push_back(
        {*std::move(match), ModelPrices(from, book->spec_.version)});
  }
  if (!problems.empty()) return ProblemsError(problems);
  return book;
}

const ModelPrices* PriceBook::Resolve(std::string_view provider_name,
                                      std::string_view model) const {
  if (model.empty() || !IsRequestable(model) || !IsRequestable(provider_name)) return nullptr;
  const size_t slash = model.find('/');
  const std::string_view prefix = model.substr(0, slash == std::string_view::npos ? 0 : slash);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : model.substr(slash + 1);

  if (!provider_name.empty()) {
    const Provider* provider = FindProvider(provider_name);
    if (provider == nullptr) return nullptr;
    if (const ModelPrices* found = FindInOrFallbacks(*provider, model)) return found;
    const bool own_prefix = !rest.empty() && FindProviderById(prefix) == provider;
    return own_prefix ? FindInOrFallbacks(*provider, rest) : nullptr;
  }

  if (const Provider* provider = FindProviderById(prefix); provider != nullptr && !rest.empty()) {
    if (const ModelPrices* found = FindInOrFallbacks(*provider, rest)) return found;
  }
  for (const Provider& provider : providers_) {
    if (const ModelPrices* found = FindIn(provider, model)) return found;
  }
  return nullptr;
}

const PriceBook::Provider* PriceBook::FindProviderById(std::string_view id) const {
  for (const Provider& provider : providers_) {
    if (provider.id == id) return &provider;
  }
  return nullptr;
}

const PriceBook::Provider* PriceBook::FindProvider(std::string_view name) const {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (const Provider* provider = FindProviderById(lower)) return provider;
  for (const Provider& provider : providers_) {
    if (provider.match.has_value() && provider.match->Accepts(lower)) return &provider;
  }
  return nullptr;
}

const ModelPrices* PriceBook::FindIn(const Provider& provider, std::string_view model) const {
  for (const Provider::Model& candidate : provider.models) {
    if (candidate.match.Accepts(model)) return &candidate.prices;
  }
  return nullptr;
}

const ModelPrices* PriceBook::FindInOrFallbacks(const Provider& provider,
                                                std::string_view model) const {
  if (const ModelPrices* found = FindIn(provider, model)) return found;
  for (const size_t fallback : provider.fallbacks) {
    if (const ModelPrices* found = FindIn(providers_[fallback], model)) return found;
  }
  return nullptr;
}

PriceBook::Modifier PriceBook::ModifierFor(std::string_view service_tier,
                                           std::string_view region) const {
  Modifier modifier;
  int64_t tier_millionths = kMillionthsPerUnit;
  int64_t region_millionths = kMillionthsPerUnit;
  if (!service_tier.empty()) {
    const PriceModifierSpec* found = FindModifier(spec_.service_tiers, service_tier);
    modifier.service_tier_known = found != nullptr;
    if (found != nullptr) tier_millionths = found->multiplier_millionths;
  }
  if (!region.empty()) {
    const PriceModifierSpec* found = FindModifier(spec_.regions, region);
    modifier.region_known = found != nullptr;
    if (found != nullptr) region_millionths = found->multiplier_millionths;
  }
  // Exact: the book refuses pairs whose product is not whole (price_book_validation.cc).
  modifier.millionths = tier_millionths * region_millionths / kMillionthsPerUnit;
  return modifier;
}

absl::Status PriceBookHistory::Publish(std::shared_ptr<const PriceBook> book,
                                       absl::Time published) {
  if (!entries_.empty()) {
    if (published < entries_.back().published) {
      return absl::FailedPreconditionError("a price book with a later publication is there");
    }
    if (book->currency_code() != entries_.front().book->currency_code()) {
      return absl::InvalidArgumentError("currency_code: the published books are in " +
                                        entries_.front().book->currency_code());
    }
    if (Find(book->version()) != nullptr) {
      return absl::AlreadyExistsError("price book version " + book->version() +
                                      " is published already");
    }
  }
  entries_.push_back({published, std::move(book)});
  return absl::OkStatus();
}

std::shared_ptr<const PriceBook> PriceBookHistory::At(absl::Time occurred_at) const {
  if (entries_.empty()) return nullptr;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->published <= occurred_at) return entry->book;
  }
  return entries_.front().book;
}

std::shared_ptr<const PriceBook> PriceBookHistory::Newest() const {
  return entries_.empty() ? nullptr : entries_.back().book;
}

std::shared_ptr<const PriceBook> PriceBookHistory::Find(std::string_view version) const {
  for (const Entry& entry : entries_) {
    if (entry.book->version() == version) return entry.book;
  }
  return nullptr;
}

}  // namespace bursar
