#include "server/ledger/denial.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/strings.h"
#include "server/ledger/denial_writer.h"
#include "server/ledger/increase_commands.h"
#include "server/ledger/reopening.h"

namespace bursar {

namespace {

// Credit that only pays what is owed and held; more than it is needed. Zero or more for a balance
// that is used up.
Amount Owed(const Evaluation& balance) { return UpToCents(-balance.Headroom()); }

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

void AddSeatRemedy(const DenialWriter& writer, std::vector<Remedy>& remedies) {
  const SeatTier* higher = writer.state.tier->upgrade_to.empty()
                               ? nullptr
                               : writer.state.plan->FindTier(writer.state.tier->upgrade_to);
  // A larger seat lets no larger hold through, and what is only held comes back by itself.
  const bool is_no_help = writer.IsAboveMaxHold() || writer.verdict.held;
  if (higher == nullptr || !writer.state.included_applies || is_no_help) return;
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

// Says instead how the member's request stands, where it made one (rule D2).
void DescribeRequest(const DenialWriter& writer, Remedy& remedy) {
  const Member* member = writer.member;
  if (const IncreaseRequest* open = member == nullptr ? nullptr : member->OpenRequest();
      open != nullptr) {
    const bool escalated = open->state == IncreaseState::kEscalated;
    remedy.request_sequence = open->sequence;
    remedy.request_state = open->state;
    remedy.admin_note = open->note;
    remedy.description =
        absl::StrCat("Request sent to admin", escalated ? " and passed on to an owner" : "",
                     "; you asked on ", writer.Time(open->created_at), ".");
    return;
  }
  const absl::Time again = AskAgainAt(writer.header, member, writer.context);
  if (again == absl::InfinitePast()) return;
  remedy.request_sequence = member->requests->denied_sequence;
  remedy.request_state = IncreaseState::kDenied;
  remedy.admin_note = member->requests->denied_note;
  remedy.available_at = again;
  remedy.description =
      absl::StrCat("Your request was declined; you can ask again from ", writer.Time(again), ".");
}

// Asking is free and the member's own to do, whoever can grant it; who can grant it asks nobody.
// `kind`: what to ask for; none where a request would not lift the denial.
void AddAskRemedy(const DenialWriter& writer, const char* whom, const char* what,
                  std::optional<IncreaseKind> kind, const std::vector<MemberRole>& granting_roles,
                  std::vector<Remedy>& remedies) {
  if (writer.verdict.held) return;  // It ends before anybody answers.
  if (writer.member != nullptr &&
      std::count(granting_roles.begin(), granting_roles.end(), writer.member->role) > 0) {
    return;
  }
  Remedy remedy = BySelf(
      RemedyKind::kAskAdmin,
      absl::StrCat("Ask ", whom, " of ", writer.header.settings.display_name, " to ", what, "."));
  remedy.increase_kind = kind;
  DescribeRequest(writer, remedy);
  remedies.push_back(std::move(remedy));
}

// How a remedy that lifts the blocking bound, or switches extra usage on, ends: by promising
// admission, unless something else is in the way of it too.
std::string Promise(const DenialWriter& writer) {
  AdmissionState lifted = writer.state;
  if (writer.Bound() != nullptr && writer.Bound()->bucket != Bucket::kIncluded) {
    lifted.bounds[writer.verdict.blocking_bound].limit.reset();
  }
  lifted.gate = DenialReason::kNone;
  lifted.SumHeadrooms();
  if (Admits(lifted, writer.ask)) {
    return writer.ask.estimate.has_value() ? "; this request is admitted at once then."
                                           : "; the next request is admitted at once.";
  }
  for (const Evaluation& bound : lifted.bounds) {
    if (bound.bucket == Bucket::kIncluded || !bound.limit.has_value()) continue;
    if (bound.Headroom() >= writer.Needed()) continue;
    if (bound.Unspent() >= writer.Needed()) {
      return "; what running requests hold is in the way then, until they end.";
    }
    if (bound.source != BoundSource::kBalance) {
      return absl::StrCat("; ", WhoseLimit(bound.scope), " spend limit is in the way then.");
    }
    if (bound.spent.is_positive()) {
      return absl::StrCat("; the balance, overdrawn by ", writer.Money(UpToCents(bound.spent)),
                          ", is in the way then.");
    }
    return bound.Unspent().is_positive() ? "; the balance is too small then."
                                         : "; the empty balance is in the way then.";
  }
  return absl::StrCat("; the largest single hold, ",
                      writer.Money(writer.ask.max_hold.value_or(Amount())),
                      ", is in the way then.");
}

void AddLimitRemedies(const DenialWriter& writer, std::vector<Remedy>& remedies) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr || bound->source != BoundSource::kSpendLimit) return;
  const bool own = bound->scope == Scope::kMember;
  // What is reached stays reached until the limit is above what is spent and held, and until the
  // estimate fits too.
  const Amount taken = bound->spent + bound->held;
  const std::string far_enough =
      writer.ask.estimate.has_value()
          ? absl::StrCat(" to ", writer.Money(UpToCents(taken + writer.Needed())), " at least")
          : absl::StrCat(" above ", writer.Money(UpToCents(taken)));
  AddAskRemedy(writer, own ? "an admin" : "an owner", "raise the spend limit",
               IncreaseKind::kHigherLimit, own ? OwnersAndAdmins() : Owners(), remedies);
  remedies.push_back(ByAdministrator(
      RemedyKind::kRaiseLimit,
      absl::StrCat(own ? "An owner or admin" : "An owner", " can raise ", WhoseLimit(bound->scope),
                   " spend limit", far_enough, Promise(writer)),
      own ? OwnersAndAdmins() : Owners()));
}

// How much credit lifts a balance that is in the way: ": more than 3.00 USD, because …".
std::string CreditNeeded(const DenialWriter& writer, Remedy& remedy) {
  const Evaluation& balance = *writer.Bound();
  const Amount owed = Owed(balance);
  if (writer.ask.estimate.has_value()) {
    const Amount missing = UpToCents(writer.Needed() - balance.Headroom());
    remedy.cost = missing.ToNanos();
    return absl::StrCat(": ", writer.Money(missing), " at least");
  }
  if (!owed.is_positive()) return "";
  // Credit repays what is overdrawn first (rule X2).
  remedy.cost = owed.ToNanos();
  const bool both = balance.spent.is_positive() && balance.held.is_positive();
  return absl::StrCat(": more than ", writer.Money(owed), ", because ", writer.Money(owed),
                      both                          ? " is overdrawn or held"
                      : balance.spent.is_positive() ? " is overdrawn"
                                                    : " is held");
}

void AddBalanceRemedies(const DenialWriter& writer, std::vector<Remedy>& remedies) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr || bound->source != BoundSource::kBalance) return;
  AddAskRemedy(writer, "an owner or the billing contact", "buy credit", std::nullopt, Buyers(),
               remedies);
  Remedy remedy = ByAdministrator(RemedyKind::kBuyCredit, "", Buyers());
  const std::string amount = CreditNeeded(writer, remedy);
  remedy.description =
      absl::StrCat("An owner or the billing contact can buy credit", amount, Promise(writer));
  remedies.push_back(std::move(remedy));
}

