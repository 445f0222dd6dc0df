#include "server/ledger/explanation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/ledger/charging.h"
#include "server/ledger/limit_words.h"

namespace bursar {
namespace {

// What a gate is called in a sentence.
const char* GateInWords(DenialReason gate) {
  switch (gate) {
    case DenialReason::kExtraUsageDisabled:
      return "extra usage is switched off";
    case DenialReason::kMemberNotSelected:
      return "extra usage is for selected members, and this one is not selected";
    case DenialReason::kConfirmationRequired:
      return "the member has not confirmed extra usage for this window";
    default:
      return "extra usage is permitted";
  }
}

const char* GateRule(DenialReason gate) {
  return gate == DenialReason::kConfirmationRequired ? "B9" : "X1";
}

const char* SourceInWords(BoundSource source) {
  switch (source) {
    case BoundSource::kIncludedMonth:
      return "included usage of the month";
    case BoundSource::kIncludedWeek:
      return "included usage of the week";
    case BoundSource::kIncludedDay:
      return "included usage of the day";
    case BoundSource::kIncludedFiveHours:
      return "included usage of five hours";
    case BoundSource::kSpendLimit:
      return "spend limit";
    case BoundSource::kBalance:
      return "prepaid balance";
    default:
      return "bound";
  }
}

const char* RuleOf(BoundSource source) {
  if (source == BoundSource::kSpendLimit) return "L2";
  return source == BoundSource::kBalance ? "X2" : "B1";
}

const char* BucketInWords(Bucket bucket) {
  if (bucket == Bucket::kIncluded) return "included usage";
  return bucket == Bucket::kExtra ? "extra usage" : "metered usage";
}

// Collects the steps of one explanation.
class Explainer {
 public:
  Explainer(const Wallet& wallet, const DecisionContext& context, Explanation& explanation)
      : header_(wallet.header), context_(context), explanation_(explanation) {}

  template <typename... Parts>
  void Say(const char* rule, const Parts&... parts) {
    explanation_.steps.push_back({rule, absl::StrCat(parts...)});
  }
  std::string Money(Amount amount) const {
    return absl::StrCat(FormatAmount(amount), " ", header_.settings.currency_code);
  }

  // Where and when: every decision begins there.
  void Begin(const AdmissionQuery& query, const AdmissionState& state) {
    Say("T1", "Decided on revision ", header_.revision, " as of ",
        absl::FormatTime(absl::RFC3339_full, context_.now, absl::UTCTimeZone()),
        ", after everything that had fallen due.");
    if (state.suspended_organization) Say("D1", "The organization is suspended.");
    if (state.suspended_member) Say("D1", "The member is suspended or removed.");
    if (state.plan->metered) {
      Say("B8", "Plan ", state.plan->id, " includes no usage: everything is metered.");
    } else if (!state.included_applies) {
      Say("B7", "Included usage does not apply: the seat has none for surface \"",
          std::string(query.surface), "\" and model \"", std::string(query.model), "\".");
    } else {
      Say("B7", "Surface \"", std::string(query.surface), "\" and model \"",
          std::string(query.model), "\" draw from the included usage of seat tier ", state.tier->id,
          " first.");
    }
    SayBounds(state);
    if (state.plan->metered) return;
    Say(GateRule(state.gate), "Beyond it, ", GateInWords(state.gate), ".");
    if (state.zero_limit) {
      Say("B8", "A spend limit of zero applies: only included usage is permitted.");
    }
  }

  void SayBounds(const AdmissionState& state) {
    for (const Evaluation& bound : state.bounds) {
      EvaluationLine line;
      line.bound = bound;
      line.scope_id = std::string(bound.scope_id);
      line.bound.scope_id = {};
      line.bound.blocking = bound.limit.has_value() && !bound.Headroom().is_positive();
      line.changeable_by = RolesThatCanChange(bound, *state.plan);
      const bool is_limit = bound.source == BoundSource::kSpendLimit;
      const std::string whose = bound.scope == Scope::kSeatTier
                                    ? std::string("seat tier")
                                    : std::string(ScopeWord(bound.scope));
      const std::string per = is_limit ? " " + PerPeriod(bound.period) : std::string();
      if (bound.limit.has_value()) {
        Say(RuleOf(bound.source), "The ", SourceInWords(bound.source), " of ", whose, " ",
            line.scope_id, ": ", Money(*bound.limit), per, " less ", Money(bound.spent),
            " spent and ", Money(bound.held), " held leaves ",
            Money(bound.Headroom().FlooredAtZero()), ".");
      } else {
        Say(RuleOf(bound.source), "The ", SourceInWords(bound.source), " of ", whose, " ",
            line.scope_id, " is unlimited; ", Money(bound.spent), " is spent.");
      }
      explanation_.evaluations.push_back(std::move(line));
    }
  }

