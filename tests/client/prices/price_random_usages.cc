// price_random_usages COUNT SEED
//
// Prices random usages with the shipped book, as the server would, and prints one JSON object a
// line: what was asked and what it costs. First come, for every card and every tier of the book,
// the edges: prompts of exactly the start of a tier and one more, and instants just before, at and
// just after the card's first; then random ones up to COUNT. check_exact_prices.py computes them
// again.

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "client/prices/default_price_book.h"
#include "server/engine/price_book_codec.h"
#include "server/ledger/pricing.h"

namespace bursar {
namespace {

struct Request {
  std::string provider;
  std::string model;
  Usage usage;
  absl::Time occurred_at;
};

class Generator {
 public:
  Generator(const PriceBook& book, uint64_t seed) : book_(book), random_(seed) {
    for (const ModelPricesSpec& model : book.spec().models) {
      std::vector<std::string> names = {model.id};
      CollectNames(model.match, names);
      names_.push_back(std::move(names));
    }
  }

  // Every name of every model at every edge of its cards and tiers.
  std::vector<Request> Edges() {
    std::vector<Request> requests;
    for (size_t m = 0; m < names_.size(); ++m) {
      const ModelPricesSpec& model = book_.spec().models[m];
      for (const PriceCardSpec& card : model.cards) {
        std::vector<int64_t> prompts = {1};
        for (const PriceTierSpec& tier : card.tiers) {
          prompts.push_back(tier.prompt_tokens_above);
          prompts.push_back(tier.prompt_tokens_above + 1);
        }
        for (const absl::Time instant : Instants(card)) {
          for (const int64_t prompt : prompts) {
            Request request{model.provider, Pick(names_[m]), RandomUsage(), instant};
            SplitPrompt(prompt, request.usage);
            requests.push_back(std::move(request));
          }
        }
      }
      // Each name at least once, without a provider too.
      for (const std::string& name : names_[m]) {
        requests.push_back({model.provider, name, RandomUsage(), RandomInstant()});
        requests.push_back({"", name, RandomUsage(), RandomInstant()});
      }
    }
    return requests;
  }

