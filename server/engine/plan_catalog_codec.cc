// Plan catalogs: from the published document to the ledger's value (catalogs.h).
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/catalogs.h"

namespace bursar {
namespace {

namespace proto = bursar::v1;

constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxDisplayNameBytes = 256;
constexpr size_t kMaxPrefixBytes = 256;
constexpr int kMaxPlans = 256;
constexpr int kMaxTiers = 64;
constexpr int kMaxExclusions = 256;
constexpr int32_t kMaxMoneyNanos = 999'999'999;

bool IsVersion(const std::string& text) {
  if (text.empty() || text.size() > kMaxNameBytes) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

// Lower-case words: letters, digits, "_" and "-", a letter first.
bool IsWord(const std::string& text) {
  if (text.empty() || text.size() > kMaxNameBytes || !absl::ascii_islower(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
  });
}

bool IsCurrency(const std::string& text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(),
                                         [](unsigned char c) { return absl::ascii_isupper(c); });
}

// Turns one plan into the ledger's, noting what is wrong under its path.
class PlanReader {
 public:
  PlanReader(const proto::Plan& in, std::string path, FieldViolations& violations)
      : in_(in), path_(std::move(path)), violations_(violations) {}

  Plan Read() {
    plan_.id = in_.id();
    plan_.display_name = in_.display_name();
    plan_.metered = in_.metered();
    plan_.currency_code = in_.currency_code();
    plan_.max_members = in_.max_members();
    if (!IsWord(in_.id())) Add(".id", "must be a lower-case word of at most 64 bytes");
    if (in_.display_name().empty() || in_.display_name().size() > kMaxDisplayNameBytes) {
      Add(".display_name", "must have 1 to 256 bytes");
    }
    if (!IsCurrency(in_.currency_code())) Add(".currency_code", "must be an ISO 4217 code");
    if (in_.max_members() < 0) Add(".max_members", "must not be negative");
    ReadFunding();
    ReadScopes();
    ReadTiers();
    ReadEligibility();
    return std::move(plan_);
  }

 private:
  void Add(const std::string& field, const std::string& description) {
    violations_.Add(path_ + field, description);
  }

  void ReadFunding() {
    if (in_.funding() == proto::FUNDING_PREPAID) {
      plan_.funding = Funding::kPrepaid;
    } else if (in_.funding() == proto::FUNDING_POSTPAID) {
      plan_.funding = Funding::kPostpaid;
    } else {
      Add(".funding", "must be prepaid or postpaid");
    }
  }

  void ReadScopes() {
    std::set<int> scopes;
    for (int scope : in_.limit_scopes()) {
      if (scope < proto::SCOPE_ORGANIZATION || scope > proto::SCOPE_MODEL) {
        Add(".limit_scopes", "holds an unknown scope");
      } else if (!scopes.insert(scope).second) {
        Add(".limit_scopes", "names a scope twice");
      }
    }
    if (!scopes.empty() &&
        (scopes.count(proto::SCOPE_ORGANIZATION) == 0 || scopes.count(proto::SCOPE_MEMBER) == 0)) {
      Add(".limit_scopes", "must be empty or contain organization and member");
    }
    plan_.tier_limits_allowed = scopes.count(proto::SCOPE_SEAT_TIER) > 0;
    plan_.surface_limits_allowed = scopes.empty() || scopes.count(proto::SCOPE_SURFACE) > 0;
    plan_.model_limits_allowed = scopes.empty() || scopes.count(proto::SCOPE_MODEL) > 0;
  }

  void ReadTiers() {
    if (in_.seat_tiers().empty() || in_.seat_tiers_size() > kMaxTiers) {
      Add(".seat_tiers", "must be 1 to 64");
      return;
    }
    std::set<std::string> ids;
    for (const proto::SeatTier& tier : in_.seat_tiers()) ids.insert(tier.id());
    std::set<std::string> seen;
    for (int i = 0; i < in_.seat_tiers_size(); ++i) {
      const proto::SeatTier& in = in_.seat_tiers(i);
      const std::string field = absl::StrCat(".seat_tiers[", i, "]");
      SeatTier tier;
      tier.id = in.id();
      tier.display_name = in.display_name();
      tier.upgrade_to = in.upgrade_to();
      if (!IsWord(in.id())) Add(field + ".id", "must be a lower-case word of at most 64 bytes");
      if (!seen.insert(in.id()).second) Add(field + ".id", "is another tier's too");
      if (in.display_name().empty() || in.display_name().size() > kMaxDisplayNameBytes) {
        Add(field + ".display_name", "must have 1 to 256 bytes");
      }
      if (!in.upgrade_to().empty() &&
          (ids.count(in.upgrade_to()) == 0 || in.upgrade_to() == in.id())) {
        Add(field + ".upgrade_to", "must be another tier of the plan");
      }
      tier.list_price = ReadMoney(in.list_price(), field + ".list_price");
      ReadWindows(in, field, tier);
      plan_.seat_tiers.push_back(std::move(tier));
    }
  }