// Asking for less helps wherever something fits now; where nothing does because of running
// requests, when they have ended.
void AddSmallerEstimate(const DenialWriter& writer, std::vector<Remedy>& remedies) {
  const std::optional<Amount> now = writer.Fitting(writer.state);
  if (!now.has_value()) return;
  Remedy remedy = BySelf(RemedyKind::kSmallerEstimate, "");
  if (now->is_positive()) {
    remedy.amount = now->ToNanos();
    remedy.description = absl::StrCat("Ask for ", writer.Money(*now), " at most, which fits now.");
  } else {
    const Amount later = writer.Fitting(writer.state.WithoutHolds()).value_or(Amount());
    if (!later.is_positive() || writer.verdict.held) return;
    remedy.amount = later.ToNanos();
    remedy.description = absl::StrCat("Ask for ", writer.Money(later),
                                      " at most, once running requests have ended.");
  }
  remedies.push_back(std::move(remedy));
}

void AddMaxHoldRemedy(const DenialWriter& writer, std::vector<Remedy>& remedies) {
  if (!writer.IsAboveMaxHold()) return;
  remedies.push_back(ByAdministrator(
      RemedyKind::kRaiseLimit,
      absl::StrCat("An owner can raise the largest single hold (max_hold) to ",
                   writer.Money(writer.ask.estimate.value_or(Amount())), " at least."),
      Owners()));
}

