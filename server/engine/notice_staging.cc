#include "server/engine/notice_staging.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/engine/increase_notices.h"
#include "server/engine/payment_notices.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/limits.h"
#include "server/ledger/settings_text.h"

namespace bursar {
namespace {

// A command may change thousands of roles; the journal has them all.
constexpr size_t kMaxToldChanges = 100;

// What every notice carries: whose wallet it is.
void AddOrganizationFacts(const OrganizationSettings& settings, StoredNotice& notice) {
  std::vector<NoticeFact>& facts = notice.facts;
  facts.push_back(WordsFact("currency_code", settings.currency_code));
  facts.push_back(WordsFact("plan", settings.plan_id));
  facts.push_back(WordsFact("time_zone", settings.time_zone));
  if (!settings.settings_url.empty()) {
    facts.push_back(WordsFact("settings_url", settings.settings_url));
  }
}

// How the wallet stands, for those who may see what others spend (rule A3).
void AddWalletFigures(const WalletHeader& header, const DecisionContext& context, absl::Time at,
                      std::vector<NoticeFact>& facts) {
  const OrganizationSettings& settings = header.settings;
  const Plan* plan = context.plans == nullptr ? nullptr : context.plans->Find(settings.plan_id);
  const bool metered = plan != nullptr && plan->metered;
  facts.push_back(WordsFact("bucket", metered ? "metered usage" : "extra usage"));
  // A month that ended and has no successor yet says nothing of the one that runs.
  if (const Window& month = header.month.month; month.Contains(at)) {
    facts.push_back(TimeFact("period_start", month.start));
    facts.push_back(TimeFact("period_end", month.end));
    facts.push_back(MoneyFact("spent", header.month.extra));
  }
  if (header.limit.has_value() && header.limit->InForce().has_value()) {
    facts.push_back(MoneyFact("limit", *header.limit->InForce()));
  }
  if (plan != nullptr && plan->funding == Funding::kPrepaid) {
    facts.push_back(MoneyFact("balance", header.Balance()));
    if (!header.overdraft.is_zero()) facts.push_back(MoneyFact("overdraft", header.overdraft));
  }
}

// A notice without figures of the wallet.
StoredNotice BeginBare(const Entry& entry, const WalletHeader& header) {
  StoredNotice notice;
  notice.created_at = entry.recorded_at;
  notice.sequence = entry.sequence;
  notice.organization_name = header.settings.display_name;
  AddOrganizationFacts(header.settings, notice);
  return notice;
}

// One that tells how the wallet stands.
StoredNotice Begin(const Entry& entry, const WalletHeader& header, const DecisionContext& context) {
  StoredNotice notice = BeginBare(entry, header);
  AddWalletFigures(header, context, notice.created_at, notice.facts);
  return notice;
}

StoredNotice IncreaseNotice(std::string_view epoch, const Entry& entry, const Wallet& wallet,
                            const DecisionContext& context) {
  // The member who asked is told of an outcome, and may not see what others spend.
  const auto* decided = std::get_if<IncreaseDecided>(&entry.body);
  const bool for_member = decided != nullptr && !IsOpen(decided->state);
  StoredNotice notice =
      for_member ? BeginBare(entry, wallet.header) : Begin(entry, wallet.header, context);
  DescribeIncrease(epoch, wallet, entry, context, notice);
  return notice;
}

StoredNotice PaymentNotice(std::string_view epoch, const Entry& entry, const Wallet& wallet,
                           const DecisionContext& context) {
  // The payment system is told of its payment and of nothing else.
  const bool for_people = PaymentNoticeKind(entry.body) != NoticeKind::kPaymentRequested;
  StoredNotice notice =
      for_people ? Begin(entry, wallet.header, context) : BeginBare(entry, wallet.header);
  DescribePayment(epoch, wallet, entry, notice);
  return notice;
}

void DescribeThreshold(const ThresholdNoticed& reached, StoredNotice& notice) {
  notice.kind = reached.period == PeriodKind::kHour ? NoticeKind::kRunaway : NoticeKind::kThreshold;
  notice.member_id = reached.member_id;
  std::vector<NoticeFact>& facts = notice.facts;
  facts.push_back(WordsFact("scope", std::string(ScopeWord(reached.scope))));
  facts.push_back(WordsFact("scope_id", reached.scope_id));
  facts.push_back(WordsFact("limit_of", ScopeWords(reached.scope, reached.scope_id)));
  facts.push_back(WordsFact("period", std::string(PeriodWord(reached.period))));
  facts.push_back(WordsFact("per_period", PerPeriod(reached.period)));
  facts.push_back(CountFact("percent", reached.percent));
  facts.push_back(MoneyFact("limit", reached.limit));
  facts.push_back(TimeFact("until", reached.window.end));
  if (!reached.surface.empty()) facts.push_back(WordsFact("surface", reached.surface));
}

bool ChangesRole(const MemberUpserted& body) {
  for (const FieldChange& change : body.changes) {
    if (change.field == "role") return true;
  }
  return false;
}

}  // namespace

std::optional<StoredNotice> NoticeOf(std::string_view epoch, const Entry& entry,
                                     const Wallet& wallet, const DecisionContext& context,
                                     bool out_of_balance) {
  const WalletHeader& header = wallet.header;
  if (OwesIncreaseNotice(entry.body)) return IncreaseNotice(epoch, entry, wallet, context);
  if (OwesPaymentNotice(entry.body)) return PaymentNotice(epoch, entry, wallet, context);
  if (const auto* opened = std::get_if<EpisodeOpened>(&entry.body)) {
    StoredNotice notice = Begin(entry, header, context);
    notice.balance = opened->balance;
    notice.member_id = opened->member_id;
    notice.facts.push_back(WordsFact("reason", opened->balance ? "balance" : "spend_limit"));
    if (!opened->surface.empty()) notice.facts.push_back(WordsFact("surface", opened->surface));
    // An empty balance lasts until somebody adds credit.
    if (const absl::Time reopens = header.PoolReopensAt(); reopens != absl::InfiniteFuture()) {
      notice.facts.push_back(TimeFact("until", reopens));
    }
    return notice;
  }
  if (const auto* ended = std::get_if<EpisodeEnded>(&entry.body)) {
    StoredNotice notice = Begin(entry, header, context);
    notice.kind = NoticeKind::kResolved;
    notice.balance = out_of_balance;
    notice.facts.push_back(WordsFact("cause", ended->cause));
    return notice;
  }
  if (const auto* crossed = std::get_if<CrossingNoticed>(&entry.body)) {
    StoredNotice notice = Begin(entry, header, context);
    notice.kind = NoticeKind::kCrossed;
    notice.member_id = crossed->member_id;
    if (!crossed->surface.empty()) notice.facts.push_back(WordsFact("surface", crossed->surface));
    notice.facts.push_back(TimeFact("until", crossed->window.end));
    return notice;
  }
  if (const auto* reached = std::get_if<ThresholdNoticed>(&entry.body)) {
    // The member that it counts is told too, and may not see what others spend.
    StoredNotice notice = BeginBare(entry, header);
    DescribeThreshold(*reached, notice);
    return notice;
  }
  if (const auto* digest = std::get_if<DigestScheduled>(&entry.body);
      digest != nullptr && digest->is_due) {
    StoredNotice notice = Begin(entry, header, context);
    notice.kind = NoticeKind::kRequestsDigest;
    notice.facts.push_back(CountFact("outstanding", digest->outstanding));
    return notice;
  }
  return std::nullopt;
}

std::vector<FieldChange> NoticedChanges(const EntryBody& body, const WalletHeader& header) {
  if (header.owner_count == 0) return {};
  if (const auto* extra = std::get_if<ExtraUsageUpdated>(&body)) return extra->changes;
  if (const auto* set = std::get_if<NotificationChannelsSet>(&body)) return set->changes;
  if (const auto* set = std::get_if<AutoReloadUpdated>(&body)) return set->changes;
  if (const auto* changed = std::get_if<PlanChanged>(&body)) return changed->changes;
  if (const auto* selected = std::get_if<MemberSelected>(&body)) {
    return {{absl::StrCat("extra_usage of ", selected->member_id), "not selected", "selected"}};
  }
  if (const auto* set = std::get_if<SpendLimitSet>(&body)) {
    std::vector<FieldChange> changes = set->changes;
    for (FieldChange& change : changes) {
      if (set->scope == Scope::kOrganization) continue;
      absl::StrAppend(
          &change.field, " of ",
          set->scope == Scope::kMember ? set->scope_id : ScopeWords(set->scope, set->scope_id));
    }
    return changes;
  }
  const auto* member = std::get_if<MemberUpserted>(&body);
  if (member == nullptr || member->automatic) return {};
  const std::string field = absl::StrCat("role of ", member->settings.member_id);
  if (member->created) {
    if (member->settings.role == MemberRole::kMember) return {};
    return {{field, "not a member", RoleText(member->settings.role)}};
  }
  std::vector<FieldChange> changes;
  for (const FieldChange& change : member->changes) {
    if (change.field == "role") changes.push_back({field, change.before, change.after});
  }
  return changes;
}

StoredNotice SettingsNotice(int64_t sequence, const Cause& cause, std::vector<FieldChange> changes,
                            const WalletHeader& header, const DecisionContext& context) {
  StoredNotice notice = Begin({sequence, context.now, cause, {}}, header, context);
  notice.kind = NoticeKind::kSettingsChanged;
  notice.member_id = cause.actor;
  if (changes.size() > kMaxToldChanges) {
    notice.facts.push_back(
        CountFact("further_changes", static_cast<int64_t>(changes.size() - kMaxToldChanges)));
    changes.resize(kMaxToldChanges);
  }
  notice.changes = std::move(changes);
  if (!cause.caller.empty()) notice.facts.push_back(WordsFact("caller", cause.caller));
  return notice;
}

bool MayOweNotice(const EntryBody& body) {
  if (const auto* member = std::get_if<MemberUpserted>(&body)) {
    return member->created || ChangesRole(*member);
  }
  return OwesIncreaseNotice(body) || OwesPaymentNotice(body) ||
         std::holds_alternative<EpisodeOpened>(body) ||
         std::holds_alternative<EpisodeEnded>(body) ||
         std::holds_alternative<CrossingNoticed>(body) ||
         std::holds_alternative<ThresholdNoticed>(body) ||
         std::holds_alternative<DigestScheduled>(body) ||
         std::holds_alternative<ExtraUsageUpdated>(body) ||
         std::holds_alternative<SpendLimitSet>(body) || std::holds_alternative<PlanChanged>(body) ||
         std::holds_alternative<AutoReloadUpdated>(body) ||
         std::holds_alternative<MemberSelected>(body) ||
         std::holds_alternative<NotificationChannelsSet>(body);
}

}  // namespace bursar
