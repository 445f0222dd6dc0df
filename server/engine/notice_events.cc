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
  static const Roles admins = {kPrimaryOwner, kOwner, kAdmin};
  static const auto* const table = new std::vector<NoticeEvent>{
      {NoticeKind::kExhausted, "extra_usage.exhausted", "Your workspace has run out of extra usage",
       "extra_usage_exhausted", money, false, true},
      {NoticeKind::kResolved, "extra_usage.resolved", "Your workspace has extra usage again",
       "extra_usage_resolved", money},
      {NoticeKind::kCrossed, "extra_usage.crossed",
       "A member of your workspace went into extra usage", "extra_usage_crossed", admins},
      {NoticeKind{10}, "limit.threshold_reached", "Your workspace reached a spend threshold",
       "generic", money, true},
      {NoticeKind{11}, "limit.runaway", "Spending in your workspace is unusually fast", "generic",
       admins, true},
      {NoticeKind{20}, "request.created", "A member of your workspace asks for more", "generic",
       admins},
      {NoticeKind{21}, "request.decided", "Your request was decided", "generic", Roles{}, true},
      {NoticeKind{30}, "payment.requested", "A payment is requested", "generic", Roles{}},
      {NoticeKind{31}, "payment.succeeded", "Credit was added to your workspace", "generic", money},
      {NoticeKind{32}, "payment.failed", "A payment for your workspace failed", "generic", money},
      {NoticeKind{33}, "payment.paused", "Auto-reload of your workspace is paused", "generic",
       money},
      {NoticeKind{34}, "balance.low", "The balance of your workspace is low", "generic", money},
      {NoticeKind::kSettingsChanged, kSettingsChangedEvent,
       "Settings of your workspace were changed", "settings_changed", owners},
      {NoticeKind::kRequestsDigest, "request.digest", "Requests wait for your decision",
       "request_digest", admins},
      {NoticeKind::kTest, "notice.test", "A test of your notifications", "notice_test", owners,
       false, false, true},
  };
  return *table;
}

std::string EpisodeSentence(const StoredNotice& notice) {
  return absl::StrCat(
      notice.organization_name,
      notice.balance ? " has used up its prepaid balance" : " has reached its spend limit",
      notice.member_id.empty() ? "" : absl::StrCat("; the first to meet it was ", notice.member_id),
      ".");
}

std::string Who(const StoredNotice& notice) {
  if (!notice.member_id.empty()) return notice.member_id;
  const NoticeFact* caller = notice.FindFact("caller");
  return caller == nullptr ? "an operator" : absl::StrCat("the service ", caller->text);
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

std::string SummaryOf(const StoredNotice& notice) {
  const std::string& name = notice.organization_name;
  switch (notice.Kind()) {
    case NoticeKind::kExhausted:
      return EpisodeSentence(notice);
    case NoticeKind::kResolved:
      return absl::StrCat(name, " can use extra usage again.");
    case NoticeKind::kCrossed:
      return absl::StrCat(notice.member_id, " has used up its included usage at ", name,
                          " and goes on at API prices.");
    case NoticeKind::kSettingsChanged:
      return absl::StrCat(notice.changes.size() == 1 ? "A setting" : "Settings", " of ", name,
                          notice.changes.size() == 1 ? " was" : " were", " changed by ",
                          Who(notice), ".");
    case NoticeKind::kRequestsDigest: {
      const NoticeFact* count = notice.FindFact("outstanding");
      const int64_t outstanding = count == nullptr ? 0 : count->number;
      return absl::StrCat(outstanding, outstanding == 1 ? " request" : " requests",
                          " of members of ", name, outstanding == 1 ? " waits" : " wait",
                          " for a decision.");
    }
    case NoticeKind::kTest:
      return absl::StrCat("This is a test of the notifications of ", name,
                          "; there is nothing to do.");
    default:
      break;
  }
  // Whoever adds a kind may say its sentence itself.
  if (const NoticeFact* summary = notice.FindFact("summary"); summary != nullptr) {
    return summary->text;
  }
  return absl::StrCat(EventOf(notice.Kind()).subject, ": ", name, ".");
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
