#include "server/service/journal_conversion.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/engine/increase_notices.h"
#include "server/engine/notice_events.h"
#include "server/engine/scoped_id.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/settings_text.h"
#include "server/service/conversion.h"

namespace bursar {
namespace {

// The public kind of each kind of body.
constexpr v1::JournalEntryKind KindOf(const OrganizationCreated*) {
  return v1::JOURNAL_ENTRY_KIND_ORGANIZATION_CREATED;
}
constexpr v1::JournalEntryKind KindOf(const OrganizationUpdated*) {
  return v1::JOURNAL_ENTRY_KIND_ORGANIZATION_UPDATED;
}
constexpr v1::JournalEntryKind KindOf(const MemberUpserted*) {
  return v1::JOURNAL_ENTRY_KIND_MEMBER_UPSERTED;
}
constexpr v1::JournalEntryKind KindOf(const ExtraUsageUpdated*) {
  return v1::JOURNAL_ENTRY_KIND_EXTRA_USAGE_UPDATED;
}
constexpr v1::JournalEntryKind KindOf(const SpendLimitSet*) {
  return v1::JOURNAL_ENTRY_KIND_SPEND_LIMIT_SET;
}
constexpr v1::JournalEntryKind KindOf(const CreditGranted*) {
  return v1::JOURNAL_ENTRY_KIND_CREDIT_GRANTED;
}
constexpr v1::JournalEntryKind KindOf(const CreditExpired*) {
  return v1::JOURNAL_ENTRY_KIND_CREDIT_EXPIRED;
}
constexpr v1::JournalEntryKind KindOf(const WindowOpened*) {
  return v1::JOURNAL_ENTRY_KIND_WINDOW_OPENED;
}
constexpr v1::JournalEntryKind KindOf(const MonthOpened*) {
  return v1::JOURNAL_ENTRY_KIND_PERIOD_OPENED;
}
constexpr v1::JournalEntryKind KindOf(const UsageCharged*) {
  return v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED;
}
constexpr v1::JournalEntryKind KindOf(const EpisodeOpened*) {
  return v1::JOURNAL_ENTRY_KIND_EPISODE_OPENED;
}
constexpr v1::JournalEntryKind KindOf(const EpisodeEnded*) {
  return v1::JOURNAL_ENTRY_KIND_EPISODE_ENDED;
}
constexpr v1::JournalEntryKind KindOf(const PendingChangeApplied*) {
  return v1::JOURNAL_ENTRY_KIND_PENDING_CHANGE_APPLIED;
}
constexpr v1::JournalEntryKind KindOf(const HoldPlaced*) {
  return v1::JOURNAL_ENTRY_KIND_HOLD_PLACED;
}
constexpr v1::JournalEntryKind KindOf(const HoldExtended*) {
  return v1::JOURNAL_ENTRY_KIND_HOLD_EXTENDED;
}
constexpr v1::JournalEntryKind KindOf(const HoldEnded*) {
  return v1::JOURNAL_ENTRY_KIND_HOLD_ENDED;
}
constexpr v1::JournalEntryKind KindOf(const EntryReversed*) {
  return v1::JOURNAL_ENTRY_KIND_ENTRY_REVERSED;
}
constexpr v1::JournalEntryKind KindOf(const ExtraUsageConfirmed*) {
  return v1::JOURNAL_ENTRY_KIND_EXTRA_USAGE_CONFIRMED;
}
constexpr v1::JournalEntryKind KindOf(const CrossingNoticed*) {
  return v1::JOURNAL_ENTRY_KIND_CROSSING_NOTICED;
}
constexpr v1::JournalEntryKind KindOf(const StatementOpened*) {
  return v1::JOURNAL_ENTRY_KIND_STATEMENT_OPENED;
}
constexpr v1::JournalEntryKind KindOf(const StatementFinalized*) {
  return v1::JOURNAL_ENTRY_KIND_STATEMENT_FINALIZED;
}
constexpr v1::JournalEntryKind KindOf(const IncreaseRequested*) {
  return v1::JOURNAL_ENTRY_KIND_INCREASE_REQUESTED;
}
constexpr v1::JournalEntryKind KindOf(const IncreaseDecided*) {
  return v1::JOURNAL_ENTRY_KIND_INCREASE_DECIDED;
}
constexpr v1::JournalEntryKind KindOf(const MemberSelected*) {
  return v1::JOURNAL_ENTRY_KIND_MEMBER_SELECTED;
}
constexpr v1::JournalEntryKind KindOf(const EpisodeAnswered*) {
  return v1::JOURNAL_ENTRY_KIND_EPISODE_ANSWERED;
}
constexpr v1::JournalEntryKind KindOf(const PeriodsOpened*) {
  return v1::JOURNAL_ENTRY_KIND_LIMIT_PERIODS_OPENED;
}
constexpr v1::JournalEntryKind KindOf(const ThresholdNoticed*) {
  return v1::JOURNAL_ENTRY_KIND_THRESHOLD_NOTICED;
}
constexpr v1::JournalEntryKind KindOf(const LimitRaiseExpired*) {
  return v1::JOURNAL_ENTRY_KIND_LIMIT_RAISE_EXPIRED;
}
constexpr v1::JournalEntryKind KindOf(const PlanChanged*) {
  return v1::JOURNAL_ENTRY_KIND_PLAN_CHANGED;
}
constexpr v1::JournalEntryKind KindOf(const PaymentRequested*) {
  return v1::JOURNAL_ENTRY_KIND_PAYMENT_REQUESTED;
}
constexpr v1::JournalEntryKind KindOf(const PaymentSent*) {
  return v1::JOURNAL_ENTRY_KIND_PAYMENT_SENT;
}
constexpr v1::JournalEntryKind KindOf(const PaymentFinished*) {
  return v1::JOURNAL_ENTRY_KIND_PAYMENT_FINISHED;
}
constexpr v1::JournalEntryKind KindOf(const AutoReloadUpdated*) {
  return v1::JOURNAL_ENTRY_KIND_AUTO_RELOAD_UPDATED;
}
constexpr v1::JournalEntryKind KindOf(const ChargedBack*) {
  return v1::JOURNAL_ENTRY_KIND_CHARGED_BACK;
}
constexpr v1::JournalEntryKind KindOf(const LowBalanceNoticed*) {
  return v1::JOURNAL_ENTRY_KIND_LOW_BALANCE_NOTICED;
}
constexpr v1::JournalEntryKind KindOf(const NotificationChannelsSet*) {
  return v1::JOURNAL_ENTRY_KIND_NOTIFICATION_CHANNELS_SET;
}
constexpr v1::JournalEntryKind KindOf(const DigestScheduled*) {
  return v1::JOURNAL_ENTRY_KIND_DIGEST_SCHEDULED;
}

// By the body's place in the variant.
template <size_t... kPlaces>
constexpr std::array<v1::JournalEntryKind, sizeof...(kPlaces)> MakeKinds(
    std::index_sequence<kPlaces...>) {
  return {
      KindOf(static_cast<const std::variant_alternative_t<kPlaces, AnyEntryBody>*>(nullptr))...};
}
constexpr auto kKinds = MakeKinds(std::make_index_sequence<std::variant_size_v<AnyEntryBody>>());

std::string ShortDate(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

std::string_view WindowWord(WindowKind kind) {
  switch (kind) {
    case WindowKind::kMonth:
      return "month";
    case WindowKind::kWeek:
      return "week";
    case WindowKind::kDay:
      return "day";
    case WindowKind::kFiveHours:
      return "five-hour session";
  }
  return "window";
}

// Fills what is particular to a body, and the sentence.
class BodyWriter {
 public:
  BodyWriter(const JournalWords& words, v1::JournalEntry* proto) : words_(words), proto_(proto) {}

  void operator()(const OrganizationCreated& body) {
    Say("The wallet of ", body.settings.display_name, " began on plan ", body.settings.plan_id,
        ".");
  }
  void operator()(const OrganizationUpdated& body) {
    Changes(body.changes);
    Say("Settings changed.");
  }
  void operator()(const MemberUpserted& body) {
    proto_->set_member_id(body.settings.member_id);
    proto_->set_seat_tier(body.settings.tier_id);
    Changes(body.changes);
    Say("Member ", body.settings.member_id,
        body.created ? (body.automatic ? " joined by first use." : " was created.")
                     : " was changed.");
  }
  void operator()(const ExtraUsageUpdated& body) {
    Changes(body.changes);
    Say("Extra usage is ", body.enabled ? "on for " : "off",
        !body.enabled                                    ? ""
        : body.audience == ExtraUsageAudience::kSelected ? "selected members"
                                                         : "everyone",
        ".");
  }
  void operator()(const SpendLimitSet& body) {
    if (body.scope == Scope::kMember) proto_->set_member_id(body.scope_id);
    if (body.scope == Scope::kSeatTier) proto_->set_seat_tier(body.scope_id);
    Changes(body.changes);
    const std::string until = body.limit.raise.has_value()
                                  ? absl::StrCat(" until ", ShortDate(body.limit.raise->expires_at))
                                  : std::string();
    if (const std::optional<Nanos>& amount = body.limit.InForce(); amount.has_value()) {
      WriteMoney(*amount, words_.currency_code, proto_->mutable_amount());
      Say("Spend limit of ", ScopeWords(body.scope, body.scope_id), " is ", Money(*amount), " ",
          PerPeriod(body.period), until, ".");
    } else {
      Say("No spend limit for ", ScopeWords(body.scope, body.scope_id),
          body.period == PeriodKind::kMonth ? "" : " for ",
          body.period == PeriodKind::kMonth ? "" : PerPeriod(body.period), until, ".");
    }
  }
  void operator()(const LimitRaiseExpired& body) {
    if (body.scope == Scope::kMember) proto_->set_member_id(body.scope_id);
    if (body.scope == Scope::kSeatTier) proto_->set_seat_tier(body.scope_id);
    Changes(body.changes);
    Say("The temporary spend limit of ", ScopeWords(body.scope, body.scope_id), " expired.");
  }
  void operator()(const PlanChanged& body) {
    Changes(body.changes);
    if (body.billed_overdraft.is_zero()) return Say("The plan is ", body.plan_id, " now.");
    WriteMoney(body.billed_overdraft, words_.currency_code, proto_->mutable_amount());
    Say("The plan is ", body.plan_id, " now; ", FormatAmount(body.billed_overdraft), " ",
        words_.currency_code, " that was overdrawn opens the statement.");
  }
  void operator()(const PeriodsOpened& body) {
    const char* what = !body.day.has_value()    ? "week"
                       : !body.week.has_value() ? "day"
                                                : "week and the day";
    const absl::Time end = body.day.has_value() ? body.day->end : body.week->end;
    Say("The ", what, " opened, until ", ShortDate(end), ".");
  }
  void operator()(const ThresholdNoticed& body) {
    proto_->set_member_id(body.member_id);
    if (body.scope == Scope::kSeatTier) proto_->set_seat_tier(body.scope_id);
    proto_->set_surface(body.surface);
    WriteMoney(body.limit, words_.currency_code, proto_->mutable_amount());
    Say(std::to_string(body.percent), " % of the spend limit of ",
        ScopeWords(body.scope, body.scope_id), ", ", Money(body.limit), " ", PerPeriod(body.period),
        ", is used.");
  }
  void operator()(const CreditGranted& body) {
    WriteMoney(body.amount, words_.currency_code, proto_->mutable_amount());
    proto_->set_reversed_sequence(body.refund_of);
    proto_->set_payment_sequence(body.payment_sequence);
    Say("Credit of ", Money(body.amount), body.refund_of == 0 ? " was added" : " was given back",
        body.expires_at == absl::InfiniteFuture()
            ? std::string()
            : absl::StrCat(", good until ", ShortDate(body.expires_at)),
        body.repaid_overdraft.value == 0
            ? std::string()
            : absl::StrCat("; ", Money(body.repaid_overdraft), " of it repaid overdraft"),
        ".");
  }
  void operator()(const CreditExpired& body) {
    WriteMoney(body.amount, words_.currency_code, proto_->mutable_amount());
    Say("Credit expired with ", Money(body.amount), " left.");
  }
  void operator()(const WindowOpened& body) {
    proto_->set_member_id(body.member_id);
    Say("Included ", WindowWord(body.kind), " opened, until ", ShortDate(body.window.end), ".");
  }
  void operator()(const MonthOpened& body) {
    if (body.scope == Scope::kMember) proto_->set_member_id(body.scope_id);
    if (body.scope == Scope::kSeatTier) proto_->set_seat_tier(body.scope_id);
    Say("The month opened for ", ScopeWords(body.scope, body.scope_id), ", until ",
        ShortDate(body.month.end), ".");
  }
  void operator()(const UsageCharged& body);
  void operator()(const EpisodeOpened& body) {
    proto_->set_member_id(body.member_id);
    proto_->set_surface(body.surface);
    Say(body.balance ? "The balance ran out." : "The organization's spend limit was reached.");
  }
  void operator()(const EpisodeEnded& body) { Say("Extra usage is back, by ", body.cause, "."); }
  void operator()(const PendingChangeApplied& body) {
    if (body.seat.has_value()) {
      proto_->set_member_id(body.seat->member_id);
      proto_->set_seat_tier(body.seat->to_tier);
      Say("Member ", body.seat->member_id, " moved to seat tier ", body.seat->to_tier, ".");
    } else {
      Say("Settings that waited took effect.");
    }
  }
  void operator()(const HoldPlaced& body);
  void operator()(const HoldExtended& body) {
    proto_->set_member_id(body.member_id);
    AboutHold(body.hold_sequence);
    Say("A hold of member ", body.member_id, " lives until ", ShortDate(body.expires_at), ".");
  }
  void operator()(const HoldEnded& body) {
    proto_->set_member_id(body.member_id);
    AboutHold(body.hold_sequence);
    const Nanos held(body.included.value + body.extra.value);
    WriteMoney(held, words_.currency_code, proto_->mutable_amount());
    Say("A hold of member ", body.member_id,
        body.end == HoldEnd::kExpired ? " expired; " : " was released; ", Money(held),
        " came back.");
  }
  void operator()(const EntryReversed& body);
  void operator()(const ExtraUsageConfirmed& body) {
    proto_->set_member_id(body.member_id);
    Say("Member ", body.member_id, " confirmed extra usage until ", ShortDate(body.window.end),
        ".");
  }
  void operator()(const StatementOpened& body) {
    Say("The statement until ", ShortDate(body.period.end), " began.");
  }
  void operator()(const StatementFinalized& body);
  void operator()(const CrossingNoticed& body) {
    proto_->set_member_id(body.member_id);
    proto_->set_surface(body.surface);
    Say("Member ", body.member_id, " went on into extra usage.");
  }
  void operator()(const IncreaseRequested& body) {
    const IncreaseRequest& request = body.request;
    proto_->set_member_id(request.member_id);
    proto_->set_surface(request.surface);
    proto_->set_increase_request_sequence(proto_->sequence());
    PutAmount(request.asked_amount);
    Say("Member ", request.member_id, " asks for ", AskedWords(request, words_.currency_code),
        Said(request.reason), ".");
  }
  void operator()(const IncreaseDecided& body) {
    proto_->set_member_id(body.member_id);
    proto_->set_increase_request_sequence(body.request_sequence);
    PutAmount(body.granted_amount);
    Changes({{"request", "open", std::string(IncreaseStateWord(body.state))}});
    Say("The request of member ", body.member_id, " for ", IncreaseKindWords(body.kind), " is ",
        IncreaseStateWord(body.state), Said(body.note), ".");
  }
  void operator()(const MemberSelected& body) {
    proto_->set_member_id(body.member_id);
    Changes({{"extra_usage_selected", "no", "yes"}});
    Say("Member ", body.member_id, " is selected for extra usage.");
  }
  void operator()(const EpisodeAnswered& body) {
    Say("The episode is answered: ", EpisodeAnswerText(body.kind, body.note));
  }
  void operator()(const PaymentRequested& body) {
    proto_->set_payment_sequence(proto_->sequence());
    WriteMoney(body.payment.amount, words_.currency_code, proto_->mutable_amount());
    const bool reload = body.payment.kind == PaymentKind::kReload;
    Say(reload ? "A reload of " : "A purchase of ", Money(body.payment.amount),
        " was requested of the payment system",
        body.payment.cause == ReloadCause::kHoldDenied   ? ", because a hold was denied"
        : body.payment.cause == ReloadCause::kLowBalance ? ", because the balance is low"
                                                         : "",
        ".");
  }
  void operator()(const PaymentSent& body) {
    proto_->set_payment_sequence(body.payment_sequence);
    Say("The payment of entry ", std::to_string(body.payment_sequence),
        " is about to leave for the payment system.");
  }
  void operator()(const PaymentFinished& body);
  void operator()(const AutoReloadUpdated& body) {
    Changes(body.changes);
    const AutoReloadSettings& settings = body.settings;
    Say("Auto-reload is ", settings.enabled ? "on" : "off",
        settings.enabled
            ? absl::StrCat(": ", Money(settings.amount), " at or below ", Money(settings.threshold))
            : std::string(),
        body.resumed ? "; it was resumed." : ".");
  }
  void operator()(const ChargedBack& body) {
    proto_->set_payment_sequence(body.payment_sequence);
    WriteMoney(body.amount, words_.currency_code, proto_->mutable_amount());
    Say(Money(body.amount), " of the payment of entry ", std::to_string(body.payment_sequence),
        " was charged back: an adjustment",
        body.overdraft.value == 0 ? std::string()
                                  : absl::StrCat("; ", Money(body.overdraft), " is overdraft now"),
        body.billed.value == 0 ? std::string()
                               : absl::StrCat("; ", Money(body.billed), " is on the statement"),
        body.reason.empty() ? std::string() : ": " + body.reason, ".");
  }
  void operator()(const LowBalanceNoticed& body) {
    WriteMoney(body.balance, words_.currency_code, proto_->mutable_amount());
    Say("The balance fell to the threshold of ", Money(body.threshold), ".");
  }
  void operator()(const NotificationChannelsSet& body) {
    Changes(body.changes);
    Say("Where notices go was set.");
  }
  void operator()(const DigestScheduled& body) {
    if (body.is_due) {
      Say("The daily digest told of ", std::to_string(body.outstanding), " outstanding requests.");
    } else if (body.next != absl::InfiniteFuture()) {
      Say("A daily digest is due at ", ShortDate(body.next), ".");
    } else {
      Say("No daily digest is due any more.");
    }
  }

 private:
  template <class... Parts>
  void Say(const Parts&... parts) {
    std::string text;
    (Append(&text, parts), ...);
    proto_->set_summary(text);
  }
  static void Append(std::string* text, std::string_view part) { text->append(part); }

  static std::string Said(const std::string& words) { return words.empty() ? "" : ": " + words; }

  void PutAmount(const std::optional<Nanos>& nanos) {
    if (nanos.has_value()) WriteMoney(*nanos, words_.currency_code, proto_->mutable_amount());
  }

  std::string Money(Nanos nanos) const {
    return absl::StrCat(FormatAmount(nanos), " ", ToAbsl(words_.currency_code));
  }

  void Changes(const std::vector<FieldChange>& changes) {
    for (const FieldChange& change : changes) {
      v1::FieldChange* proto = proto_->add_changes();
      proto->set_field(change.field);
      proto->set_before(change.before);
      proto->set_after(change.after);
    }
  }

  void Draw(Bucket bucket, Nanos amount) {
    if (amount.value == 0) return;
    v1::Draw* draw = proto_->add_draws();
    draw->set_bucket(ToProtoEnum<v1::Bucket>(bucket));
    WriteMoney(amount, words_.currency_code, draw->mutable_amount());
  }

  // The hold that the entry is about, and the admission id by which callers know it.
  void AboutHold(int64_t sequence) {
    if (sequence == 0) return;
    proto_->set_hold_sequence(sequence);
    proto_->set_admission_id(AdmissionId(words_.epoch, words_.organization_id, sequence));
  }

  const JournalWords& words_;
  v1::JournalEntry* const proto_;
};

void BodyWriter::operator()(const UsageCharged& body) {
  proto_->set_member_id(body.member_id);
  proto_->set_seat_tier(body.tier_id);
  proto_->set_surface(body.surface);
  proto_->set_provider(body.provider);
  proto_->set_model(body.model);
  if (body.usage.has_value()) WriteUsage(*body.usage, proto_->mutable_usage());
  WriteMoney(body.cost, words_.currency_code, proto_->mutable_amount());
  Draw(Bucket::kIncluded, body.included);
  Draw(Bucket::kExtra, body.extra);
  Draw(Bucket::kMetered, body.metered);
  WriteMoney(body.overshoot, words_.currency_code, proto_->mutable_overshoot());
  proto_->set_price_card(body.price_card);
  WriteTimestamp(body.occurred_at, proto_->mutable_occur_time());
  proto_->set_price_fallback(body.price_fallback);
  proto_->set_unadmitted(body.unadmitted);
  proto_->set_parent_session_id(body.parent_session_id);
  for (const auto& [key, value] : body.labels) (*proto_->mutable_labels())[key] = value;
  // A record that came too late names its admission too (rule R5).
  proto_->set_admission_id(body.admission_id);
  AboutHold(body.hold_sequence);
  proto_->set_captured(body.captured);
  if (body.captured) {
    Say("A hold of member ", body.member_id, " expired and was captured: ", Money(body.cost), ".");
  } else {
    Say("Member ", body.member_id, " used ", Money(body.cost), " on ", body.surface, ".");
  }
}

void BodyWriter::operator()(const PaymentFinished& body) {
  proto_->set_payment_sequence(body.payment_sequence);
  WriteMoney(body.amount, words_.currency_code, proto_->mutable_amount());
  std::string verdict;
  switch (body.state) {
    case PaymentState::kSucceeded:
      verdict = body.late ? " succeeded after all" : " succeeded";
      break;
    case PaymentState::kLost:
      verdict = " is lost: no verdict came in time";
      break;
    case PaymentState::kCancelled:
      verdict = " was withdrawn before it was sent";
      break;
    default:
      verdict = " failed";
  }
  if (!body.code.empty()) verdict += ", " + body.code;
  if (!body.message.empty()) verdict += ": " + body.message;
  Say(body.kind == PaymentKind::kReload ? "The reload of " : "The purchase of ", Money(body.amount),
      verdict, ".",
      body.pause == ReloadPause::kFailures && !body.late ? " Auto-reload is paused." : "");
}

void BodyWriter::operator()(const StatementFinalized& body) {
  WriteMoney(body.totals.NetCost(), words_.currency_code, proto_->mutable_amount());
  Say("The statement from ", ShortDate(body.period.start), " to ", ShortDate(body.period.end),
      " is final: ", std::to_string(body.totals.charge_count), " charges, ",
      std::to_string(body.totals.reversal_count), " refunds, together ",
      FormatAmount(body.totals.NetCost()), " ", words_.currency_code, ".");
}

void BodyWriter::operator()(const HoldPlaced& body) {
  const Hold& hold = body.hold;
  proto_->set_member_id(hold.member_id);
  proto_->set_seat_tier(hold.tier_id);
  proto_->set_surface(hold.surface);
  proto_->set_provider(hold.provider);
  proto_->set_model(hold.model);
  proto_->set_parent_session_id(hold.parent_session_id);
  AboutHold(proto_->sequence());
  WriteMoney(hold.Held(), words_.currency_code, proto_->mutable_amount());
  Draw(Bucket::kIncluded, hold.included);
  Draw(hold.metered ? Bucket::kMetered : Bucket::kExtra, hold.extra);
  for (const auto& [key, value] : body.labels) (*proto_->mutable_labels())[key] = value;
  Say("Member ", hold.member_id, " holds ", Money(hold.Held()),
      hold.surface.empty() ? "" : absl::StrCat(" on ", hold.surface), " until ",
      ShortDate(hold.expires_at), ".");
}

void BodyWriter::operator()(const EntryReversed& body) {
  proto_->set_member_id(body.facts.member_id);
  proto_->set_seat_tier(body.facts.tier_id);
  proto_->set_surface(body.facts.surface);
  proto_->set_provider(body.facts.provider);
  proto_->set_model(body.facts.model);
  proto_->set_reversed_sequence(body.reversed_sequence);
  AboutHold(body.hold_sequence);
  const Nanos amount(body.included.value + body.extra.value + body.metered.value);
  WriteMoney(amount, words_.currency_code, proto_->mutable_amount());
  Draw(Bucket::kIncluded, body.included);
  Draw(Bucket::kExtra, body.extra);
  Draw(Bucket::kMetered, body.metered);
  Say(Money(amount), " of entry ", std::to_string(body.reversed_sequence), " was taken back",
      body.reason.empty() ? std::string() : ": " + body.reason, ".");
}

}  // namespace

std::optional<size_t> BodyIndexOf(v1::JournalEntryKind kind) {
  const auto found = std::find(kKinds.begin(), kKinds.end(), kind);
  if (found == kKinds.end()) return std::nullopt;
  return static_cast<size_t>(found - kKinds.begin());
}

void WriteJournalHead(const JournalPage::Item& item, v1::JournalEntry* proto) {
  proto->set_sequence(item.entry.sequence);
  WriteTimestamp(item.entry.recorded_at, proto->mutable_record_time());
  proto->set_kind(kKinds[item.entry.body.index()]);
}

void WriteJournalEntry(const JournalPage::Item& item, const JournalWords& words,
                       v1::JournalEntry* proto) {
  WriteJournalHead(item, proto);
  const Entry& entry = item.entry;
  proto->set_actor(entry.cause.actor);
  proto->set_caller(entry.cause.caller);
  proto->set_request_id(entry.cause.request_id);
  std::visit(BodyWriter(words, proto), entry.body);
  proto->set_chain_hash(absl::BytesToHexString(item.chain_hash));
}

}  // namespace bursar