  void SayPrice(const UsageCharged& charge) {
    if (charge.captured) {
      Say("H5", "The hold of entry ", charge.hold_sequence,
          " expired and was captured: it is charged what it held, ", Money(charge.cost), ".");
    } else if (!charge.usage.has_value()) {
      Say("R4", "The record said what it cost: ", Money(charge.cost), ".");
    } else if (charge.price_fallback) {
      Say("P6", "Priced by ", charge.price_card,
          " with fallback prices, because the book lacked a price: ", Money(charge.cost), ".");
    } else {
      Say("P5", "Priced by card ", charge.price_card,
          ", in force when it happened: ", Money(charge.cost), ".");
    }
  }

  void SaySplit(const AdmissionState& state, const Hold* hold, const UsageCharged& charge) {
    if (hold != nullptr && !charge.captured) {
      Say("H4", charge.hold_ends ? "It settles" : "It takes from", " the hold of entry ",
          hold->sequence, ", which held ", Money(hold->included), " of included usage and ",
          Money(hold->extra), " beyond.");
    }
    if (state.plan->metered) {
      Say("B8", "All of it is metered.");
      return;
    }
    const Amount headroom = state.included_applies ? state.included_headroom : Amount();
    const Amount covered = Min(charge.included, headroom);
    Say("B1", "Included usage comes first: ", Money(charge.included), " of ", Money(charge.cost),
        " is drawn from it, with ", Money(headroom), " left.");
    if (charge.extra.value > 0) {
      Say("B8", "The rest, ", Money(charge.extra), ", goes to extra usage.");
    } else if (Amount(charge.included) > covered && !state.ExtraPermitted()) {
      Say("B8", "Extra usage was not permitted, so included usage overshoots.");
    }
  }

  void SayFunds(const AdmissionState& state, const UsageCharged& charge) {
    const Amount beyond = Amount(charge.extra) + charge.metered;
    if (!beyond.is_positive()) return;
    if (charge.grant_draws.empty() && charge.overdraft.value == 0) {
      if (state.plan->funding == Funding::kPostpaid) {
        Say("X3", Money(beyond), " accrues to the month's statement.");
      }
      return;
    }
    for (const GrantDraw& draw : charge.grant_draws) {
      Say("X2", Money(draw.amount), " is taken from the credit of entry ", draw.grant_sequence,
          ", the next to expire.");
    }
    if (charge.overdraft.value > 0) {
      Say("X2", Money(charge.overdraft), " is overdraft: no credit was left.");
    }
  }

  void SayAftermath(const UsageCharged& charge) {
    if (charge.unadmitted) {
      Say("R1", "It is flagged unadmitted: ",
          charge.admission_status == AdmissionStatus::kNone
              ? "a check at this instant would have denied; usage that happened is recorded."
              : "the admission that it names was not live; usage that happened is recorded.");
    }
    if (charge.unseated) Say("O6", "The member has no seat, and so no included usage.");
    if (charge.overshoot.value > 0) {
      Say("H7", "Overshoot of ", Money(charge.overshoot),
          charge.overshoot_kind == OvershootKind::kHeld ? " beyond what the hold held."
                                                        : " that no headroom covered.");
    }
  }

