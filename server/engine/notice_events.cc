#include "server/engine/notice_events.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

constexpr MemberRole kPrimaryOwner = MemberRole::kPrimaryOwner;
constexpr MemberRole kOwner = MemberRole::kOwner;
constexpr MemberRole kAdmin = MemberRole::kAdmin;
constexpr MemberRole kBilling = MemberRole::kBilling;

const std::vector<NoticeEvent>& Table() {
  using Roles = std::vector<MemberRole>;
  static const Roles owners = {kPrimaryOwner, kOwner};
  static const Roles money = {kPrimaryOwner, kOwner, kBilling};
  static const Roles managers = {kPrimaryOwner, kOwner, kAdmin, kBilling};
  static const Roles admins = {kPrimaryOwner, kOwner, kAdmin};
  static const auto* const table = new std::vector<NoticeEvent>{
      {NoticeKind::kExhausted, "extra_usage.exhausted", "Your workspace has run out of extra usage",
       "extra_usage_exhausted", money, false, true},
      {NoticeKind::kResolved, "extra_usage.resolved", "Your workspace has extra usage again",
       "extra_usage_resolved", money},
      {NoticeKind::kCrossed, "extra_usage.crossed",
       "A member of your workspace went into extra usage", "extra_usage_crossed", admins},
      {NoticeKind::kThreshold, "limit.threshold_reached",
       "Your workspace reached a spend threshold", "limit_reached", managers, true},
      {NoticeKind::kRunaway, "limit.runaway", "A member of your workspace spends unusually fast",
       "limit_reached", admins, true},
      {NoticeKind::kIncreaseRequested, "request.created",
       "A member of your workspace asks for more", "request_created", admins},
      {NoticeKind::kIncreaseEscalated, "request.escalated", "A request for more needs an owner",
       "request_created", owners},
      {NoticeKind::kIncreaseDecided, "request.decided", "Your request was decided",
       "request_decided", Roles{}, true},
      {NoticeKind::kPaymentRequested, "payment.requested", "A payment is requested", "generic",
       Roles{}, false, false, false, true},
      {NoticeKind::kPaymentSucceeded, "payment.succeeded", "Credit was added to your workspace",
       "generic", money},
      {NoticeKind::kPaymentFailed, "payment.failed", "A payment of your workspace failed",
       "generic", money},
      {NoticeKind::kReloadPaused, "payment.paused", "Auto-reload of your workspace is paused",
       "generic", money},
      {NoticeKind::kLowBalance, "balance.low", "Your workspace's balance is low", "generic", money},
      {NoticeKind::kPaymentLost, "payment.lost", "A payment of your workspace was not answered",
       "generic", money},
      {NoticeKind::kPaymentCancelled, "payment.cancelled",
       "A reload of your workspace was withdrawn", "generic", money},
      {NoticeKind::kChargedBack, "payment.charged_back",
       "A payment of your workspace was charged back", "generic", money},
      {NoticeKind::kSettingsChanged, kSettingsChangedEvent,
       "Settings of your workspace were changed", "settings_changed", owners},
      {NoticeKind::kRequestsDigest, "request.digest", "Requests wait for your decision",
       "request_digest", admins},
      {NoticeKind::kTest, "notice.test", "A test of your notifications", "notice_test", owners,
       false, false, true},
  };
  return *table;
}

}  // namespace

const std::vector<NoticeEvent>& AllNoticeEvents() { return Table(); }

const NoticeEvent& EventOf(NoticeKind kind) {
  static const auto* const other = new NoticeEvent{
      NoticeKind{}, "notice.other", "News of your workspace", "generic", {kPrimaryOwner, kOwner}};
  for (const NoticeEvent& event : Table()) {
    if (event.kind == kind) return event;
  }
  return *other;
}

std::string FactText(const StoredNotice& notice, const NoticeFact& fact) {
  switch (fact.kind) {
    case FactKind::kWords:
      return fact.text;
    case FactKind::kMoney: {
      const NoticeFact* currency = notice.FindFact("currency_code");
      return currency == nullptr ? fact.text : absl::StrCat(fact.text, " ", currency->text);
    }
    case FactKind::kTime: {
      absl::TimeZone zone = absl::UTCTimeZone();
      if (const NoticeFact* named = notice.FindFact("time_zone"); named != nullptr) {
        if (!absl::LoadTimeZone(named->text, &zone)) zone = absl::UTCTimeZone();
      }
      return absl::FormatTime("%A, %d %B %Y, %H:%M %Z", absl::FromUnixNanos(fact.number), zone);
    }
    case FactKind::kCount:
      return absl::StrCat(fact.number);
    case FactKind::kSwitch:
      return fact.number != 0 ? "yes" : "no";
  }
  return "";
}

std::string FactText(const StoredNotice& notice, std::string_view name) {
  const NoticeFact* fact = notice.FindFact(name);
  return fact == nullptr ? std::string() : FactText(notice, *fact);
}

}  // namespace bursar
