#include "server/service/journal_conversion.h"

#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/engine/notice_events.h"
#include "server/engine/scoped_id.h"
#include "server/service/conversion.h"

namespace bursar {
namespace {

// The public kinds, in the order of the bodies.
constexpr v1::JournalEntryKind kKinds[] = {
    v1::JOURNAL_ENTRY_KIND_ORGANIZATION_CREATED,   v1::JOURNAL_ENTRY_KIND_ORGANIZATION_UPDATED,
    v1::JOURNAL_ENTRY_KIND_MEMBER_UPSERTED,        v1::JOURNAL_ENTRY_KIND_EXTRA_USAGE_UPDATED,
    v1::JOURNAL_ENTRY_KIND_SPEND_LIMIT_SET,        v1::JOURNAL_ENTRY_KIND_CREDIT_GRANTED,
    v1::JOURNAL_ENTRY_KIND_CREDIT_EXPIRED,         v1::JOURNAL_ENTRY_KIND_WINDOW_OPENED,
    v1::JOURNAL_ENTRY_KIND_PERIOD_OPENED,          v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED,
    v1::JOURNAL_ENTRY_KIND_EPISODE_OPENED,         v1::JOURNAL_ENTRY_KIND_EPISODE_ENDED,
    v1::JOURNAL_ENTRY_KIND_PENDING_CHANGE_APPLIED, v1::JOURNAL_ENTRY_KIND_HOLD_PLACED,
    v1::JOURNAL_ENTRY_KIND_HOLD_EXTENDED,          v1::JOURNAL_ENTRY_KIND_HOLD_ENDED,
    v1::JOURNAL_ENTRY_KIND_ENTRY_REVERSED,         v1::JOURNAL_ENTRY_KIND_EXTRA_USAGE_CONFIRMED,
    v1::JOURNAL_ENTRY_KIND_CROSSING_NOTICED,       v1::JOURNAL_ENTRY_KIND_NOTIFICATION_CHANNELS_SET,
    v1::JOURNAL_ENTRY_KIND_DIGEST_SCHEDULED,
};
constexpr size_t kKindCount = sizeof(kKinds) / sizeof(kKinds[0]);
static_assert(kKindCount == std::variant_size_v<EntryBody>);

// The index of the body that is of that kind; kKindCount for none.
constexpr size_t IndexOf(v1::JournalEntryKind kind) {
  size_t index = 0;
  while (index < kKindCount && kKinds[index] != kind) ++index;
  return index;
}

template <class Body, v1::JournalEntryKind kind>
constexpr bool IsAt() {
  return std::is_same_v<std::variant_alternative_t<IndexOf(kind), EntryBody>, Body>;
}
static_assert(IsAt<OrganizationCreated, v1::JOURNAL_ENTRY_KIND_ORGANIZATION_CREATED>());
static_assert(IsAt<OrganizationUpdated, v1::JOURNAL_ENTRY_KIND_ORGANIZATION_UPDATED>());
static_assert(IsAt<MemberUpserted, v1::JOURNAL_ENTRY_KIND_MEMBER_UPSERTED>());
static_assert(IsAt<ExtraUsageUpdated, v1::JOURNAL_ENTRY_KIND_EXTRA_USAGE_UPDATED>());
static_assert(IsAt<SpendLimitSet, v1::JOURNAL_ENTRY_KIND_SPEND_LIMIT_SET>());
static_assert(IsAt<CreditGranted, v1::JOURNAL_ENTRY_KIND_CREDIT_GRANTED>());
static_assert(IsAt<CreditExpired, v1::JOURNAL_ENTRY_KIND_CREDIT_EXPIRED>());
static_assert(IsAt<WindowOpened, v1::JOURNAL_ENTRY_KIND_WINDOW_OPENED>());
static_assert(IsAt<MonthOpened, v1::JOURNAL_ENTRY_KIND_PERIOD_OPENED>());
static_assert(IsAt<UsageCharged, v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED>());
static_assert(IsAt<EpisodeOpened, v1::JOURNAL_ENTRY_KIND_EPISODE_OPENED>());
static_assert(IsAt<EpisodeEnded, v1::JOURNAL_ENTRY_KIND_EPISODE_ENDED>());
static_assert(IsAt<PendingChangeApplied, v1::JOURNAL_ENTRY_KIND_PENDING_CHANGE_APPLIED>());
static_assert(IsAt<HoldPlaced, v1::JOURNAL_ENTRY_KIND_HOLD_PLACED>());
static_assert(IsAt<HoldExtended, v1::JOURNAL_ENTRY_KIND_HOLD_EXTENDED>());
static_assert(IsAt<HoldEnded, v1::JOURNAL_ENTRY_KIND_HOLD_ENDED>());
static_assert(IsAt<EntryReversed, v1::JOURNAL_ENTRY_KIND_ENTRY_REVERSED>());
static_assert(IsAt<ExtraUsageConfirmed, v1::JOURNAL_ENTRY_KIND_EXTRA_USAGE_CONFIRMED>());
static_assert(IsAt<CrossingNoticed, v1::JOURNAL_ENTRY_KIND_CROSSING_NOTICED>());
static_assert(IsAt<NotificationChannelsSet, v1::JOURNAL_ENTRY_KIND_NOTIFICATION_CHANNELS_SET>());
static_assert(IsAt<DigestScheduled, v1::JOURNAL_ENTRY_KIND_DIGEST_SCHEDULED>());

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

std::string ScopeWords(Scope scope, const std::string& scope_id) {
  if (scope == Scope::kOrganization) return "the organization";
  return absl::StrCat(scope == Scope::kSeatTier ? "seat tier " : "member ", scope_id);
}

// Fills what is particular to a body, and the sentence.
class BodyWriter {
 public:
  BodyWriter(const JournalWords& words, v1::JournalEntry* proto)
      : words_(words), currency_code_(words.currency_code), proto_(proto) {}

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
    if (body.limit.amount.has_value()) {
      WriteMoney(*body.limit.amount, currency_code_, proto_->mutable_amount());
      Say("Spend limit of ", ScopeWords(body.scope, body.scope_id), " is ",
          Money(*body.limit.amount), " a month.");
    } else {
      Say("No spend limit for ", ScopeWords(body.scope, body.scope_id), ".");
    }
  }
  void operator()(const CreditGranted& body) {
    WriteMoney(body.amount, currency_code_, proto_->mutable_amount());
    proto_->set_reversed_sequence(body.refund_of);
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
    WriteMoney(body.amount, currency_code_, proto_->mutable_amount());
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
    WriteMoney(held, currency_code_, proto_->mutable_amount());
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
  void operator()(const CrossingNoticed& body) {
    proto_->set_member_id(body.member_id);
    proto_->set_surface(body.surface);
    Say("Member ", body.member_id, " went on into extra usage.");
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

  std::string Money(Nanos nanos) const {
    return absl::StrCat(FormatAmount(nanos), " ", ToAbsl(currency_code_));
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
    WriteMoney(amount, currency_code_, draw->mutable_amount());
  }

  // The hold that the entry is about, and the admission id by which callers know it.
  void AboutHold(int64_t sequence) {
    if (sequence == 0) return;
    proto_->set_hold_sequence(sequence);
    proto_->set_admission_id(AdmissionId(words_.epoch, words_.organization_id, sequence));
  }

  const JournalWords& words_;
  const std::string_view currency_code_;
  v1::JournalEntry* const proto_;
};

void BodyWriter::operator()(const UsageCharged& body) {
  proto_->set_member_id(body.member_id);
  proto_->set_seat_tier(body.tier_id);
  proto_->set_surface(body.surface);
  proto_->set_provider(body.provider);
  proto_->set_model(body.model);
  if (body.usage.has_value()) WriteUsage(*body.usage, proto_->mutable_usage());
  WriteMoney(body.cost, currency_code_, proto_->mutable_amount());
  Draw(Bucket::kIncluded, body.included);
  Draw(Bucket::kExtra, body.extra);
  Draw(Bucket::kMetered, body.metered);
  WriteMoney(body.overshoot, currency_code_, proto_->mutable_overshoot());
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

void BodyWriter::operator()(const HoldPlaced& body) {
  const Hold& hold = body.hold;
  proto_->set_member_id(hold.member_id);
  proto_->set_seat_tier(hold.tier_id);
  proto_->set_surface(hold.surface);
  proto_->set_provider(hold.provider);
  proto_->set_model(hold.model);
  proto_->set_parent_session_id(hold.parent_session_id);
  AboutHold(proto_->sequence());
  WriteMoney(hold.Held(), currency_code_, proto_->mutable_amount());
  Draw(Bucket::kIncluded, hold.included);
  Draw(hold.metered ? Bucket::kMetered : Bucket::kExtra, hold.extra);
  for (const auto& [key, value] : body.labels) (*proto_->mutable_labels())[key] = value;
  Say("Member ", hold.member_id, " holds ", Money(hold.Held()), " on ", hold.surface, " until ",
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
  WriteMoney(amount, currency_code_, proto_->mutable_amount());
  Draw(Bucket::kIncluded, body.included);
  Draw(Bucket::kExtra, body.extra);
  Draw(Bucket::kMetered, body.metered);
  Say(Money(amount), " of entry ", std::to_string(body.reversed_sequence), " was taken back",
      body.reason.empty() ? std::string() : ": " + body.reason, ".");
}

}  // namespace

std::optional<size_t> BodyIndexOf(v1::JournalEntryKind kind) {
  if (kind == v1::JOURNAL_ENTRY_KIND_UNSPECIFIED) return std::nullopt;
  return IndexOf(kind);
}

void WriteJournalEntry(const JournalPage::Item& item, const JournalWords& words,
                       v1::JournalEntry* proto) {
  const Entry& entry = item.entry;
  proto->set_sequence(entry.sequence);
  WriteTimestamp(entry.recorded_at, proto->mutable_record_time());
  proto->set_kind(kKinds[entry.body.index()]);
  proto->set_actor(entry.cause.actor);
  proto->set_caller(entry.cause.caller);
  proto->set_request_id(entry.cause.request_id);
  std::visit(BodyWriter(words, proto), entry.body);
  proto->set_chain_hash(absl::BytesToHexString(item.chain_hash));
}

void WriteNotice(const PendingNotice& notice, v1::Notice* proto) {
  WriteNotice(notice.organization_id, notice.notice_id, notice.stored, proto);
}

void WriteNotice(const std::string& organization_id, const std::string& notice_id,
                 const StoredNotice& notice, v1::Notice* proto) {
  const NoticeEvent& event = EventOf(notice.Kind());
  proto->set_notice_id(notice_id);
  proto->set_organization_id(organization_id);
  proto->set_kind(static_cast<v1::NoticeKind>(notice.Kind()));
  WriteTimestamp(notice.created_at, proto->mutable_create_time());
  for (const MemberRole role : event.roles) {
    proto->add_recipients(ToProtoEnum<v1::MemberRole>(role));
  }
  proto->set_subject(event.subject);
  proto->set_summary(SummaryOf(notice));
  proto->set_sequence(notice.sequence);
}

}  // namespace bursar
