// The words of notices: subjects and sentences.
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/engine/notice_events.h"

namespace bursar {
namespace {

// What somebody wrote, in one line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return text;
}

bool Is(const StoredNotice& notice, std::string_view name, std::string_view words) {
  const NoticeFact* fact = notice.FindFact(name);
  return fact != nullptr && fact->text == words;
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

// ---- Requests for more ------------------------------------------------------------------------

// "a higher limit".
std::string KindWords(const StoredNotice& notice) {
  const std::string words = FactText(notice, "kind_words");
  return words.empty() ? "more" : words;
}

// "a higher limit of 50.00 USD".
std::string AskedFor(const StoredNotice& notice) {
  const std::string words = FactText(notice, "asks_for");
  return words.empty() ? KindWords(notice) : words;
}

// Ends a sentence with what somebody wrote, or with nothing but a point.
std::string Said(const StoredNotice& notice, std::string_view name) {
  const std::string words = OneLine(FactText(notice, name));
  return words.empty() ? "." : absl::StrCat(": ", words);
}

std::string IncreaseSubject(const StoredNotice& notice) {
  switch (notice.kind) {
    case NoticeKind::kIncreaseRequested:
      return absl::StrCat(notice.member_id, " asks for ", KindWords(notice));
    case NoticeKind::kIncreaseEscalated:
      return absl::StrCat("A request for ", KindWords(notice), " needs an owner");
    default:
      break;
  }
  return absl::StrCat("Your request for ", KindWords(notice), " ",
                      Is(notice, "state", "denied")     ? "was declined"
                      : Is(notice, "state", "approved") ? "was approved"
                                                        : "is settled");
}

std::string IncreaseSentence(const StoredNotice& notice) {
  const std::string& organization = notice.organization_name;
  switch (notice.kind) {
    case NoticeKind::kIncreaseRequested:
      return absl::StrCat(notice.member_id, " asks for ", AskedFor(notice), " at ", organization,
                          Said(notice, "reason"));
    case NoticeKind::kIncreaseEscalated: {
      const std::string would_be = FactText(notice, "would_be_granted");
      return absl::StrCat(
          "An admin of ", organization, " would give ", notice.member_id, " ",
          would_be.empty() ? AskedFor(notice) : absl::StrCat(KindWords(notice), " of ", would_be),
          ", which takes an owner", Said(notice, "note"));
    }
    default:
      break;
  }
  const std::string granted = FactText(notice, "granted");
  const std::string outcome =
      Is(notice, "state", "approved")
          ? absl::StrCat("was approved", granted.empty() ? "" : absl::StrCat(" with ", granted))
      : Is(notice, "state", "denied") ? "was declined"
                                      : "is settled: an administrator has given you more";
  return absl::StrCat("Your request for ", AskedFor(notice), " at ", organization, " ", outcome,
                      Said(notice, "note"));
}

std::string DigestSentence(const StoredNotice& notice) {
  const NoticeFact* count = notice.FindFact("outstanding");
  const int64_t outstanding = count == nullptr ? 0 : count->number;
  return absl::StrCat(outstanding, outstanding == 1 ? " request" : " requests", " of members of ",
                      notice.organization_name, outstanding == 1 ? " waits" : " wait",
                      " for a decision.");
}

// ---- Limits -----------------------------------------------------------------------------------

std::string LimitSentence(const StoredNotice& notice) {
  const std::string amount =
      absl::StrCat(FactText(notice, "limit"), " ", FactText(notice, "per_period"));
  const std::string until = FactText(notice, "until");
  if (notice.kind == NoticeKind::kRunaway) {
    return absl::StrCat(notice.member_id, " at ", notice.organization_name,
                        " has spent its limit of ", amount, " and is paused until ", until, ".");
  }
  const std::string whose = FactText(notice, "limit_of");
  return absl::StrCat(notice.member_id.empty() ? whose : absl::StrCat("member ", notice.member_id),
                      " at ", notice.organization_name, " has used ", FactText(notice, "percent"),
                      " % of the spend limit of ", whose, ", ", amount, ", which starts anew on ",
                      until, ".");
}

// ---- Payments ---------------------------------------------------------------------------------

bool IsReload(const StoredNotice& notice) { return Is(notice, "kind", "reload"); }

// "reload of 25.00 USD".
std::string What(const StoredNotice& notice) {
  return absl::StrCat(IsReload(notice) ? "reload of " : "purchase of ", FactText(notice, "amount"));
}

// " (card_declined: The card was declined.)", or nothing.
std::string Because(const StoredNotice& notice) {
  const std::string code = OneLine(FactText(notice, "code"));
  const std::string message = OneLine(FactText(notice, "message"));
  if (code.empty() && message.empty()) return "";
  return absl::StrCat(" (", code, code.empty() || message.empty() ? "" : ": ", message, ")");
}

std::string PaymentSentence(const StoredNotice& notice) {
  const std::string& organization = notice.organization_name;
  const std::string what = What(notice);
  switch (notice.kind) {
    case NoticeKind::kPaymentRequested:
      return absl::StrCat("The payment system is asked for a ", what, " for ", organization, ".");
    case NoticeKind::kPaymentSucceeded:
      return absl::StrCat("The ", what, " for ", organization, " succeeded and can be used.");
    case NoticeKind::kPaymentFailed:
      return absl::StrCat("The ", what, " for ", organization, " failed", Because(notice), ".",
                          IsReload(notice) ? " It is tried again after a while." : "");
    case NoticeKind::kPaymentLost:
      return absl::StrCat("The payment system did not answer the ", what, " for ", organization,
                          " in time. Should it succeed after all, it is credited.");
    case NoticeKind::kPaymentCancelled:
      return absl::StrCat("The ", what, " for ", organization,
                          " was withdrawn before the payment system was asked.");
    case NoticeKind::kReloadPaused:
      return absl::StrCat(
          "The ", what, " for ", organization, " failed", Because(notice),
          ", as others before it. Auto-reload is paused until an owner resumes it.");
    case NoticeKind::kChargedBack:
      return absl::StrCat(FactText(notice, "amount"), " of a payment of ", organization,
                          " was taken back", Because(notice), ". The credit is gone with it",
                          FactText(notice, "pause").empty()
                              ? "."
                              : ", and auto-reload is paused until an owner resumes it.");
    default:
      break;
  }
  return absl::StrCat(organization, " has ", FactText(notice, "balance"), " left; you are told at ",
                      FactText(notice, "threshold"), ".");
}

}  // namespace

std::string SubjectOf(const StoredNotice& notice) {
  switch (notice.kind) {
    case NoticeKind::kIncreaseRequested:
    case NoticeKind::kIncreaseEscalated:
    case NoticeKind::kIncreaseDecided:
      return IncreaseSubject(notice);
    case NoticeKind::kThreshold:
      return absl::StrCat(FactText(notice, "percent"),
                          " % of a spend limit of your workspace is used");
    case NoticeKind::kPaymentSucceeded:
      return IsReload(notice) ? "Your workspace's balance was reloaded"
                              : "Your workspace bought credit";
    default:
      return EventOf(notice.kind).subject;
  }
}

std::string SummaryOf(const StoredNotice& notice) {
  const std::string& name = notice.organization_name;
  switch (notice.kind) {
    case NoticeKind::kExhausted:
      return EpisodeSentence(notice);
    case NoticeKind::kResolved:
      return absl::StrCat(name, " can use extra usage again.");
    case NoticeKind::kCrossed:
      return absl::StrCat(notice.member_id, " has used up its included usage at ", name,
                          " and goes on at API prices.");
    case NoticeKind::kThreshold:
    case NoticeKind::kRunaway:
      return LimitSentence(notice);
    case NoticeKind::kIncreaseRequested:
    case NoticeKind::kIncreaseEscalated:
    case NoticeKind::kIncreaseDecided:
      return IncreaseSentence(notice);
    case NoticeKind::kPaymentRequested:
    case NoticeKind::kPaymentSucceeded:
    case NoticeKind::kPaymentFailed:
    case NoticeKind::kReloadPaused:
    case NoticeKind::kLowBalance:
    case NoticeKind::kPaymentLost:
    case NoticeKind::kPaymentCancelled:
    case NoticeKind::kChargedBack:
      return PaymentSentence(notice);
    case NoticeKind::kSettingsChanged:
      return absl::StrCat(notice.changes.size() == 1 ? "A setting" : "Settings", " of ", name,
                          notice.changes.size() == 1 ? " was" : " were", " changed by ",
                          Who(notice), ".");
    case NoticeKind::kRequestsDigest:
      return DigestSentence(notice);
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
  return absl::StrCat(SubjectOf(notice), ": ", name, ".");
}

}  // namespace bursar
