#include "server/ledger/denial.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/strings.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/limits.h"

namespace bursar {

namespace {

// A wait up to this long is worth a retry of the same call (rule D4).
constexpr absl::Duration kShortWait = absl::Minutes(1);

// Rounded up, so that what is said to be needed is never too little.
Amount UpToCents(Amount amount) {
  constexpr int64_t kNanosPerCent = kNanosPerUnit / 100;
  const absl::int128 cents = (amount.nanos() + kNanosPerCent - 1) / kNanosPerCent;
  return Amount(cents * kNanosPerCent);
}

// What the texts of one denial are built from.
struct Writer {
  const WalletHeader& header;
  const Member* member;
  const AdmissionState& state;
  const Verdict& verdict;
  const DecisionContext& context;
  const AdmissionQuery& query;

  const Evaluation* Bound() const {
    return verdict.blocking_bound < 0 ? nullptr : &state.bounds[verdict.blocking_bound];
  }
  std::string Money(Amount amount) const {
    return absl::StrCat(FormatAmount(amount), " ", header.settings.currency_code);
  }
  // "28 Nov 2026, 10:00 (Europe/Berlin)", in the member's zone or the organization's.
  std::string Time(absl::Time instant) const {
    const std::string& name = member != nullptr && !member->time_zone.empty()
                                  ? member->time_zone
                                  : header.settings.time_zone;
    absl::StatusOr<Zone> zone = context.zones->Find(name);
    const Zone shown = zone.ok() ? *zone : Zone();
    return absl::StrCat(shown.LocalAt(instant).day(),
                        absl::FormatTime(" %b %Y, %H:%M", instant, shown.time_zone()), " (",
                        shown.name(), ")");
  }
  std::string Until(absl::Time instant) const {
    return instant == absl::InfiniteFuture() ? "" : absl::StrCat(" until ", Time(instant));
  }
};

std::string WindowName(BoundSource source) {
  switch (source) {
    case BoundSource::kIncludedMonth:
      return "monthly included usage";
    case BoundSource::kIncludedWeek:
      return "weekly included usage";
    case BoundSource::kIncludedDay:
      return "daily included usage";
    case BoundSource::kIncludedFiveHours:
      return "included usage of this five-hour session";
    case BoundSource::kSpendLimit:
    case BoundSource::kBalance:
      break;
  }
  return "included usage";
}

// The first sentence of denials where included usage is gone and extra is not to be had.
std::string IncludedGone(const Writer& writer) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr || bound->bucket != Bucket::kIncluded) {
    return writer.state.plan->IsEligible(writer.query.surface, writer.query.model)
               ? "You have no seat with included usage"
               : "This model or surface is not part of your included usage";
  }
  const bool pool = bound->scope == Scope::kOrganization;
  const bool exhausted = !bound->Headroom().is_positive();
  return absl::StrCat(pool ? "Your org" : "You", exhausted ? " used up " : " nearly used up ",
                      pool ? "its " : "your ", WindowName(bound->source), " (",
                      writer.Money(*bound->limit), ")", writer.Until(bound->resets_at));
}

std::string LimitSentence(const Writer& writer, const char* whose) {
  const Evaluation& bound = *writer.Bound();
  // A limit of zero stays reached however its period rolls.
  return absl::StrCat(whose, " ", LimitName(bound), " of ", writer.Money(*bound.limit),
                      " is reached",
                      bound.limit->is_positive() ? writer.Until(bound.resets_at) : "", ".");
}

// Of a surface or model that an owner limited or forbade.
std::string NamedLimitSentence(const Writer& writer) {
  const Evaluation& bound = *writer.Bound();
  if (bound.limit->is_positive()) return LimitSentence(writer, "Your org's");
  return absl::StrCat("Your org does not use extra usage for ", ToAbsl(bound.scope_id), ".");
}

