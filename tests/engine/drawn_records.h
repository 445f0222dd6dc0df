// Drawn values of everything that is kept on disk, for the tests of the record codecs.
//
// Thread rule: single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// Draws values, often at the edges of what their types hold.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool Bool() { return Below(2) == 1; }
  int64_t Int() {
    switch (Below(6)) {
      case 0:
        return 0;
      case 1:
        return INT64_MAX;
      case 2:
        return INT64_MIN;
      case 3:
        return static_cast<int64_t>(random_());
      default:
        return static_cast<int64_t>(Below(2'000'000)) - 1'000'000;
    }
  }
  Nanos Money() { return Nanos(Int()); }
  Amount Sum() {
    if (Bool()) return Amount(Money());
    return Amount(absl::MakeInt128(Int(), random_()));
  }
  absl::Time Instant() {
    // 1700 to 2262, to the nanosecond.
    return absl::FromUnixNanos(static_cast<int64_t>(random_() >> 1) - (int64_t{1} << 62));
  }
  std::string Text() {
    std::string text;
    for (uint64_t i = Below(12); i > 0; --i) text.push_back(static_cast<char>('a' + Below(26)));
    return text;
  }
  std::string Id() { return "x" + Text(); }
  template <typename Enum>
  Enum Any(Enum first, Enum last) {
    const auto low = static_cast<uint64_t>(first);
    return static_cast<Enum>(low + Below(static_cast<uint64_t>(last) - low + 1));
  }
  template <typename Make>
  auto Many(Make make) {
    std::vector<decltype(make())> all;
    for (uint64_t i = Below(4); i > 0; --i) all.push_back(make());
    return all;
  }
  template <typename Make>
  auto Maybe(Make make) {
    return Bool() ? std::optional<decltype(make())>(make()) : std::nullopt;
  }

  Window AnyWindow() {
    const absl::Time a = Instant();
    const absl::Time b = Instant();
    return {std::min(a, b), std::max(a, b)};
  }
  MonthCounter Month() { return {Bool() ? AnyWindow() : Window(), Sum(), Sum()}; }
  WindowCounter Counter() {
    return {Any(WindowKind::kMonth, WindowKind::kFiveHours), AnyWindow(), Sum(), Int()};
  }
  LimitBasis Basis() { return Any(LimitBasis::kEachMember, LimitBasis::kTierTotal); }
  SpendLimit Limit() {
    return {Maybe([this] { return Money(); }), Basis(), Maybe([this] {
              return LimitRaise{Maybe([this] { return Money(); }), Basis(), Instant()};
            }),
            Int()};
  }
  Scope AnyScope() { return Any(Scope::kOrganization, Scope::kModel); }
  PeriodKind Period() { return Any(PeriodKind::kMonth, PeriodKind::kHour); }
  std::vector<PeriodLimit> PeriodLimits() {
    return Many([this] { return PeriodLimit{Period(), Limit()}; });
  }
  PeriodCounter AnyPeriod() { return {Bool() ? AnyWindow() : Window(), Sum(), Int()}; }
  RecentSpend Recent() { return {AnyPeriod(), AnyPeriod()}; }
  std::vector<NoticedThreshold> Noticed() {
    return Many([this] {
      return NoticedThreshold{AnyScope(), Text(),    Period(),
                              Int(),      Instant(), static_cast<int>(Below(101))};
    });
  }
  NamedScope Named() {
    return {Any(Scope::kSurface, Scope::kModel),
            Text(),
            Int(),
            AnyPeriod(),
            Recent(),
            Sum(),
            PeriodLimits()};
  }
  OrganizationSettings Settings() {
    return {Text(),
            Text(),
            Text(),
            Instant(),
            Text(),
            Any(AccountStatus::kActive, AccountStatus::kRemoved),
            Text(),
            Any(IncludedScope::kSeat, IncludedScope::kOrganization),
            Bool(),
            Int(),
            Any(HoldExpiryPolicy::kRelease, HoldExpiryPolicy::kCapture),
            absl::Nanoseconds(Int() / 2),
            Money(),
            Any(CrossingPolicy::kAuto, CrossingPolicy::kConfirm),
            absl::Nanoseconds(Int() / 2),
            absl::Nanoseconds(Int() / 2),
            Money()};
  }
  Payment AnyPayment(bool named) {
    Payment payment;
    payment.sequence = named ? static_cast<int64_t>(Below(1'000'000)) + 1 : 0;
    payment.kind = Any(PaymentKind::kPurchase, PaymentKind::kReload);
    payment.state = Any(PaymentState::kRequested, PaymentState::kCancelled);
    payment.amount = Money();
    payment.cause = Any(ReloadCause::kNone, ReloadCause::kHoldDenied);
    payment.attempt = Int();
    payment.reference = Text();
    payment.requested_by = Text();
    payment.requested_at = named ? Instant() : absl::Time();
    payment.times_out_at = Instant();
    if (Bool()) payment.month = AnyWindow();
    if (Bool()) payment.sent_at = Instant();
    if (Bool()) payment.finished_at = Instant();
    payment.code = Text();
    payment.message = Text();
    payment.result_reference = Text();
    payment.grant_sequence = Int();
    payment.charged_back = Money();
    return payment;
  }
  AutoReloadSettings ReloadSettings() {
    return {Bool(), Money(), Money(), Money(), absl::Nanoseconds(Int() / 2), Int(), Int()};
  }
  AutoReload Reload() {
    AutoReload reload;
    reload.settings = ReloadSettings();
    reload.metered = Bool();
    reload.pause = Any(ReloadPause::kNone, ReloadPause::kChargeback);
    reload.failures = Int();
    if (Bool()) reload.not_before = Instant();
    if (Bool()) reload.day = AnyWindow();
    reload.attempts = Int();
    if (Bool()) reload.month = AnyWindow();
    reload.month_money = Sum();
    return reload;
  }
  PendingSettings Pending() {
    return {Instant(), Text(), Instant(), Any(IncludedScope::kSeat, IncludedScope::kOrganization)};
  }
  PendingSeat Seat() { return {Instant(), Id(), Text(), Text()}; }
  Member MemberSettings() {
    Member member;
    member.member_id = Id();
    member.email = Text();
    member.display_name = Text();
    member.tier_id = Text();
    member.role = Any(MemberRole::kPrimaryOwner, MemberRole::kMember);
    member.status = Any(AccountStatus::kActive, AccountStatus::kRemoved);
    member.time_zone = Text();
    member.selection_generation = Int();
    member.unseated = Bool();
    member.settings_version = Int();
    member.pending_seat = Maybe([this] { return Seat(); });
    return member;
  }
  Member AnyMember() {
    Member member = MemberSettings();
    member.limit = Maybe([this] { return Limit(); });
    member.windows = Many([this] { return Counter(); });
    member.month = Month();
    member.tier_spends = Many([this] { return TierSpend{Text(), Sum()}; });
    member.held_included = Sum();
    member.held_extra = Sum();
    if (Bool()) member.confirmed_until = Instant();
    if (Bool()) member.crossing_noticed_until = Instant();
    if (Bool()) {
      member.requests = MemberRequests{Maybe([this] { return Request(); }), Int(),
                                       Bool() ? Instant() : absl::InfinitePast(), Text()};
    }
    member.period_limits = PeriodLimits();
    member.recent = Recent();
    member.hour = AnyPeriod();
    member.tier_recent = Many([this] { return TierRecentSpend{Text(), Sum(), Sum()}; });
    member.noticed = Noticed();
    return member;
  }
  LimitKey AnyLimitKey() {
    return {Any(Scope::kOrganization, Scope::kModel), Id(),
            Any(PeriodKind::kMonth, PeriodKind::kHour)};
  }
  IncreaseRequest Request() {
    const IncreaseKind kind = Any(IncreaseKind::kExtraUsage, IncreaseKind::kHigherSeat);
    return {static_cast<int64_t>(Below(1'000'000)) + 1,
            Id(),
            kind,
            kind == IncreaseKind::kHigherLimit ? std::optional(AnyLimitKey()) : std::nullopt,
            Maybe([this] { return Money(); }),
            Text(),
            Text(),
            Text(),
            Text(),
            Instant(),
            Any(IncreaseState::kPending, IncreaseState::kSuperseded),
            Bool() ? Instant() : absl::InfinitePast(),
            Text(),
            Text(),
            Maybe([this] { return Money(); }),
            Bool() ? Instant() : absl::InfiniteFuture()};
  }
  EpisodeAnswerKind AnswerKind() {
    return Any(EpisodeAnswerKind::kWaitingForReset, EpisodeAnswerKind::kNote);
  }
  Boxed<EpisodeAnswer> Answer() {
    if (Bool()) return {};
    return EpisodeAnswer{AnswerKind(), Text(), Instant(), Text()};
  }
  WalletHeader Header() {
    WalletHeader header;
    header.organization_id = Id();
    header.revision = static_cast<int64_t>(Below(1'000'000)) + 1;
    if (Bool()) header.last_entry_at = Instant();
    header.created_at = Instant();
    header.settings_version = Int();
    header.settings = Settings();
    header.pending_settings = Maybe([this] { return Pending(); });
    header.extra_enabled = Bool();
    header.audience = Any(ExtraUsageAudience::kEveryone, ExtraUsageAudience::kSelected);
    header.selection_generation = Int();
    header.selected_count = Int();
    header.limit = Maybe([this] { return Limit(); });
    header.tiers = Many([this] {
      return TierState{Text(),   Int(),         Month(), Sum(), Maybe([this] { return Limit(); }),
                       Recent(), PeriodLimits()};
    });
    header.period_limits = PeriodLimits();
    header.named_scopes = Many([this] { return Named(); });
    for (const NamedScope& named : header.named_scopes) {
      header.named_limit_count += static_cast<int64_t>(named.limits.size());
    }
    header.raises = Many([this] { return PendingRaise{Instant(), AnyScope(), Text(), Period()}; });
    header.noticed = Noticed();
    header.funding = Maybe([this] { return Any(Funding::kPrepaid, Funding::kPostpaid); });
    header.recent = Recent();
    header.member_count = Int();
    header.owner_count = Int();
    header.primary_owner_id = Text();
    header.month = Month();
    header.pool_windows = Many([this] { return Counter(); });
    header.held_extra = Sum();
    header.held_included = Sum();
    header.open_hold_count = Int();
    if (Bool()) header.next_hold_expiry = Instant();
    header.grants = Many([this] {
      return CreditGrant{Int(),   Any(CreditKind::kPurchase, CreditKind::kAdjustment), Money(),
                         Money(), Bool() ? Instant() : absl::InfiniteFuture(),         Instant(),
                         Text()};
    });
    header.overdraft = Sum();
    header.episode = Maybe([this] { return Episode{Int(), Instant(), Bool(), Answer()}; });
    header.burn.hours = Many([this] { return BurnCounters::Bucket{Int(), Sum()}; });
    header.burn.days = Many([this] { return BurnCounters::Bucket{Int(), Sum()}; });
    header.pending_seats = Many([this] { return Seat(); });
    header.open_request_count = Int();
    header.totals = {Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum()};
    header.open_payments = Many([this] { return AnyPayment(true); });
    if (Bool()) header.reload = Reload();
    header.low_balance_armed = Bool();
    header.channels = Channels();
    header.channels_version = Int();
    if (Bool()) header.next_digest = Instant();
    if (Bool()) header.statement.period = AnyWindow();
    header.statement.totals = Totals();
    header.statement.opening_balance = Sum();
    header.statement.opening_overdraft = Sum();
    header.statement.finalized_sequence = Int();
    if (Bool()) header.statement.finalized_until = Instant();
    return header;
  }
  StatementTotals Totals() {
    return {Int(), Sum(), Sum(), Sum(), Int(), Sum(), Sum(), Sum(), Sum(), Sum(),
            Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum(), Sum()};
  }

  NotificationChannels Channels() {
    NotificationChannels channels;
    channels.mail_enabled = Bool();
    channels.mail_events = Many([this] { return Text(); });
    channels.webhooks = Many([this] {
      return WebhookTarget{Id(),
                           Text(),
                           Bool(),
                           Many([this] { return Text(); }),
                           Int(),
                           Int(),
                           Bool() ? Instant() : absl::InfinitePast()};
    });
    return channels;
  }
  std::vector<FieldChange> Changes() {
    return Many([this] { return FieldChange{Text(), Text(), Text()}; });
  }
  Usage Meters() {
    Usage usage = {Int(), Int(), Int(), Int(), Int(), Int(), {}, Text(), Text()};
    usage.other_meters = Many([this] { return OtherMeter{Text(), Int()}; });
    return usage;
  }
  // Half of what fits, so that two of them do.
  Nanos Positive() { return Nanos(std::abs(Int() / 4)); }
  Hold AnyHold(bool named) {
    return {named ? static_cast<int64_t>(Below(1'000'000)) + 1 : 0,
            Id(),
            Text(),
            Text(),
            Text(),
            Text(),
            Text(),
            named ? Id() : "",
            Positive(),
            Bool(),
            Positive(),
            Bool(),
            named ? Instant() : absl::Time(),
            Instant()};
  }
  GrantDraw AnyDraw() { return {Int(), Money(), Bool() ? Instant() : absl::InfiniteFuture()}; }
  ChargeFacts Facts() {
    return {Id(),      Text(),  Text(),  Text(),  Text(),
            Instant(), Money(), Money(), Money(), Many([this] { return AnyDraw(); }),
            Money(),   Bool()};
  }
  Reversal AnyReversal() {
    return {static_cast<int64_t>(Below(1'000'000)) + 1, Facts(), Money(), Money(), Money()};
  }
  EndedHold AnyEndedHold() {
    EndedHold hold = {
        static_cast<int64_t>(Below(1'000'000)) + 1, Id(),      Text(), Text(), Text(), Text(),
        Any(HoldEnd::kSettled, HoldEnd::kCaptured), Instant(), {}};
    if (hold.end == HoldEnd::kCaptured) hold.capture = AnyReversal();
    return hold;
  }
  std::vector<std::pair<std::string, std::string>> Labels() {
    return Many([this] { return std::make_pair(Text(), Text()); });
  }
  UsageCharged Charge() {
    UsageCharged body;
    body.member_id = Text();
    body.tier_id = Text();
    body.surface = Text();
    body.provider = Text();
    body.model = Text();
    body.usage = Maybe([this] { return Meters(); });
    body.occurred_at = Instant();
    body.cost = Money();
    body.included = Money();
    body.extra = Money();
    body.metered = Money();
    body.overshoot = Money();
    body.grant_draws = Many([this] { return AnyDraw(); });
    body.overdraft = Money();
    body.price_card = Text();
    body.price_fallback = Bool();
    body.unadmitted = Bool();
    body.unseated = Bool();
    body.admission_id = Text();
    body.admission_status = Any(AdmissionStatus::kNone, AdmissionStatus::kForeign);
    body.parent_session_id = Text();
    body.labels = Labels();
    body.overshoot_kind = Any(OvershootKind::kNone, OvershootKind::kPolicy);
    body.hold_sequence = Int();
    body.hold_ends = Bool();
    body.released_included = Money();
    body.released_extra = Money();
    body.captured = Bool();
    body.of_pool = Bool();
    return body;
  }
  EntryBody RequestBody(size_t index) {
    switch (index) {
      case 19:
        return IncreaseRequested{Request()};
      case 20:
        return IncreaseDecided{Int(),
                               Id(),
                               Any(IncreaseKind::kExtraUsage, IncreaseKind::kHigherSeat),
                               Any(IncreaseState::kPending, IncreaseState::kSuperseded),
                               Text(),
                               Maybe([this] { return Money(); }),
                               Bool() ? Instant() : absl::InfiniteFuture()};
      case 21:
        return MemberSelected{Text()};
      default:
        return EpisodeAnswered{Int(), AnswerKind(), Text()};
    }
  }
  // The same for bodies about payments.
  EntryBody MoneyBody(size_t index) {
    switch (index) {
      case 27:
        return PaymentRequested{AnyPayment(false), Bool() ? AnyWindow() : Window(),
                                Bool() ? Instant() : absl::InfinitePast()};
      case 28:
        return PaymentSent{Int()};
      case 29:
        return PaymentFinished{Int(),
                               Any(PaymentKind::kPurchase, PaymentKind::kReload),
                               Any(PaymentState::kRequested, PaymentState::kCancelled),
                               Money(),
                               Bool(),
                               Text(),
                               Text(),
                               Text(),
                               Any(ReloadPause::kNone, ReloadPause::kChargeback),
                               Int(),
                               Bool() ? Instant() : absl::InfinitePast()};
      case 30:
        return AutoReloadUpdated{ReloadSettings(), Bool(), Bool(), Changes()};
      case 31:
        return ChargedBack{Int(),   Money(), Many([this] { return AnyDraw(); }),
                           Money(), Money(), Any(ReloadPause::kNone, ReloadPause::kChargeback),
                           Text()};
      case 32:
        return LowBalanceNoticed{Money(), Sum()};
      case 33:
        return NotificationChannelsSet{Channels(), Changes()};
      case 34:
        return DigestScheduled{Bool() ? Instant() : absl::InfiniteFuture(), Int(), Bool()};
      case 35:
        return StatementOpened{AnyWindow()};
      default:
        return StatementFinalized{AnyWindow(), Int(), Totals(), Sum(), Sum(), Sum(), Sum()};
    }
  }
  // One of those about limits and plans.
  EntryBody LimitBody(size_t index) {
    switch (index) {
      case 23:
        return PeriodsOpened{Maybe([this] { return AnyWindow(); }),
                             Maybe([this] { return AnyWindow(); }), Sum(), Sum()};
      case 24:
        return ThresholdNoticed{AnyScope(), Text(),      Text(),
                                Period(),   AnyWindow(), static_cast<int>(Below(101)),
                                Money(),    Int(),       Text()};
      case 25:
        return LimitRaiseExpired{AnyScope(), Text(), Period(), Changes()};
      default:
        return PlanChanged{Text(), Any(Funding::kPrepaid, Funding::kPostpaid), Sum(), Changes()};
    }
  }
  // A body of that kind.
  EntryBody Body(size_t index) {
    switch (index) {
      case 0:
        return OrganizationCreated{Text(), Settings()};
      case 1:
        return OrganizationUpdated{Settings(), Maybe([this] { return Pending(); }), Changes()};
      case 2:
        return MemberUpserted{MemberSettings(), Bool(), Bool(), Changes()};
      case 3:
        return ExtraUsageUpdated{Bool(),
                                 Any(ExtraUsageAudience::kEveryone, ExtraUsageAudience::kSelected),
                                 Int(), Many([this] { return Text(); }), Changes()};
      case 4:
        return SpendLimitSet{AnyScope(), Text(), Limit(), Changes(), Period()};
      case 5:
        return CreditGranted{Any(CreditKind::kPurchase, CreditKind::kAdjustment),
                             Money(),
                             Bool() ? Instant() : absl::InfiniteFuture(),
                             Text(),
                             Money(),
                             Int(),
                             Int()};
      case 6:
        return CreditExpired{Int(), Money()};
      case 7:
        return WindowOpened{Any(Scope::kOrganization, Scope::kMember), Text(),
                            Any(WindowKind::kMonth, WindowKind::kFiveHours), AnyWindow(), Sum()};
      case 8:
        return MonthOpened{Any(Scope::kOrganization, Scope::kMember), Text(), AnyWindow(), Month()};
      case 9:
        return Charge();
      case 10:
        return EpisodeOpened{Bool(), Text(), Text()};
      case 11:
        return EpisodeEnded{Int(), Text()};
      case 13:
        return HoldPlaced{AnyHold(false), Labels()};
      case 14:
        return HoldExtended{Int(), Text(), Instant()};
      case 15:
        return HoldEnded{Int(), Text(), Any(HoldEnd::kReleased, HoldEnd::kExpired), Money(),
                         Money()};
      case 16:
        return EntryReversed{
            Int(),   Int(),
            Facts(), Money(),
            Money(), Money(),
            Bool(),  Bool(),
            Bool(),  Bool(),
            Bool(),  Many([this] {
                               return Any(WindowKind::kMonth, WindowKind::kFiveHours); }),
            Text()};
      case 17:
        return ExtraUsageConfirmed{Text(), AnyWindow()};
      case 18:
        return CrossingNoticed{Text(), Text(), AnyWindow()};
      case 12:
        return PendingChangeApplied{Maybe([this] { return Pending(); }),
                                    Maybe([this] { return Seat(); })};
      default:
        if (index < 23) return RequestBody(index);
        return index < 27 ? LimitBody(index) : MoneyBody(index);
    }
  }
  std::string RequestId() {
    switch (Below(4)) {
      case 0:
        return "";
      case 1:
        return "0195e7c2-7c1a-7b3e-9f00-0123456789ab";
      case 2:
        return "0195E7C2-7c1a-7b3e-9f00-0123456789ab";  // A UUID that is not in lower case.
      default:
        return Text();
    }
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace bursar
