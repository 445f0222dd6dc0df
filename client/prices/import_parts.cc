#include "client/prices/import_parts.h"

#include <algorithm>
#include <cstdio>

namespace bursar {

absl::Status ErrorAt(const JsonValue& value, const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError("byte " + std::to_string(value.offset) +
                                    (path.empty() ? "" : ", " + path) + ": " + std::string(what));
}

absl::StatusOr<int64_t> ReadNumber(const JsonValue& value, const std::string& path,
                                   absl::StatusOr<int64_t> (*parse)(std::string_view)) {
  if (value.kind != JsonValue::Kind::kNumber) return ErrorAt(value, path, "must be a number");
  absl::StatusOr<int64_t> number = parse(value.text);
  if (!number.ok()) {
    const absl::string_view what = number.status().message();
    return ErrorAt(value, path, std::string_view(what.data(), what.size()));
  }
  return number;
}

bool IsProviderId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

absl::StatusOr<const JsonValue*> Require(const JsonValue& object, const std::string& path,
                                         std::string_view name, JsonValue::Kind kind,
                                         const char* kind_name) {
  const JsonValue* value = object.Find(name);
  if (value == nullptr) return ErrorAt(object, path, "has no \"" + std::string(name) + "\"");
  if (value->kind != kind) {
    return ErrorAt(*value, path + "." + std::string(name), "must be " + std::string(kind_name));
  }
  return value;
}

void FillPrices(MeterNanos nanos, v1::MeterPrices* prices) {
  // Rule P7. A model without an input price has nothing to derive from.
  if (!nanos[kCacheWrite].has_value()) nanos[kCacheWrite] = nanos[kInput];
  if (!nanos[kCacheWrite1h].has_value()) nanos[kCacheWrite1h] = nanos[kCacheWrite];
  if (!nanos[kCacheRead].has_value()) nanos[kCacheRead] = nanos[kInput];

  if (nanos[kInput]) prices->set_input_nanos_per_million(*nanos[kInput]);
  if (nanos[kOutput]) prices->set_output_nanos_per_million(*nanos[kOutput]);
  if (nanos[kCacheWrite]) prices->set_cache_write_5m_nanos_per_million(*nanos[kCacheWrite]);
  if (nanos[kCacheWrite1h]) prices->set_cache_write_1h_nanos_per_million(*nanos[kCacheWrite1h]);
  if (nanos[kCacheRead]) prices->set_cache_read_nanos_per_million(*nanos[kCacheRead]);
  if (nanos[kWebSearch]) prices->set_web_search_nanos_per_thousand(*nanos[kWebSearch]);
}

std::string ContentVersion(std::string_view list_name, std::string_view text) {
  // FNV-1a of 64 bits: tells editions of a list apart; nothing relies on it being hard to forge.
  uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(hash));
  return std::string(list_name) + "-" + digits;
}

std::string CardIds::Make(std::string name) {
  for (char& c : name) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '@') c = '_';
  }
  std::string id = name;
  for (int i = 2; !used_.insert(id).second; ++i) id = name + "~" + std::to_string(i);
  return id;
}

void OrderProviders(const std::vector<std::string>& order, v1::PriceBook* book) {
  const auto rank = [&order](const v1::PriceProvider& provider) {
    return std::find(order.begin(), order.end(), provider.id()) - order.begin();
  };
  auto& providers = *book->mutable_providers();
  std::stable_sort(providers.begin(), providers.end(),
                   [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

}  // namespace bursar