std::string DoesNotFitSentence(const Writer& writer) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr) return "This request is larger than one hold may be.";
  Amount left = bound->Headroom().FlooredAtZero();
  if (writer.state.included_applies) left += writer.state.included_headroom;
  return absl::StrCat("This request is larger than what is left: ", writer.Money(left), ".");
}

bool IsRemoved(const Writer& writer) {
  return writer.member != nullptr && writer.member->status == AccountStatus::kRemoved;
}

std::string Banner(const Writer& writer, bool admin_notified) {
  const std::string notified = admin_notified ? kAdminNotifiedSentence : "";
  switch (writer.verdict.reason) {
    case DenialReason::kOrganizationSuspended:
      return absl::StrCat("The wallet of ", writer.header.settings.display_name, " is suspended.");
    case DenialReason::kMemberSuspended:
      if (IsRemoved(writer)) {
        return absl::StrCat("You are no longer a member of ", writer.header.settings.display_name,
                            ".");
      }
      return absl::StrCat("Your seat at ", writer.header.settings.display_name, " is not active.");
    case DenialReason::kExtraUsageDisabled:
      return absl::StrCat(IncludedGone(writer), ", and extra usage is off.");
    case DenialReason::kMemberNotSelected:
      return absl::StrCat(IncludedGone(writer), ", and extra usage is not switched on for you.");
    case DenialReason::kConfirmationRequired:
      return absl::StrCat(IncludedGone(writer), ". Confirm to go on at API prices.");
    case DenialReason::kMemberLimitReached:
      return LimitSentence(writer, "Your");
    case DenialReason::kSeatTierLimitReached:
      return LimitSentence(writer, "Your seat tier's");
    case DenialReason::kOrganizationLimitReached:
      if (writer.Bound()->scope != Scope::kOrganization) return NamedLimitSentence(writer);
      [[fallthrough]];
    case DenialReason::kBalanceExhausted:
      return absl::StrCat("Your org is out of extra usage.", notified);
    case DenialReason::kHoldDoesNotFit:
      return DoesNotFitSentence(writer);
    case DenialReason::kNone:
      break;
  }
  return "";
}

// When a bound that is reached opens again by time alone.
absl::Time ReopensAt(const Evaluation& bound) {
  // A balance never refills itself, and a limit of zero stays reached however its period rolls.
  if (bound.source == BoundSource::kBalance || !bound.limit->is_positive()) {
    return absl::InfiniteFuture();
  }
  return bound.resets_at;
}

// Credit that only pays what is owed and held; more than it is needed. Zero or more for a balance
// that is used up.
Amount Owed(const Evaluation& balance) { return UpToCents(-balance.Headroom()); }

// The limits and the balance that leave nothing.
std::vector<const Evaluation*> ReachedBeyondIncluded(const Writer& writer) {
  std::vector<const Evaluation*> reached;
  for (const Evaluation& bound : writer.state.bounds) {
    if (bound.bucket == Bucket::kIncluded || !bound.limit.has_value()) continue;
    if (!bound.Headroom().is_positive()) reached.push_back(&bound);
  }
  return reached;
}

// "your spend limit until 1 Dec 2026, 00:00 (UTC)".
std::string InTheWayUntil(const Writer& writer, const Evaluation& bound) {
  if (bound.source == BoundSource::kBalance) {
    return Owed(bound).is_positive()
               ? "the overdrawn balance until more than what is owed is bought"
               : "the empty balance until credit is bought";
  }
  const absl::Time until = ReopensAt(bound);
  return absl::StrCat(
      WhoseLimit(bound), " ", LimitName(bound),
      until == absl::InfiniteFuture() ? " of zero until it is raised" : writer.Until(until));
}