  void ReadWindows(const proto::SeatTier& in, const std::string& tier_field, SeatTier& tier) {
    if (in_.metered() && !in.windows().empty()) {
      Add(tier_field + ".windows", "must be empty: a metered plan includes nothing");
    }
    if (!in_.metered() && in.windows().empty()) {
      Add(tier_field + ".windows", "must hold at least one: the plan is not metered");
    }
    std::set<int> kinds;
    for (int i = 0; i < in.windows_size(); ++i) {
      const proto::IncludedWindow& window = in.windows(i);
      const std::string field = absl::StrCat(tier_field, ".windows[", i, "]");
      if (window.kind() < proto::WINDOW_KIND_MONTH ||
          window.kind() > proto::WINDOW_KIND_FIVE_HOURS) {
        Add(field + ".kind", "must be a kind of window");
        continue;
      }
      if (!kinds.insert(window.kind()).second) Add(field + ".kind", "is another window's too");
      tier.windows.push_back(
          {static_cast<WindowKind>(window.kind()), ReadMoney(window.amount(), field + ".amount")});
    }
  }

  // Zero or more, in the plan's currency.
  Nanos ReadMoney(const proto::Money& in, const std::string& field) {
    if (!in.currency_code().empty() && in.currency_code() != in_.currency_code()) {
      Add(field + ".currency_code", "must be empty or the plan's");
    }
    if (in.units() < 0 || in.nanos() < 0 || in.nanos() > kMaxMoneyNanos) {
      Add(field, "must not be negative, with nanos up to 999,999,999");
      return Nanos();
    }
    const Amount amount(absl::int128(in.units()) * kNanosPerUnit + in.nanos());
    const std::optional<Nanos> nanos = amount.ToNanos();
    if (!nanos.has_value()) Add(field, "is more than one entry can carry");
    return nanos.value_or(Nanos());
  }

  void ReadEligibility() {
    const proto::Eligibility& in = in_.eligibility();
    if (in.excluded_surfaces_size() > kMaxExclusions ||
        in.excluded_model_prefixes_size() > kMaxExclusions) {
      Add(".eligibility", "must hold at most 256 of each");
    }
    for (int i = 0; i < in.excluded_surfaces_size(); ++i) {
      if (!IsWord(in.excluded_surfaces(i))) {
        Add(absl::StrCat(".eligibility.excluded_surfaces[", i, "]"), "must be a lower-case word");
      }
      plan_.excluded_surfaces.push_back(in.excluded_surfaces(i));
    }
    for (int i = 0; i < in.excluded_model_prefixes_size(); ++i) {
      const std::string& prefix = in.excluded_model_prefixes(i);
      if (prefix.empty() || prefix.size() > kMaxPrefixBytes) {
        Add(absl::StrCat(".eligibility.excluded_model_prefixes[", i, "]"),
            "must have 1 to 256 bytes");
      }
      plan_.excluded_model_prefixes.push_back(prefix);
    }
  }

  const proto::Plan& in_;
  const std::string path_;
  FieldViolations& violations_;
  Plan plan_;
};

}  // namespace

absl::StatusOr<PlanCatalog> PlanCatalogFromProto(const bursar::v1::PlanCatalog& in) {
  FieldViolations violations;
  PlanCatalog catalog;
  catalog.version = in.version();
  if (!IsVersion(in.version())) violations.Add("version", "must be 1 to 64 of [A-Za-z0-9._-]");
  if (in.plans().empty() || in.plans_size() > kMaxPlans) {
    violations.Add("plans", "must be 1 to 256");
    return violations.ToStatus();
  }
  std::set<std::string> ids;
  for (int i = 0; i < in.plans_size(); ++i) {
    const std::string path = absl::StrCat("plans[", i, "]");
    if (!ids.insert(in.plans(i).id()).second) violations.Add(path + ".id", "is another plan's too");
    catalog.plans.push_back(PlanReader(in.plans(i), path, violations).Read());
  }
  if (!violations.empty()) return violations.ToStatus();
  return catalog;
}

}  // namespace bursar