 private:
  const WalletHeader& header_;
  const DecisionContext& context_;
  Explanation& explanation_;
};

bool SameOutcome(const UsageCharged& a, const UsageCharged& b) {
  return a.tier_id == b.tier_id && a.cost == b.cost && a.included == b.included &&
         a.extra == b.extra && a.metered == b.metered && a.overshoot == b.overshoot &&
         a.overshoot_kind == b.overshoot_kind && a.grant_draws == b.grant_draws &&
         a.overdraft == b.overdraft && a.unadmitted == b.unadmitted && a.unseated == b.unseated &&
         a.released_included == b.released_included && a.released_extra == b.released_extra &&
         a.of_pool == b.of_pool;
}

// The charge as its request stated it: what a decision fills in is left out.
UsageCharged Request(const UsageCharged& charge) {
  UsageCharged request;
  request.member_id = charge.member_id;
  request.surface = charge.surface;
  request.provider = charge.provider;
  request.model = charge.model;
  request.usage = charge.usage;
  request.occurred_at = charge.occurred_at;
  request.cost = charge.cost;
  request.admission_status = charge.admission_status;
  request.hold_ends = charge.hold_ends;
  request.captured = charge.captured;
  return request;
}

}  // namespace

Explanation ExplainCharge(const Wallet& wallet, const UsageCharged& charge,
                          const DecisionContext& context) {
  Explanation explanation;
  const Member* member = wallet.FindMember(charge.member_id);
  if (member == nullptr) return explanation;
  const Hold* hold = charge.hold_sequence == 0 ? nullptr : wallet.FindHold(charge.hold_sequence);
  const AdmissionQuery query{charge.member_id, charge.surface, charge.model, hold};
  const AdmissionState state = Evaluate(wallet.header, member, query, context);
  std::vector<EntryBody> bodies;
  AppendCharge(wallet, *member, false, hold, Request(charge), context, bodies);
  explanation.reproduced = SameOutcome(std::get<UsageCharged>(bodies.back()), charge);
  Explainer explainer(wallet, context, explanation);
  explainer.Begin(query, state);
  explainer.SayPrice(charge);
  explainer.SaySplit(state, hold, charge);
  explainer.SayFunds(state, charge);
  explainer.SayAftermath(charge);
  return explanation;
}

Explanation ExplainHold(const Wallet& wallet, const Hold& hold, const DecisionContext& context) {
  CheckAdmissionCommand command;
  command.member_id = hold.member_id;
  command.surface = hold.surface;
  command.provider = hold.provider;
  command.model = hold.model;
  command.estimate = hold.Held();
  command.mode = AdmissionMode::kHold;
  Explanation explanation = ExplainCheck(wallet, command, context);
  Explainer explainer(wallet, context, explanation);
  explainer.Say("H2", "A hold of ", explainer.Money(hold.Held()),
                " was asked for, or was what fit ", "of more; the largest allowed is ",
                explainer.Money(wallet.header.settings.max_hold), ".");
  explainer.Say("H3", "It reserves ", explainer.Money(hold.included),
                " of included usage first, then ", explainer.Money(hold.extra), " beyond, until ",
                absl::FormatTime(absl::RFC3339_full, hold.expires_at, absl::UTCTimeZone()), ".");
  const auto decided = Decide(wallet, command, context);
  explanation.reproduced = decided.ok() && decided->outcome.hold.has_value() &&
                           decided->outcome.hold->included == hold.included &&
                           decided->outcome.hold->extra == hold.extra &&
                           decided->outcome.hold->tier_id == hold.tier_id &&
                           decided->outcome.hold->of_pool == hold.of_pool;
  return explanation;
}

Explanation ExplainCheck(const Wallet& wallet, const CheckAdmissionCommand& command,
                         const DecisionContext& context) {
  Explanation explanation;
  const Member* member = wallet.FindMember(command.member_id);
  const std::string_view surface =
      command.surface.empty() ? std::string_view(kDefaultSurface) : command.surface;
  const AdmissionQuery query{command.member_id, surface, command.model};
  const AdmissionState state = Evaluate(wallet.header, member, query, context);
  AdmissionAsk ask;
  if (command.estimate.has_value() && command.mode != AdmissionMode::kHoldUpToAvailable) {
    ask.estimate = *command.estimate;
    if (command.mode == AdmissionMode::kHold) ask.max_hold = wallet.header.settings.max_hold;
  }
  const Verdict verdict = Judge(state, ask);
  Explainer explainer(wallet, context, explanation);
  explainer.Begin(query, state);
  if (ask.estimate.has_value()) {
    explainer.Say("H2", "All of the estimate, ", explainer.Money(*ask.estimate), ", must fit.");
  } else {
    explainer.Say("H2", "Any headroom at all is enough.");
  }
  explanation.reproduced = true;
  explanation.admitted = verdict.admitted;
  explanation.bucket = verdict.bucket;
  if (verdict.admitted) {
    explainer.Say("H1", "Admitted, drawing ", BucketInWords(verdict.bucket), " first.");
    return explanation;
  }
  explanation.denial = BuildDenial(wallet, member, query, state, ask, verdict, context,
                                   wallet.header.episode.has_value());
  explainer.Say("D1", "Denied. The first reason in order: ", explanation.denial->message);
  if (verdict.held) explainer.Say("D1", "Live holds alone are in the way: nothing is used up.");
  if (explanation.denial->ends_at != absl::InfiniteFuture()) {
    explainer.Say(
        "D2", "It ends by time alone at ",
        absl::FormatTime(absl::RFC3339_full, explanation.denial->ends_at, absl::UTCTimeZone()),
        ".");
  } else {
    explainer.Say("D2", "Time alone does not end it.");
  }
  return explanation;
}

}  // namespace bursar