// Where several things are in the way until different instants, which is until when; else "".
std::string AllInTheWay(const Writer& writer) {
  const std::vector<const Evaluation*> reached = ReachedBeyondIncluded(writer);
  bool differ = false;
  for (const Evaluation* bound : reached) differ |= ReopensAt(*bound) != ReopensAt(*reached[0]);
  if (!differ) return "";
  std::string text = "In the way are ";
  for (size_t i = 0; i < reached.size(); ++i) {
    const char* joint = i + 1 == reached.size() ? " and " : ", ";
    absl::StrAppend(&text, i == 0 ? "" : joint, InTheWayUntil(writer, *reached[i]));
  }
  return text + ". ";
}

std::string Explanation(const Writer& writer, const Denial& denial) {
  std::string text = "No card was declined and no session is lost. ";
  if (denial.reason == DenialReason::kBalanceExhausted) {
    const Amount owed = Owed(*writer.Bound());
    absl::StrAppend(
        &text, "The prepaid balance of ", writer.header.settings.display_name,
        owed.is_positive() ? absl::StrCat(" is overdrawn by ", writer.Money(owed)) : " is used up",
        ". ");
  } else if (denial.reason == DenialReason::kOrganizationLimitReached) {
    absl::StrAppend(&text, "The ", LimitName(*writer.Bound()), " of ",
                    writer.header.settings.display_name, ", ", writer.Money(*writer.Bound()->limit),
                    ", is reached. ");
  }
  if (writer.Bound() != nullptr && writer.Bound()->bucket != Bucket::kIncluded &&
      denial.reason != DenialReason::kHoldDoesNotFit) {
    absl::StrAppend(&text, AllInTheWay(writer));
  }
  if (denial.reason == DenialReason::kConfirmationRequired) {
    absl::StrAppend(&text, "Trying again helps as soon as you have confirmed.");
  } else if (denial.retry_helps) {
    absl::StrAppend(&text, "Trying again helps from ", writer.Time(denial.ends_at), ".");
  } else if (denial.ends_at != absl::InfiniteFuture()) {
    absl::StrAppend(&text, "Trying again does not help before ", writer.Time(denial.ends_at),
                    " unless somebody lifts it.");
  } else {
    absl::StrAppend(&text, "Trying again does not help until somebody lifts it.");
  }
  return text;
}

// When everything that is reached beyond included usage is open again: a limit's period rolling is
// no help while the balance is empty too.
absl::Time OverflowReopensAt(const Writer& writer) {
  absl::Time reopens = absl::InfinitePast();
  for (const Evaluation* bound : ReachedBeyondIncluded(writer)) {
    reopens = std::max(reopens, ReopensAt(*bound));
  }
  return reopens;
}

// When a denial ends by time alone: the earliest of the included windows all being open again and
// the reached limit's period rolling; never, for an empty balance alone (rule D2).
absl::Time EndsAt(const Writer& writer) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr) return absl::InfiniteFuture();
  if (bound->bucket == Bucket::kIncluded) return ReopensAt(*bound);
  const absl::Time included =
      writer.state.included_applies ? writer.state.included_reopens_at : absl::InfiniteFuture();
  const absl::Time overflow = writer.verdict.reason == DenialReason::kHoldDoesNotFit
                                  ? ReopensAt(*bound)
                                  : OverflowReopensAt(writer);
  return std::min(included, overflow);
}

std::vector<MemberRole> Owners() { return {MemberRole::kPrimaryOwner, MemberRole::kOwner}; }
std::vector<MemberRole> OwnersAndAdmins() {
  return {MemberRole::kPrimaryOwner, MemberRole::kOwner, MemberRole::kAdmin};
}
std::vector<MemberRole> Buyers() {
  return {MemberRole::kPrimaryOwner, MemberRole::kOwner, MemberRole::kBilling};
}

Remedy ByAdministrator(RemedyKind kind, std::string description, std::vector<MemberRole> roles) {
  Remedy remedy;
  remedy.kind = kind;
  remedy.description = std::move(description);
  remedy.roles = std::move(roles);
  remedy.actor = RemedyActor::kAdministrator;
  return remedy;
}

