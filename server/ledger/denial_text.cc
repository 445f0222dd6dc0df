// The words of a denial: banner and explanation.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/ledger/denial_writer.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/limits.h"

namespace bursar {

namespace {

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

bool IsNamed(Scope scope) { return scope == Scope::kSurface || scope == Scope::kModel; }

// ": 7.00 USD, of which running requests hold 2.00 USD".
std::string LeftInWords(const DenialWriter& writer, Amount left, Amount held) {
  std::string text = absl::StrCat(": ", writer.Money(left));
  if (held.is_positive() && held == left) {
    absl::StrAppend(&text, ", all of it held by running requests");
  } else if (held.is_positive()) {
    absl::StrAppend(&text, ", of which running requests hold ", writer.Money(held));
  }
  return text;
}

// "your monthly included usage (25.00 USD)", "your org's extra usage", "your daily spend limit of
// 5.00 USD".
std::string WhatIsHeld(const DenialWriter& writer) {
  const Evaluation& bound = *writer.Bound();
  if (bound.bucket == Bucket::kIncluded) {
    return absl::StrCat(bound.scope == Scope::kOrganization ? "your org's " : "your ",
                        WindowName(bound.source), " (", writer.Money(*bound.limit), ")");
  }
  if (bound.scope == Scope::kOrganization && !bound.each_member) return "your org's extra usage";
  return absl::StrCat(IsNamed(bound.scope) ? "your org's" : WhoseLimit(bound), " ",
                      LimitName(bound), " of ", writer.Money(*bound.limit));
}

// The first words of denials by live holds alone: nothing is used up.
std::string HeldByRequests(const DenialWriter& writer) {
  const std::optional<Amount> fitting = writer.Fitting(writer.state);
  if (fitting.has_value() && fitting->is_positive()) {
    return absl::StrCat("Running requests hold so much of ", WhatIsHeld(writer), " that only ",
                        writer.Money(*fitting), " fit now");
  }
  return absl::StrCat("Running requests hold the rest of ", WhatIsHeld(writer));
}

// The first sentence of denials where included usage is gone and extra is not to be had.
std::string IncludedGone(const DenialWriter& writer) {
  const Evaluation* bound = writer.Bound();
  if (bound == nullptr || bound->bucket != Bucket::kIncluded) {
    return writer.state.plan->IsEligible(writer.query.surface, writer.query.model)
               ? "You have no seat with included usage"
               : "This model or surface is not part of your included usage";
  }
  if (writer.verdict.held) return HeldByRequests(writer);
  const bool pool = bound->scope == Scope::kOrganization;
  const std::string window =
      absl::StrCat(WindowName(bound->source), " (", writer.Money(*bound->limit), ")");
  if (bound->Unspent().is_positive() && writer.ask.estimate.has_value()) {
    return absl::StrCat("This request, estimated at ", writer.Money(*writer.ask.estimate),
                        ", is larger than what is left of ", pool ? "your org's " : "your ", window,
                        LeftInWords(writer, bound->Unspent(), Min(bound->held, bound->Unspent())));
  }
  return absl::StrCat(pool ? "Your org" : "You", " used up ", pool ? "its " : "your ", window,
                      writer.Until(bound->resets_at));
}

std::string LimitSentence(const DenialWriter& writer, const char* whose) {
  const Evaluation& bound = *writer.Bound();
  return absl::StrCat(whose, " ", LimitName(bound), " of ", writer.Money(*bound.limit),
                      " is reached", writer.Until(ReopensAt(writer.state, bound)), ".");
}

// Of a surface or model that an owner limited or forbade.
std::string NamedLimitSentence(const DenialWriter& writer) {
  const Evaluation& bound = *writer.Bound();
  if (bound.limit->is_positive()) return LimitSentence(writer, "Your org's");
  return absl::StrCat("Your org does not use extra usage for ", ToAbsl(bound.scope_id),
                      writer.Until(ReopensAt(writer.state, bound)), ".");
}

std::string DoesNotFitSentence(const DenialWriter& writer) {
  const std::string request =
      absl::StrCat("This request, estimated at ",
                   writer.Money(writer.ask.estimate.value_or(Amount())), ", is larger than ");
  if (writer.IsAboveMaxHold()) {
    return absl::StrCat(
        request, "one hold may be: ", writer.Money(writer.ask.max_hold.value_or(Amount())), ".");
  }
  const Amount left = writer.state.WithoutHolds().Available().value_or(Amount());
  const Amount now = writer.state.Available().value_or(Amount());
  return absl::StrCat(request, "what is left", LeftInWords(writer, left, left - now), ".");
}

// The limits and the balance that are used up.
std::vector<const Evaluation*> ReachedBeyondIncluded(const DenialWriter& writer) {
  std::vector<const Evaluation*> reached;
  for (const Evaluation& bound : writer.state.bounds) {
    if (bound.bucket == Bucket::kIncluded || !bound.limit.has_value()) continue;
    if (!bound.Unspent().is_positive()) reached.push_back(&bound);
  }
  return reached;
}

// "your spend limit until 1 Dec 2026, 00:00 (UTC)".
std::string InTheWayUntil(const DenialWriter& writer, const Evaluation& bound) {
  if (bound.source == BoundSource::kBalance) {
    return bound.spent.is_positive()
               ? "the overdrawn balance until more than what is owed is bought"
               : "the empty balance until credit is bought";
  }
  const absl::Time until = ReopensAt(writer.state, bound);
  return absl::StrCat(
      WhoseLimit(bound), " ", LimitName(bound),
      until == absl::InfiniteFuture() ? " of zero until it is raised" : writer.Until(until));
}

// Where several things are in the way until different instants, which is until when; else "".
std::string AllInTheWay(const DenialWriter& writer) {
  const std::vector<const Evaluation*> reached = ReachedBeyondIncluded(writer);
  bool differ = false;
  for (const Evaluation* bound : reached) {
    differ |= ReopensAt(writer.state, *bound) != ReopensAt(writer.state, *reached[0]);
  }
  if (!differ) return "";
  std::string text = "In the way are ";
  for (size_t i = 0; i < reached.size(); ++i) {
    const char* joint = i + 1 == reached.size() ? " and " : ", ";
    absl::StrAppend(&text, i == 0 ? "" : joint, InTheWayUntil(writer, *reached[i]));
  }
  return text + ". ";
}

// How the explanation of what only live holds keep goes on.
std::string HeldExplanation(const DenialWriter& writer) {
  std::string text = absl::StrCat(
      "It is held, not used up: running requests hold ", writer.Money(writer.Bound()->held),
      ", and what they do not use is free again as they end. Trying again helps then");
  if (writer.ends_at != absl::InfiniteFuture()) {
    absl::StrAppend(&text, ", from ", writer.Time(writer.ends_at), " at the latest");
  }
  return text + ".";
}

// Says what is used up beyond the banner.
std::string UsedUpInWords(const DenialWriter& writer) {
  const std::string& name = writer.header.settings.display_name;
  if (writer.verdict.reason == DenialReason::kBalanceExhausted) {
    const Amount owed = UpToCents(writer.Bound()->spent);
    return absl::StrCat(
        "The prepaid balance of ", name,
        owed.is_positive() ? absl::StrCat(" is overdrawn by ", writer.Money(owed)) : " is used up",
        ". ");
  }
  if (writer.verdict.reason == DenialReason::kOrganizationLimitReached) {
    const Evaluation& bound = *writer.Bound();
    return absl::StrCat("The ", LimitName(bound), " of ", name, ", ", writer.Money(*bound.limit),
                        ", is reached. ");
  }
  return "";
}

}  // namespace

Amount UpToCents(Amount amount) {
  constexpr int64_t kNanosPerCent = kNanosPerUnit / 100;
  const absl::int128 cents = (amount.nanos() + kNanosPerCent - 1) / kNanosPerCent;
  return Amount(cents * kNanosPerCent);
}

std::string DenialWriter::Money(Amount amount) const {
  return absl::StrCat(FormatAmount(amount), " ", header.settings.currency_code);
}

std::string DenialWriter::Time(absl::Time instant) const {
  if (instant > context.now) instant += absl::Minutes(1) - absl::Nanoseconds(1);
  const std::string& name = member != nullptr && !member->time_zone.empty()
                                ? member->time_zone
                                : header.settings.time_zone;
  absl::StatusOr<Zone> zone = context.zones->Find(name);
  const Zone shown = zone.ok() ? *zone : Zone();
  return absl::StrCat(shown.LocalAt(instant).day(),
                      absl::FormatTime(" %b %Y, %H:%M", instant, shown.time_zone()), " (",
                      shown.name(), ")");
}

std::string DenialWriter::Until(absl::Time instant) const {
  return instant == absl::InfiniteFuture() ? "" : absl::StrCat(" until ", Time(instant));
}

std::string DenialWriter::AtTheLatest() const {
  return ends_at == absl::InfiniteFuture()
             ? ""
             : absl::StrCat(" (by ", Time(ends_at), " at the latest)");
}

Amount DenialWriter::Needed() const {
  constexpr Amount kSmallest = Nanos(1);
  if (!ask.estimate.has_value()) return kSmallest;
  const Amount included = state.included_applies ? state.included_headroom : Amount();
  return Max(*ask.estimate - Min(*ask.estimate, included), kSmallest);
}

std::optional<Amount> DenialWriter::Fitting(const AdmissionState& at) const {
  if (!ask.estimate.has_value()) return std::nullopt;
  Amount fitting = at.Available().value_or(*ask.estimate);
  if (ask.max_hold.has_value()) fitting = Min(fitting, *ask.max_hold);
  return fitting;
}

std::string DenialBanner(const DenialWriter& writer, bool admin_notified) {
  const std::string notified = admin_notified ? kAdminNotifiedSentence : "";
  const std::string wait = writer.verdict.held
                               ? absl::StrCat(" Try again when they end", writer.AtTheLatest(), ".")
                               : "";
  switch (writer.verdict.reason) {
    case DenialReason::kOrganizationSuspended:
      return absl::StrCat("The wallet of ", writer.header.settings.display_name, " is suspended.");
    case DenialReason::kMemberSuspended:
      if (writer.IsRemoved()) {
        return absl::StrCat("You are no longer a member of ", writer.header.settings.display_name,
                            ".");
      }
      return absl::StrCat("Your seat at ", writer.header.settings.display_name, " is not active.");
    case DenialReason::kExtraUsageDisabled:
      return absl::StrCat(IncludedGone(writer), ", and extra usage is off.", wait);
    case DenialReason::kMemberNotSelected:
      return absl::StrCat(IncludedGone(writer), ", and extra usage is not switched on for you.",
                          wait);
    case DenialReason::kConfirmationRequired:
      return absl::StrCat(IncludedGone(writer), ". Confirm to go on at API prices.", wait);
    default:
      break;
  }
  if (writer.verdict.held) {
    return absl::StrCat(HeldByRequests(writer), "; try again when they end", writer.AtTheLatest(),
                        ".");
  }
  switch (writer.verdict.reason) {
    case DenialReason::kMemberLimitReached:
      return LimitSentence(writer, "Your");
    case DenialReason::kSeatTierLimitReached:
      return LimitSentence(writer, "Your seat tier's");
    case DenialReason::kOrganizationLimitReached:
      if (IsNamed(writer.Bound()->scope)) return NamedLimitSentence(writer);
      [[fallthrough]];
    case DenialReason::kBalanceExhausted:
      return absl::StrCat("Your org is out of extra usage.", notified);
    case DenialReason::kHoldDoesNotFit:
      return DoesNotFitSentence(writer);
    default:
      return "";
  }
}

std::string DenialExplanation(const DenialWriter& writer, const Denial& denial) {
  std::string text = "No card was declined and no session is lost. ";
  if (denial.held) return text + HeldExplanation(writer);
  absl::StrAppend(&text, UsedUpInWords(writer));
  if (writer.Bound() != nullptr && writer.Bound()->bucket != Bucket::kIncluded &&
      denial.reason != DenialReason::kHoldDoesNotFit) {
    absl::StrAppend(&text, AllInTheWay(writer));
  }
  const std::optional<Amount> fitting = writer.Fitting(writer.state);
  if (fitting.has_value() && fitting->is_positive()) {
    absl::StrAppend(&text, "At most ", writer.Money(*fitting), " fit now. ");
  }
  if (denial.reason == DenialReason::kConfirmationRequired) {
    absl::StrAppend(&text, "Trying again does not help before you have confirmed.");
  } else if (denial.retry_helps) {
    absl::StrAppend(&text, "Trying again helps from ", writer.Time(denial.ends_at), ".");
  } else if (denial.ends_at != absl::InfiniteFuture()) {
    absl::StrAppend(&text, "Trying again does not help before ", writer.Time(denial.ends_at),
                    " unless somebody lifts it.");
  } else if (fitting.has_value() && fitting->is_positive()) {
    absl::StrAppend(&text, "Trying again with the same does not help until somebody lifts it.");
  } else {
    absl::StrAppend(&text, "Trying again does not help until somebody lifts it.");
  }
  return text;
}

}  // namespace bursar
