#include "server/ledger/pricing.h"

#include <array>
#include <limits>

#include "absl/numeric/int128.h"
#include "server/ledger/price_book_validation.h"

namespace bursar {
namespace {

constexpr size_t kMaxModifierNameBytes = 64;
constexpr uint64_t kPerMillion = 1'000'000;
constexpr uint64_t kPerThousand = 1'000;

constexpr const char* kUsageFields[kFixedMeterCount] = {
    "usage.input_tokens",          "usage.output_tokens",     "usage.cache_write_5m_tokens",
    "usage.cache_write_1h_tokens", "usage.cache_read_tokens", "usage.web_searches"};

std::array<int64_t, kFixedMeterCount> Quantities(const Usage& usage) {
  return {usage.input,          usage.output,     usage.cache_write_5m,
          usage.cache_write_1h, usage.cache_read, usage.web_searches};
}

bool InRange(int64_t quantity) { return quantity >= 0 && quantity <= kMaxQuantity; }

// A factor as a fraction: millionths over a million, both freed of common tens.
struct Factor {
  uint64_t numerator = 1;
  uint64_t denominator = 1;

  static Factor OfMillionths(int64_t millionths) {
    Factor factor{static_cast<uint64_t>(millionths), static_cast<uint64_t>(kMillionthsPerUnit)};
    while (factor.denominator > 1 && factor.numerator % 10 == 0) {
      factor.numerator /= 10;
      factor.denominator /= 10;
    }
    return factor;
  }
};

// quantity × price × factor / per, rounded half up, once (rule M3).
//
// Bounds, which validation has ensured: quantity <= 10^12, price <= 10^15 and numerator <= 10^9, so
// the product is at most 10^36; half a divisor (at most 10^12 / 2) more stays far below 2^128,
// about 3.4 × 10^38. `per` is even, so half a divisor is exact. The usual line fits 64 bits, where
// division is much cheaper, above all by a constant.
template <uint64_t per>
absl::uint128 LineCost(int64_t quantity, int64_t price, Factor factor) {
  absl::uint128 product =
      absl::uint128(static_cast<uint64_t>(quantity)) * static_cast<uint64_t>(price);
  if (factor.numerator == 1 && factor.denominator == 1) {
    product += per / 2;
    if (absl::Uint128High64(product) == 0) return absl::Uint128Low64(product) / per;
    return product / per;
  }
  const uint64_t divisor = per * factor.denominator;
  product = product * factor.numerator + divisor / 2;
  if (absl::Uint128High64(product) == 0) return absl::Uint128Low64(product) / divisor;
  return product / divisor;
}

// Collects the lines of one request.
class Pricing {
 public:
  Pricing(const PriceBook& book, const Usage& usage, PricedUsage& priced)
      : book_(book), usage_(usage), priced_(priced) {}

  void Flag(FallbackCause cause) {
    if (!priced_.fallback || cause < priced_.fallback_cause) priced_.fallback_cause = cause;
    priced_.fallback = true;
  }

  void ChooseModifier() {
    const PriceBook::Modifier modifier = book_.ModifierFor(usage_.service_tier, usage_.region);
    if (!modifier.service_tier_known) Flag(FallbackCause::kUnknownServiceTier);
    if (!modifier.region_known) Flag(FallbackCause::kUnknownRegion);
    factor_ = Factor::OfMillionths(modifier.millionths);
  }

  void ChooseRates(const ModelPrices* model, absl::Time occurred_at) {
    const PriceCard* card = model == nullptr ? nullptr : model->CardAt(occurred_at);
    if (card != nullptr) {
      const int64_t prompt =
          usage_.input + usage_.cache_read + usage_.cache_write_5m + usage_.cache_write_1h;
      rates_ = &card->RatesFor(prompt);
      priced_.card = card->reference();
      return;
    }
    Flag(model == nullptr ? FallbackCause::kUnknownModel : FallbackCause::kNoCardInForce);
    priced_.card = book_.fallback_reference();
  }

  void AddFixedMeter(Meter meter, int64_t quantity) {
    if (quantity == 0) return;
    const size_t index = static_cast<size_t>(meter);
    int64_t price = rates_ == nullptr ? Rates::kAbsent : rates_->nanos[index];
    if (price == Rates::kAbsent) {
      price = book_.fallback_rates().nanos[index];
      FlagMissingMeter();
    }
    AddLine({meter, 0, quantity, Nanos()}, meter == Meter::kWebSearch
                                               ? LineCost<kPerThousand>(quantity, price, Factor())
                                               : LineCost<kPerMillion>(quantity, price, factor_));
  }