Remedy BySelf(RemedyKind kind, std::string description) {
  Remedy remedy;
  remedy.kind = kind;
  remedy.description = std::move(description);
  remedy.actor = RemedyActor::kSelf;
  return remedy;
}

void AddSeatRemedy(const Writer& writer, std::vector<Remedy>& remedies) {
  const SeatTier* higher = writer.state.tier->upgrade_to.empty()
                               ? nullptr
                               : writer.state.plan->FindTier(writer.state.tier->upgrade_to);
  if (higher == nullptr || !writer.state.included_applies) return;
  Remedy remedy =
      ByAdministrator(RemedyKind::kHigherSeat,
                      absl::StrCat("An owner can move you to a ", higher->display_name,
                                   " seat, which includes more and takes effect at once."),
                      Owners());
  if (higher->list_price > writer.state.tier->list_price) {
    remedy.cost = Nanos(higher->list_price.value - writer.state.tier->list_price.value);
  }
  remedies.push_back(std::move(remedy));
}

// Asking is free and the member's own to do, whoever can grant it; who can grant it asks nobody.
void AddAskRemedy(const Writer& writer, const char* whom, const char* what,
                  const std::vector<MemberRole>& granting_roles, std::vector<Remedy>& remedies) {
  if (writer.member != nullptr &&
      std::count(granting_roles.begin(), granting_roles.end(), writer.member->role) > 0) {
    return;
  }
  remedies.push_back(BySelf(
      RemedyKind::kAskAdmin,
      absl::StrCat("Ask ", whom, " of ", writer.header.settings.display_name, " to ", what, ".")));
}

// How a remedy that lifts the blocking bound ends: by promising admission, unless something else
// blocks too.
std::string Promise(const Writer& writer) {
  for (const Evaluation* bound : ReachedBeyondIncluded(writer)) {
    if (bound == writer.Bound()) continue;
    if (bound->source != BoundSource::kBalance) {
      return absl::StrCat("; ", WhoseLimit(*bound), " ", LimitName(*bound), " is in the way then.");
    }
    const Amount owed = Owed(*bound);
    if (!owed.is_positive()) return "; the empty balance is in the way then.";
    return absl::StrCat("; the balance, overdrawn by ", writer.Money(owed),
                        ", is in the way then.");
  }
  return "; the next request is admitted at once.";
}

void AddLimitRemedies(const Writer& writer, std::vector<Remedy>& remedies) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr || bound->source != BoundSource::kSpendLimit) return;
  const bool own = bound->scope == Scope::kMember;
  // What is reached stays reached until the limit is above what is spent and held.
  const std::string above =
      bound->Headroom().is_positive()
          ? ""
          : absl::StrCat(" above ", writer.Money(UpToCents(bound->spent + bound->held)));
  AddAskRemedy(writer, own ? "an admin" : "an owner", "raise the spend limit",
               own ? OwnersAndAdmins() : Owners(), remedies);
  remedies.push_back(ByAdministrator(
      RemedyKind::kRaiseLimit,
      absl::StrCat(own ? "An owner or admin" : "An owner", " can raise ", WhoseLimit(*bound), " ",
                   LimitName(*bound), above, Promise(writer)),
      own ? OwnersAndAdmins() : Owners()));
}

void AddBalanceRemedies(const Writer& writer, std::vector<Remedy>& remedies) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr || bound->source != BoundSource::kBalance) return;
  AddAskRemedy(writer, "an owner or the billing contact", "buy credit", Buyers(), remedies);
  Remedy remedy = ByAdministrator(RemedyKind::kBuyCredit, "", Buyers());
  std::string amount;
  if (const Amount owed = Owed(*bound); owed.is_positive()) {
    // Credit repays what is overdrawn first (rule X2).
    amount = absl::StrCat(": more than ", writer.Money(owed), ", because ", writer.Money(owed),
                          bound->spent.is_positive() ? " is overdrawn" : " is held");
    remedy.cost = owed.ToNanos();
  }
  remedy.description =
      absl::StrCat("An owner or the billing contact can buy credit", amount, Promise(writer));
  remedies.push_back(std::move(remedy));
}