  Request Random() {
    const size_t m = Below(names_.size());
    const ModelPricesSpec& model = book_.spec().models[m];
    Request request{model.provider, Pick(names_[m]), RandomUsage(), RandomInstant()};
    switch (Below(8)) {
      case 0:
        request.provider.clear();
        break;
      case 1:
        request.model = request.provider + "/" + request.model;
        request.provider.clear();
        break;
      case 2:
        request.provider = Pick({"google-vertex", "Anthropic", "azure-openai", "nobody"});
        break;
      case 3:
        request.model += Pick({"-20250929", "-2026-01-02", "-tts", "@default", "x", "/y"});
        break;
      case 4: {
        const PriceCardSpec& card = model.cards[Below(model.cards.size())];
        if (!card.tiers.empty()) {
          const int64_t start = card.tiers[Below(card.tiers.size())].prompt_tokens_above;
          SplitPrompt(start + static_cast<int64_t>(Below(2)), request.usage);
        }
        break;
      }
      default:
        break;
    }
    return request;
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  std::string Pick(const std::vector<std::string>& from) { return from[Below(from.size())]; }

  static void CollectNames(const NameMatchSpec& match, std::vector<std::string>& names) {
    if (match.kind != NameMatchSpec::Kind::kRegex && !match.text.empty()) {
      names.push_back(match.text);
    }
    for (const NameMatchSpec& rule : match.rules) CollectNames(rule, names);
  }

  std::vector<absl::Time> Instants(const PriceCardSpec& card) {
    if (card.effective_from == absl::InfinitePast()) return {RandomInstant(), absl::UnixEpoch()};
    return {card.effective_from - absl::Nanoseconds(1), card.effective_from,
            card.effective_from + absl::Nanoseconds(1), card.effective_from + absl::Hours(24 * 90)};
  }

  // From 2024 to 2028, to the nanosecond.
  absl::Time RandomInstant() {
    return absl::FromUnixNanos(1'704'067'200'000'000'000 +
                               static_cast<int64_t>(Below(126'230'400'000'000'000)));
  }

  // Of every size: most requests are small, some absurd.
  int64_t Quantity() {
    if (Below(4) == 0) return 0;
    constexpr uint64_t kBounds[] = {10, 5'000, 400'000, 300'000'000};
    return static_cast<int64_t>(Below(kBounds[Below(4)]));
  }

  Usage RandomUsage() {
    Usage usage;
    usage.input = Quantity();
    usage.output = Quantity();
    usage.cache_write_5m = Quantity();
    usage.cache_write_1h = Quantity();
    usage.cache_read = Quantity();
    usage.web_searches = static_cast<int64_t>(Below(5) == 0 ? Below(2'000) : 0);
    if (Below(10) == 0) usage.other_meters.push_back({"images", Quantity()});
    usage.service_tier = Below(12) == 0 ? "priority" : Pick({"", "", "batch", "standard"});
    usage.region = Below(12) == 0 ? "moon" : Pick({"", "", "us", "global"});
    return usage;
  }

  // Makes the prompt exactly that long, at random over its four meters.
  void SplitPrompt(int64_t prompt, Usage& usage) {
    int64_t* meters[] = {&usage.cache_write_5m, &usage.cache_write_1h, &usage.cache_read};
    usage.input = prompt;
    for (int64_t* meter : meters) {
      *meter = static_cast<int64_t>(Below(static_cast<uint64_t>(usage.input) + 1));
      usage.input -= *meter;
    }
  }

  const PriceBook& book_;
  std::mt19937_64 random_;
  std::vector<std::vector<std::string>> names_;  // By model.
};

// Model names of the list need no escaping; anything that would is not printed at all.
std::string Quoted(const std::string& text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') std::abort();
  }
  return "\"" + text + "\"";
}

bool Print(const PriceBook& book, const Request& request) {
  const ModelPrices* model = book.Resolve(request.provider, request.model);
  const auto priced = PriceUsage(book, model, request.usage, request.occurred_at);
  if (!priced.ok()) {
    std::fprintf(stderr, "%s: %s\n", request.model.c_str(),
                 std::string(priced.status().message()).c_str());
    return false;
  }
  const Usage& usage = request.usage;
  std::string line =
      "{\"provider\": " + Quoted(request.provider) + ", \"model\": " + Quoted(request.model) +
      ", \"occurred_at_nanos\": " + std::to_string(absl::ToUnixNanos(request.occurred_at));
  const auto number = [&line](const char* name, int64_t value) {
    line += std::string(", \"") + name + "\": " + std::to_string(value);
  };
  number("input", usage.input);
  number("output", usage.output);
  number("cache_write_5m", usage.cache_write_5m);
  number("cache_write_1h", usage.cache_write_1h);
  number("cache_read", usage.cache_read);
  number("web_searches", usage.web_searches);
  number("images", usage.other_meters.empty() ? 0 : usage.other_meters[0].quantity);
  line += ", \"service_tier\": " + Quoted(usage.service_tier) +
          ", \"region\": " + Quoted(usage.region) + ", \"card\": " + Quoted(priced->card) +
          ", \"fallback\": " + (priced->fallback ? "true" : "false");
  number("cost", priced->cost.value);
  line += ", \"lines\": {";
  for (const PricedLine& cost : priced->lines) {
    line += (line.back() == '{' ? "" : ", ") + Quoted(std::string(LineName(cost, usage))) + ": " +
            std::to_string(cost.cost.value);
  }
  std::puts((line + "}}").c_str());
  return true;
}

int Run(size_t count, uint64_t seed) {
  v1::PriceBook message;
  const std::string_view bytes = DefaultPriceBook();
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return 1;
  const auto book = DecodePriceBook(message);
  if (!book.ok()) {
    std::fprintf(stderr, "%s\n", std::string(book.status().message()).c_str());
    return 1;
  }
  Generator generator(**book, seed);
  size_t printed = 0;
  for (const Request& request : generator.Edges()) {
    if (!Print(**book, request)) return 1;
    ++printed;
  }
  for (; printed < count; ++printed) {
    if (!Print(**book, generator.Random())) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace bursar

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: price_random_usages COUNT SEED\n");
    return 2;
  }
  return bursar::Run(std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10));
}