  void AddOtherMeter(uint32_t index) {
    const OtherMeter& meter = usage_.other_meters[index];
    if (meter.quantity == 0) return;
    const OtherMeterPrice* listed = rates_ == nullptr ? nullptr : rates_->FindOther(meter.name);
    if (listed == nullptr) FlagMissingMeter();
    const int64_t price =
        listed == nullptr ? book_.fallback_other_meter_nanos() : listed->nanos_per_million;
    const bool modified = listed != nullptr && listed->modifiers_apply;
    AddLine({Meter::kOther, index, meter.quantity, Nanos()},
            LineCost<kPerMillion>(meter.quantity, price, modified ? factor_ : Factor()));
  }

  // False when a line or the sum exceeds one entry.
  bool Finish() {
    if (total_ > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
    priced_.cost = Nanos(static_cast<int64_t>(absl::Uint128Low64(total_)));
    return true;
  }

 private:
  void FlagMissingMeter() {
    if (rates_ != nullptr) Flag(FallbackCause::kMissingMeter);
  }

  void AddLine(PricedLine line, absl::uint128 cost) {
    // A line too large for an entry makes the total too large as well, and nothing is handed out.
    // At most 38 lines of at most 10^24: the total cannot overflow.
    total_ += cost;
    line.cost = Nanos(static_cast<int64_t>(absl::Uint128Low64(cost)));
    priced_.lines.push_back(line);
  }

  const PriceBook& book_;
  const Usage& usage_;
  PricedUsage& priced_;
  const Rates* rates_ = nullptr;  // Nothing: everything is charged at the fallback.
  Factor factor_;                 // On the price of tokens.
  absl::uint128 total_ = 0;
};

absl::Status UsageProblems(const Usage& usage) {
  std::string problems;
  const auto add = [&problems](const std::string& field, const char* problem) {
    problems += (problems.empty() ? "" : "; ") + field + ": " + problem;
  };
  const std::array<int64_t, kFixedMeterCount> quantities = Quantities(usage);
  for (size_t i = 0; i < kFixedMeterCount; ++i) {
    if (!InRange(quantities[i])) add(kUsageFields[i], "must be 0 to 1000000000000");
  }
  if (usage.other_meters.size() > kMaxOtherMeters) {
    add("usage.other_meters", "must be at most 32");
  }
  for (size_t i = 0; i < usage.other_meters.size() && i < kMaxOtherMeters; ++i) {
    const std::string path = IndexedPath("usage.other_meters", i);
    if (!InRange(usage.other_meters[i].quantity)) {
      add(path + ".quantity", "must be 0 to 1000000000000");
    }
    if (!IsMeterName(usage.other_meters[i].name)) {
      add(path + ".name", "must be 1 to 64 lower-case letters, digits and \"._-\"");
    }
  }
  if (usage.service_tier.size() > kMaxModifierNameBytes) {
    add("usage.service_tier", "must be at most 64 bytes");
  }
  if (usage.region.size() > kMaxModifierNameBytes) add("usage.region", "must be at most 64 bytes");
  return problems.empty() ? absl::OkStatus() : absl::InvalidArgumentError(problems);
}

}  // namespace

std::string_view LineName(const PricedLine& line, const Usage& usage) {
  if (line.meter != Meter::kOther) return MeterName(line.meter);
  return usage.other_meters[line.other_index].name;
}

absl::Status ValidateUsage(const Usage& usage) {
  bool fine = usage.other_meters.empty() && usage.service_tier.size() <= kMaxModifierNameBytes &&
              usage.region.size() <= kMaxModifierNameBytes;
  for (const int64_t quantity : Quantities(usage)) fine = fine && InRange(quantity);
  return fine ? absl::OkStatus() : UsageProblems(usage);
}

absl::StatusOr<PricedUsage> PriceUsage(const PriceBook& book, const ModelPrices* model,
                                       const Usage& usage, absl::Time occurred_at) {
  if (absl::Status status = ValidateUsage(usage); !status.ok()) return status;
  // Filled in place: the result is too large to move about for nothing.
  absl::StatusOr<PricedUsage> priced(absl::in_place);
  Pricing pricing(book, usage, *priced);
  priced->lines.reserve(kFixedMeterCount + usage.other_meters.size());
  pricing.ChooseModifier();
  pricing.ChooseRates(model, occurred_at);
  const std::array<int64_t, kFixedMeterCount> quantities = Quantities(usage);
  for (size_t i = 0; i < kFixedMeterCount; ++i) {
    pricing.AddFixedMeter(static_cast<Meter>(i), quantities[i]);
  }
  for (uint32_t i = 0; i < usage.other_meters.size(); ++i) pricing.AddOtherMeter(i);
  if (!pricing.Finish()) {
    return absl::InvalidArgumentError(
        "usage: costs more than one entry holds, 9223372036.854775807");
  }
  return priced;
}

}  // namespace bursar