void AddReasonRemedies(const Writer& writer, std::vector<Remedy>& remedies) {
  switch (writer.verdict.reason) {
    case DenialReason::kOrganizationSuspended:
      remedies.push_back(ByAdministrator(RemedyKind::kLiftSuspension,
                                         "An owner can ask for the suspension to be lifted.",
                                         Owners()));
      break;
    case DenialReason::kMemberSuspended:
      remedies.push_back(ByAdministrator(
          RemedyKind::kLiftSuspension,
          IsRemoved(writer) ? "An owner or admin can add you to the organization again."
                            : "An owner or admin can make your seat active again.",
          OwnersAndAdmins()));
      break;
    case DenialReason::kExtraUsageDisabled:
    case DenialReason::kMemberNotSelected:
      AddAskRemedy(writer, "an owner", "switch extra usage on for you", Owners(), remedies);
      remedies.push_back(
          ByAdministrator(RemedyKind::kEnableExtra,
                          absl::StrCat(writer.verdict.reason == DenialReason::kExtraUsageDisabled
                                           ? "An owner can switch extra usage on"
                                           : "An owner can select you for extra usage",
                                       Promise(writer)),
                          Owners()));
      break;
    case DenialReason::kConfirmationRequired:
      remedies.push_back(
          BySelf(RemedyKind::kConfirmExtra, "Confirm that you go on at API prices."));
      break;
    case DenialReason::kHoldDoesNotFit:
      remedies.push_back(
          BySelf(RemedyKind::kSmallerEstimate, "Ask for less at once, for example in parts."));
      [[fallthrough]];
    default:
      AddLimitRemedies(writer, remedies);
      AddBalanceRemedies(writer, remedies);
      break;
  }
}

bool BetterRemedy(const Remedy& a, const Remedy& b) {
  const auto rank = [](const Remedy& remedy) {
    return std::make_pair(remedy.actor == RemedyActor::kSelf ? 0 : 1,
                          remedy.cost.has_value() ? 1 : 0);
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return a.available_at < b.available_at;
}

std::vector<Remedy> BuildRemedies(const Writer& writer, absl::Time ends_at) {
  std::vector<Remedy> remedies;
  AddReasonRemedies(writer, remedies);
  const bool suspended = writer.verdict.reason == DenialReason::kOrganizationSuspended ||
                         writer.verdict.reason == DenialReason::kMemberSuspended;
  if (!suspended) {
    AddSeatRemedy(writer, remedies);
    remedies.push_back(
        BySelf(RemedyKind::kOwnApiKey,
               "Use an API key of your own; it is billed to you, not to this wallet."));
  }
  if (ends_at != absl::InfiniteFuture()) {
    Remedy wait;
    wait.kind = RemedyKind::kWait;
    wait.description = absl::StrCat("Wait until ", writer.Time(ends_at), ".");
    wait.actor = RemedyActor::kTime;
    wait.available_at = ends_at;
    remedies.push_back(std::move(wait));
  }
  std::stable_sort(remedies.begin(), remedies.end(), BetterRemedy);
  return remedies;
}

int HttpStatusOf(DenialReason reason) {
  switch (reason) {
    case DenialReason::kBalanceExhausted:
      return 402;
    case DenialReason::kOrganizationSuspended:
    case DenialReason::kMemberSuspended:
      return 403;
    default:
      return 429;
  }
}

}  // namespace

bool IsPoolExhausted(DenialReason reason, Scope scope) {
  return reason == DenialReason::kBalanceExhausted ||
         (reason == DenialReason::kOrganizationLimitReached && scope == Scope::kOrganization);
}

