#include "server/engine/price_book_codec.h"

#include <string>
#include <utility>
#include <vector>

#include "server/ledger/price_book_validation.h"

namespace bursar {
namespace {

using Kind = NameMatchSpec::Kind;

// Rules deeper than this are cut off here, before recursion could hurt; the ledger refuses from
// far fewer on.
constexpr int kMaxDecodedDepth = 16;

// Instants of google.protobuf.Timestamp: years 1 to 9999.
constexpr int64_t kMinTimestampSeconds = -62'135'596'800;
constexpr int64_t kMaxTimestampSeconds = 253'402'300'799;

NameMatchSpec DecodeMatch(const v1::NameMatch& message, int depth = 0) {
  NameMatchSpec spec;
  const auto combine = [&](Kind kind, const v1::NameMatchList& list) {
    spec.kind = kind;
    if (depth >= kMaxDecodedDepth) return;
    for (const v1::NameMatch& rule : list.rules()) {
      spec.rules.push_back(DecodeMatch(rule, depth + 1));
    }
  };
  const auto text = [&](Kind kind, const std::string& value) {
    spec.kind = kind;
    spec.text = value;
  };
  switch (message.rule_case()) {
    case v1::NameMatch::kEquals:
      text(Kind::kEquals, message.equals());
      break;
    case v1::NameMatch::kStartsWith:
      text(Kind::kStartsWith, message.starts_with());
      break;
    case v1::NameMatch::kEndsWith:
      text(Kind::kEndsWith, message.ends_with());
      break;
    case v1::NameMatch::kContains:
      text(Kind::kContains, message.contains());
      break;
    case v1::NameMatch::kRegex:
      text(Kind::kRegex, message.regex());
      break;
    case v1::NameMatch::kAllOf:
      combine(Kind::kAllOf, message.all_of());
      break;
    case v1::NameMatch::kAnyOf:
      combine(Kind::kAnyOf, message.any_of());
      break;
    case v1::NameMatch::RULE_NOT_SET:
      break;
  }
  return spec;
}

void EncodeMatch(const NameMatchSpec& spec, v1::NameMatch* message) {
  switch (spec.kind) {
    case Kind::kUnset:
      break;
    case Kind::kEquals:
      message->set_equals(spec.text);
      break;
    case Kind::kStartsWith:
      message->set_starts_with(spec.text);
      break;
    case Kind::kEndsWith:
      message->set_ends_with(spec.text);
      break;
    case Kind::kContains:
      message->set_contains(spec.text);
      break;
    case Kind::kRegex:
      message->set_regex(spec.text);
      break;
    case Kind::kAllOf:
    case Kind::kAnyOf: {
      v1::NameMatchList* list =
          spec.kind == Kind::kAllOf ? message->mutable_all_of() : message->mutable_any_of();
      for (const NameMatchSpec& rule : spec.rules) EncodeMatch(rule, list->add_rules());
      break;
    }
  }
}

MeterPricesSpec DecodePrices(const v1::MeterPrices& message) {
  MeterPricesSpec spec;
  const auto take = [&spec](Meter meter, bool present, int64_t nanos) {
    if (present) spec.nanos[static_cast<size_t>(meter)] = nanos;
  };
  take(Meter::kInput, message.has_input_nanos_per_million(), message.input_nanos_per_million());
  take(Meter::kOutput, message.has_output_nanos_per_million(), message.output_nanos_per_million());
  take(Meter::kCacheWrite5m, message.has_cache_write_5m_nanos_per_million(),
       message.cache_write_5m_nanos_per_million());
  take(Meter::kCacheWrite1h, message.has_cache_write_1h_nanos_per_million(),
       message.cache_write_1h_nanos_per_million());
  take(Meter::kCacheRead, message.has_cache_read_nanos_per_million(),
       message.cache_read_nanos_per_million());
  take(Meter::kWebSearch, message.has_web_search_nanos_per_thousand(),
       message.web_search_nanos_per_thousand());
  for (const v1::OtherMeterPrice& other : message.other_meters()) {
    spec.other_meters.push_back({other.name(), other.nanos_per_million(), other.modifiers_apply()});
  }
  return spec;
}

void EncodePrices(const MeterPricesSpec& spec, v1::MeterPrices* message) {
  const auto price = [&spec](Meter meter) { return spec.nanos[static_cast<size_t>(meter)]; };
  if (auto nanos = price(Meter::kInput)) message->set_input_nanos_per_million(*nanos);
  if (auto nanos = price(Meter::kOutput)) message->set_output_nanos_per_million(*nanos);
  if (auto nanos = price(Meter::kCacheWrite5m)) {
    message->set_cache_write_5m_nanos_per_million(*nanos);
  }
  if (auto nanos = price(Meter::kCacheWrite1h)) {
    message->set_cache_write_1h_nanos_per_million(*nanos);
  }
  if (auto nanos = price(Meter::kCacheRead)) message->set_cache_read_nanos_per_million(*nanos);
  if (auto nanos = price(Meter::kWebSearch)) message->set_web_search_nanos_per_thousand(*nanos);
  for (const OtherMeterPrice& other : spec.other_meters) {
    v1::OtherMeterPrice* to = message->add_other_meters();
    to->set_name(other.name);
    to->set_nanos_per_million(other.nanos_per_million);
    to->set_modifiers_apply(other.modifiers_apply);
  }
}

bool IsTimestamp(const google::protobuf::Timestamp& timestamp) {
  return timestamp.seconds() >= kMinTimestampSeconds &&
         timestamp.seconds() <= kMaxTimestampSeconds && timestamp.nanos() >= 0 &&
         timestamp.nanos() <= 999'999'999;
}

PriceCardSpec DecodeCard(const v1::PriceCard& message) {
  PriceCardSpec spec;
  spec.id = message.id();
  if (message.has_effective_from()) {
    spec.effective_from = absl::FromUnixSeconds(message.effective_from().seconds()) +
                          absl::Nanoseconds(message.effective_from().nanos());
  }
  spec.prices = DecodePrices(message.prices());
  for (const v1::PriceTier& tier : message.tiers()) {
    spec.tiers.push_back({tier.prompt_tokens_above(), DecodePrices(tier.prices())});
  }
  return spec;
}

void EncodeCard(const PriceCardSpec& spec, v1::PriceCard* message) {
  message->set_id(spec.id);
  if (spec.effective_from != absl::InfinitePast()) {
    const int64_t seconds = absl::ToUnixSeconds(spec.effective_from);
    message->mutable_effective_from()->set_seconds(seconds);
    message->mutable_effective_from()->set_nanos(static_cast<int32_t>(
        absl::ToInt64Nanoseconds(spec.effective_from - absl::FromUnixSeconds(seconds))));
  }
  EncodePrices(spec.prices, message->mutable_prices());
  for (const PriceTierSpec& tier : spec.tiers) {
    v1::PriceTier* to = message->add_tiers();
    to->set_prompt_tokens_above(tier.prompt_tokens_above);
    EncodePrices(tier.prices, to->mutable_prices());
  }
}

template <typename List>
std::vector<PriceModifierSpec> DecodeModifiers(const List& list) {
  std::vector<PriceModifierSpec> modifiers;
  for (const v1::PriceModifier& modifier : list) {
    modifiers.push_back({modifier.name(), modifier.multiplier_millionths()});
  }
  return modifiers;
}

template <typename List>
void EncodeModifiers(const std::vector<PriceModifierSpec>& modifiers, List* list) {
  for (const PriceModifierSpec& modifier : modifiers) {
    v1::PriceModifier* to = list->Add();
    to->set_name(modifier.name);
    to->set_multiplier_millionths(modifier.multiplier_millionths);
  }
}

FallbackPricesSpec DecodeFallback(const v1::FallbackPrices& message) {
  FallbackPricesSpec spec;
  spec.nanos = {
      message.input_nanos_per_million(),          message.output_nanos_per_million(),
      message.cache_write_5m_nanos_per_million(), message.cache_write_1h_nanos_per_million(),
      message.cache_read_nanos_per_million(),     message.web_search_nanos_per_thousand()};
  spec.other_meter_nanos_per_million = message.other_meter_nanos_per_million();
  return spec;
}

void EncodeFallback(const FallbackPricesSpec& spec, v1::FallbackPrices* message) {
  const auto price = [&spec](Meter meter) { return spec.nanos[static_cast<size_t>(meter)]; };
  message->set_input_nanos_per_million(price(Meter::kInput));
  message->set_output_nanos_per_million(price(Meter::kOutput));
  message->set_cache_write_5m_nanos_per_million(price(Meter::kCacheWrite5m));
  message->set_cache_write_1h_nanos_per_million(price(Meter::kCacheWrite1h));
  message->set_cache_read_nanos_per_million(price(Meter::kCacheRead));
  message->set_web_search_nanos_per_thousand(price(Meter::kWebSearch));
  message->set_other_meter_nanos_per_million(spec.other_meter_nanos_per_million);
}

// The only thing that the ledger's types cannot carry, and so cannot refuse.
absl::Status CheckTimestamps(const v1::PriceBook& message) {
  for (int i = 0; i < message.models_size(); ++i) {
    for (int j = 0; j < message.models(i).cards_size(); ++j) {
      const v1::PriceCard& card = message.models(i).cards(j);
      if (card.has_effective_from() && !IsTimestamp(card.effective_from())) {
        const std::string path = IndexedPath(
            IndexedPath("models", static_cast<size_t>(i)) + ".cards", static_cast<size_t>(j));
        return absl::InvalidArgumentError("price book: " + path +
                                          ".effective_from: is not a valid timestamp");
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PriceBook>> DecodePriceBook(const v1::PriceBook& message) {
  if (absl::Status status = CheckTimestamps(message); !status.ok()) return status;
  PriceBookSpec spec;
  spec.version = message.version();
  spec.currency_code = message.currency_code();
  spec.source = message.source();
  for (const v1::PriceProvider& from : message.providers()) {
    PriceProviderSpec& provider = spec.providers.emplace_back();
    provider.id = from.id();
    if (from.has_match()) provider.match = DecodeMatch(from.match());
    provider.fallback_provider_ids.assign(from.fallback_provider_ids().begin(),
                                          from.fallback_provider_ids().end());
  }
  for (const v1::ModelPrices& from : message.models()) {
    ModelPricesSpec& model = spec.models.emplace_back();
    model.provider = from.provider();
    model.id = from.id();
    model.match = DecodeMatch(from.match());
    for (const v1::PriceCard& card : from.cards()) model.cards.push_back(DecodeCard(card));
  }
  spec.service_tiers = DecodeModifiers(message.service_tiers());
  spec.regions = DecodeModifiers(message.regions());
  spec.fallback = DecodeFallback(message.fallback());
  return PriceBook::Create(std::move(spec));
}

v1::PriceBook EncodePriceBook(const PriceBook& book) {
  const PriceBookSpec& spec = book.spec();
  v1::PriceBook message;
  message.set_version(spec.version);
  message.set_currency_code(spec.currency_code);
  message.set_source(spec.source);
  for (const PriceProviderSpec& from : spec.providers) {
    v1::PriceProvider* provider = message.add_providers();
    provider->set_id(from.id);
    if (from.match.has_value()) EncodeMatch(*from.match, provider->mutable_match());
    for (const std::string& id : from.fallback_provider_ids) {
      provider->add_fallback_provider_ids(id);
    }
  }
  for (const ModelPricesSpec& from : spec.models) {
    v1::ModelPrices* model = message.add_models();
    model->set_provider(from.provider);
    model->set_id(from.id);
    EncodeMatch(from.match, model->mutable_match());
    for (const PriceCardSpec& card : from.cards) EncodeCard(card, model->add_cards());
  }
  EncodeModifiers(spec.service_tiers, message.mutable_service_tiers());
  EncodeModifiers(spec.regions, message.mutable_regions());
  EncodeFallback(spec.fallback, message.mutable_fallback());
  return message;
}

absl::StatusOr<PriceBookHistory::Entry> DecodePriceBookRecord(
    const storage::v1::PriceBookRecord& record) {
  absl::StatusOr<std::shared_ptr<const PriceBook>> book = DecodePriceBook(record.book());
  if (!book.ok()) {
    return absl::DataLossError("stored price book: " + std::string(book.status().message()));
  }
  return PriceBookHistory::Entry{absl::FromUnixNanos(record.published_unix_nanos()),
                                 *std::move(book)};
}

storage::v1::PriceBookRecord EncodePriceBookRecord(const PriceBookHistory::Entry& entry) {
  storage::v1::PriceBookRecord record;
  record.set_published_unix_nanos(absl::ToUnixNanos(entry.published));
  *record.mutable_book() = EncodePriceBook(*entry.book);
  return record;
}

}  // namespace bursar
