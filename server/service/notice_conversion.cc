#include "server/service/notice_conversion.h"

#include <optional>

#include "server/base/strings.h"
#include "server/engine/notice_events.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/limits.h"
#include "server/service/conversion.h"

namespace bursar {
namespace {

// Of the names that `word` gives to values from `first` to `last` the one that is `text`.
template <typename Enum, typename Word>
std::optional<Enum> Named(std::string_view text, Enum first, Enum last, const Word& word) {
  for (int i = static_cast<int>(first); i <= static_cast<int>(last); ++i) {
    if (word(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

std::string_view TextOf(const StoredNotice& notice, std::string_view name) {
  const NoticeFact* fact = notice.FindFact(name);
  return fact == nullptr ? std::string_view() : std::string_view(fact->text);
}

void WriteMoneyFact(const StoredNotice& notice, std::string_view name, v1::Money* proto) {
  const std::optional<Nanos> nanos = ParseNanos(TextOf(notice, name));
  if (nanos.has_value()) WriteMoney(*nanos, std::string(TextOf(notice, "currency_code")), proto);
}

void WriteLimitFacts(const StoredNotice& notice, v1::Notice* proto) {
  const auto scope = Named(TextOf(notice, "scope"), Scope::kOrganization, Scope::kModel, ScopeWord);
  if (scope.has_value()) proto->set_scope(ToProtoEnum<v1::Scope>(*scope));
  proto->set_scope_id(std::string(TextOf(notice, "scope_id")));
  proto->set_member_id(notice.member_id);
  const auto period =
      Named(TextOf(notice, "period"), PeriodKind::kMonth, PeriodKind::kHour, PeriodWord);
  if (period.has_value()) proto->set_period(ToProtoEnum<v1::LimitPeriod>(*period));
  const NoticeFact* percent = notice.FindFact("percent");
  if (percent != nullptr && notice.kind == NoticeKind::kThreshold) {
    proto->set_threshold_percent(static_cast<int32_t>(percent->number));
  }
  WriteMoneyFact(notice, "limit", proto->mutable_limit_amount());
  if (const NoticeFact* until = notice.FindFact("until"); until != nullptr) {
    WriteTimestamp(absl::FromUnixNanos(until->number), proto->mutable_reset_time());
  }
}

// What of a notice's facts has a field of its own.
void WriteNoticeFacts(const StoredNotice& notice, v1::Notice* proto) {
  const NoticeKind kind = notice.kind;
  if (kind == NoticeKind::kThreshold || kind == NoticeKind::kRunaway) {
    return WriteLimitFacts(notice, proto);
  }
  const NoticeFact* id = notice.FindFact("payment_id");
  const bool low_balance = kind == NoticeKind::kLowBalance;
  if (id == nullptr && !low_balance) return;
  if (id != nullptr) proto->set_payment_id(id->text);
  if (const NoticeFact* attempt = notice.FindFact("attempt")) proto->set_attempt(attempt->number);
  WriteMoneyFact(notice, low_balance ? "threshold" : "amount", proto->mutable_amount());
}

}  // namespace

void WriteNotice(const PendingNotice& notice, v1::Notice* proto) {
  WriteNotice(notice.organization_id, notice.notice_id, notice.stored, proto);
}

void WriteNotice(const std::string& organization_id, const std::string& notice_id,
                 const StoredNotice& notice, v1::Notice* proto) {
  const NoticeEvent& event = EventOf(notice.kind);
  proto->set_notice_id(notice_id);
  proto->set_organization_id(organization_id);
  proto->set_kind(static_cast<v1::NoticeKind>(notice.kind));
  WriteTimestamp(notice.created_at, proto->mutable_create_time());
  for (const MemberRole role : event.roles) {
    proto->add_recipients(ToProtoEnum<v1::MemberRole>(role));
  }
  if (event.roles.empty() && event.tells_member) proto->set_recipient_member_id(notice.member_id);
  proto->set_subject(SubjectOf(notice));
  proto->set_summary(SummaryOf(notice));
  proto->set_sequence(notice.sequence);
  WriteNoticeFacts(notice, proto);
}

}  // namespace bursar