Denial BuildDenial(const WalletHeader& header, const Member* member, const AdmissionQuery& query,
                   const AdmissionState& state, const Verdict& verdict,
                   const DecisionContext& context, bool admin_notified) {
  const Writer writer{header, member, state, verdict, context, query};
  Denial denial;
  denial.reason = verdict.reason;
  denial.bucket = verdict.bucket;
  denial.settings_url = header.settings.settings_url;
  if (verdict.reason == DenialReason::kMemberSuspended ||
      verdict.reason == DenialReason::kMemberNotSelected ||
      verdict.reason == DenialReason::kConfirmationRequired) {
    denial.scope = Scope::kMember;
    denial.scope_id = std::string(query.member_id);
  } else if (const Evaluation* bound = writer.Bound(); bound != nullptr) {
    denial.scope = bound->scope;
    denial.scope_id = std::string(bound->scope_id);
  } else {
    denial.scope_id = header.organization_id;
  }
  denial.ends_at = EndsAt(writer);
  denial.retry_helps =
      denial.ends_at != absl::InfiniteFuture() && denial.ends_at - context.now <= kShortWait;
  denial.message = Banner(writer, admin_notified);
  denial.explanation = Explanation(writer, denial);
  denial.remedies = BuildRemedies(writer, denial.ends_at);
  denial.http_status = HttpStatusOf(verdict.reason);
  const Evaluation* bound = writer.Bound();
  if (bound != nullptr && bound->source == BoundSource::kSpendLimit) denial.period = bound->period;
  return denial;
}

std::vector<MemberRole> RolesThatCanChange(const Evaluation& bound, const Plan& plan) {
  switch (bound.source) {
    case BoundSource::kSpendLimit:
      return bound.scope == Scope::kMember ? OwnersAndAdmins() : Owners();
    case BoundSource::kBalance:
      return Buyers();
    default:
      // An allowance changes only by moving to another seat.
      return plan.seat_tiers.size() > 1 ? Owners() : std::vector<MemberRole>();
  }
}

std::vector<Blocker> OrganizationBlockers(const WalletHeader& header,
                                          const DecisionContext& context) {
  std::vector<Blocker> blockers;
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  if (plan == nullptr) return blockers;
  if (header.settings.status != AccountStatus::kActive) {
    blockers.push_back({DenialReason::kOrganizationSuspended, Scope::kOrganization,
                        "The organization is suspended."});
  }
  if (!plan->metered && !header.extra_enabled) {
    blockers.push_back(
        {DenialReason::kExtraUsageDisabled, Scope::kOrganization, "Extra usage is off."});
  }
  const auto money = [&](Amount amount) {
    return absl::StrCat(FormatAmount(amount), " ", header.settings.currency_code);
  };
  for (const LimitLine& line : HeaderLimits(header, context)) {
    const std::optional<Nanos>& amount = line.limit.AmountAt(context.now);
    // Those that count each member alone have no one sum.
    if (line.scope != Scope::kOrganization || !line.spent.has_value()) continue;
    const Amount spent = *line.spent + header.held_extra;
    if (!amount.has_value() || Amount(*amount) > spent) continue;
    Evaluation bound;
    bound.period = line.period;
    blockers.push_back(
        {DenialReason::kOrganizationLimitReached, Scope::kOrganization,
         absl::StrCat("The organization's ", LimitName(bound), " of ", money(*amount),
                      " is reached; above ", money(UpToCents(spent)), " it is not.")});
  }
  const Amount left = header.Balance() - header.overdraft - header.held_extra;
  if (plan->funding == Funding::kPrepaid && !left.is_positive()) {
    const Amount owed = UpToCents(-left);
    blockers.push_back({DenialReason::kBalanceExhausted, Scope::kOrganization,
                        owed.is_positive()
                            ? absl::StrCat("The prepaid balance is overdrawn by ", money(owed),
                                           "; only more credit than that helps.")
                            : "The prepaid balance is used up."});
  }
  return blockers;
}

}  // namespace bursar