void AddReasonRemedies(const DenialWriter& writer, std::vector<Remedy>& remedies) {
  switch (writer.verdict.reason) {
    case DenialReason::kOrganizationSuspended:
      remedies.push_back(ByAdministrator(RemedyKind::kLiftSuspension,
                                         "An owner can ask for the suspension to be lifted.",
                                         Owners()));
      break;
    case DenialReason::kMemberSuspended:
      remedies.push_back(ByAdministrator(
          RemedyKind::kLiftSuspension,
          writer.IsRemoved() ? "An owner or admin can add you to the organization again."
                             : "An owner or admin can make your seat active again.",
          OwnersAndAdmins()));
      break;
    case DenialReason::kExtraUsageDisabled:
    case DenialReason::kMemberNotSelected:
      AddAskRemedy(writer, "an owner", "switch extra usage on for you", IncreaseKind::kExtraUsage,
                   Owners(), remedies);
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

std::vector<Remedy> BuildRemedies(const DenialWriter& writer) {
  const absl::Time ends_at = writer.ends_at;
  std::vector<Remedy> remedies;
  const bool suspended = writer.verdict.reason == DenialReason::kOrganizationSuspended ||
                         writer.verdict.reason == DenialReason::kMemberSuspended;
  if (!suspended) AddSmallerEstimate(writer, remedies);
  AddReasonRemedies(writer, remedies);
  AddMaxHoldRemedy(writer, remedies);
  if (!suspended) {
    AddSeatRemedy(writer, remedies);
    remedies.push_back(
        BySelf(RemedyKind::kOwnApiKey,
               "Use an API key of your own; it is billed to you, not to this wallet."));
  }
  if (ends_at != absl::InfiniteFuture()) {
    Remedy wait;
    wait.kind = RemedyKind::kWait;
    wait.description = writer.verdict.held
                           ? absl::StrCat("Wait for running requests to end, until ",
                                          writer.Time(ends_at), " at the latest.")
                           : absl::StrCat("Wait until ", writer.Time(ends_at), ".");
    wait.actor = RemedyActor::kTime;
    wait.available_at = ends_at;
    remedies.push_back(std::move(wait));
  }
  std::stable_sort(remedies.begin(), remedies.end(), BetterRemedy);
  return remedies;
}

int HttpStatusOf(const Verdict& verdict) {
  if (verdict.held) return 429;
  switch (verdict.reason) {
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

bool IsPoolExhausted(const Verdict& verdict) {
  return !verdict.held && (verdict.reason == DenialReason::kBalanceExhausted ||
                           verdict.reason == DenialReason::kOrganizationLimitReached);
}

Denial BuildDenial(const Wallet& wallet, const Member* member, const AdmissionQuery& query,
                   const AdmissionState& state, const AdmissionAsk& ask, const Verdict& verdict,
                   const DecisionContext& context, bool admin_notified) {
  const WalletHeader& header = wallet.header;
  const DenialWriter writer{
      header,  member, state, verdict,
      context, query,  ask,   AdmittedAt(wallet, query.member_id, state, ask, context.now)};
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
  denial.held = verdict.held;
  denial.ends_at = writer.ends_at;
  // A running request may end at any moment.
  denial.retry_helps = denial.held || (denial.ends_at != absl::InfiniteFuture() &&
                                       denial.ends_at - context.now <= kShortWait);
  denial.message = DenialBanner(writer, admin_notified);
  denial.explanation = DenialExplanation(writer, denial);
  denial.remedies = BuildRemedies(writer);
  denial.http_status = HttpStatusOf(verdict);
  if (IsPoolExhausted(verdict) && header.episode.has_value() &&
      header.episode->answer.has_value()) {
    const EpisodeAnswer& answer = *header.episode->answer;
    denial.admin_answer = EpisodeAnswerText(answer.kind, answer.note);
  }
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
  const CurrentMonth month = FindCurrentMonth(header.month, header.settings, context);
  const auto money = [&](Amount amount) {
    return absl::StrCat(FormatAmount(amount), " ", header.settings.currency_code);
  };
  const Amount held = header.held_extra;
  const auto add = [&](DenialReason reason, bool is_held, std::string used_up, const char* what) {
    std::string message = is_held ? absl::StrCat("Running requests hold the rest of ", what, ", ",
                                                 money(held), "; it is free again as they end.")
                                  : std::move(used_up);
    blockers.push_back({reason, Scope::kOrganization, std::move(message), is_held});
  };
  const Amount spent = month.counter.extra;
  if (header.limit.has_value() && header.limit->amount.has_value() &&
      Amount(*header.limit->amount) <= spent + held) {
    const Amount limit = *header.limit->amount;
    add(DenialReason::kOrganizationLimitReached, limit > spent,
        absl::StrCat("The organization's spend limit of ", money(limit), " is reached; above ",
                     money(UpToCents(spent + held)), " it is not."),
        "the organization's spend limit");
  }
  const Amount left = header.Balance() - header.overdraft;
  if (plan->funding == Funding::kPrepaid && !(left - held).is_positive()) {
    const Amount owed = UpToCents(held - left);
    add(DenialReason::kBalanceExhausted, left.is_positive(),
        owed.is_positive() ? absl::StrCat("The prepaid balance is overdrawn by ", money(owed),
                                          "; only more credit than that helps.")
                           : "The prepaid balance is used up.",
        "the prepaid balance");
  }
  return blockers;
}

bool IsPoolUsedUp(const WalletHeader& header, const DecisionContext& context) {
  const std::vector<Blocker> blockers = OrganizationBlockers(header, context);
  return std::any_of(blockers.begin(), blockers.end(), [](const Blocker& blocker) {
    return !blocker.held && (blocker.reason == DenialReason::kOrganizationLimitReached ||
                             blocker.reason == DenialReason::kBalanceExhausted);
  });
}

}  // namespace bursar
