#include "server/engine/increase_notices.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/engine/scoped_id.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/limits.h"
#include "server/ledger/settings_text.h"

namespace bursar {
namespace {

// As filters of other systems know it.
const char* KindWord(IncreaseKind kind) {
  switch (kind) {
    case IncreaseKind::kExtraUsage:
      return "extra_usage";
    case IncreaseKind::kHigherLimit:
      return "higher_limit";
    case IncreaseKind::kHigherSeat:
      return "higher_seat";
  }
  return "more";
}

// The request, open or decided by the entry; null where it is not in memory.
const IncreaseRequest* Find(const Wallet& wallet, int64_t sequence) {
  const auto found = wallet.requests.find(sequence);
  return found == wallet.requests.end() ? nullptr : &found->second;
}

void AddRequest(const IncreaseRequest& request, const Wallet& wallet,
                const DecisionContext& context, StoredNotice& notice) {
  notice.facts.push_back(
      WordsFact("asks_for", AskedWords(request, wallet.header.settings.currency_code)));
  if (request.limit.has_value()) {
    notice.facts.push_back(WordsFact("scope", std::string(ScopeWord(request.limit->scope))));
    if (!request.limit->scope_id.empty()) {
      notice.facts.push_back(WordsFact("scope_id", request.limit->scope_id));
    }
    notice.facts.push_back(WordsFact("period", std::string(PeriodWord(request.limit->period))));
    const auto line = FindLimit(wallet, *request.limit, context);
    if (line.has_value() && line->limit.AmountAt(context.now).has_value()) {
      notice.facts.push_back(MoneyFact("present_limit", *line->limit.AmountAt(context.now)));
    }
  }
  if (request.asked_amount.has_value()) {
    notice.facts.push_back(MoneyFact("amount", *request.asked_amount));
  }
  if (!request.asked_tier_id.empty()) {
    notice.facts.push_back(WordsFact("seat_tier", request.asked_tier_id));
  }
  if (!request.surface.empty()) notice.facts.push_back(WordsFact("surface", request.surface));
  if (!request.model.empty()) notice.facts.push_back(WordsFact("model", request.model));
  if (!request.reason.empty()) notice.facts.push_back(WordsFact("reason", request.reason));
}

void AddDecision(const IncreaseDecided& decided, StoredNotice& notice) {
  notice.facts.push_back(WordsFact("state", std::string(IncreaseStateWord(decided.state))));
  if (decided.granted_amount.has_value()) {
    const bool granted = decided.state == IncreaseState::kApproved;
    notice.facts.push_back(
        MoneyFact(granted ? "granted" : "would_be_granted", *decided.granted_amount));
    if (decided.granted_until != absl::InfiniteFuture()) {
      notice.facts.push_back(TimeFact("until", decided.granted_until));
    }
  }
  if (!decided.note.empty()) notice.facts.push_back(WordsFact("note", decided.note));
}

}  // namespace

std::string_view IncreaseKindWords(IncreaseKind kind) {
  switch (kind) {
    case IncreaseKind::kExtraUsage:
      return "extra usage";
    case IncreaseKind::kHigherLimit:
      return "a higher limit";
    case IncreaseKind::kHigherSeat:
      return "a higher seat";
  }
  return "more";
}

std::string AskedWords(const IncreaseRequest& request, std::string_view currency_code) {
  std::string words(IncreaseKindWords(request.kind));
  if (request.limit.has_value()) {
    words = absl::StrCat("a higher ", ToAbsl(OftenWord(request.limit->period)), "limit");
  }
  if (request.asked_amount.has_value()) {
    absl::StrAppend(&words, " of ", FormatAmount(*request.asked_amount), " ",
                    ToAbsl(currency_code));
  }
  if (request.limit.has_value() && request.limit->scope != Scope::kMember) {
    absl::StrAppend(&words, " for ", ScopeWords(request.limit->scope, request.limit->scope_id));
  }
  if (!request.asked_tier_id.empty()) absl::StrAppend(&words, ", ", request.asked_tier_id);
  return words;
}

bool OwesIncreaseNotice(const EntryBody& body) {
  if (const auto* decided = std::get_if<IncreaseDecided>(&body)) {
    return decided->state != IncreaseState::kCancelled;
  }
  return std::holds_alternative<IncreaseRequested>(body);
}

void DescribeIncrease(std::string_view epoch, const Wallet& wallet, const Entry& entry,
                      const DecisionContext& context, StoredNotice& notice) {
  int64_t sequence = entry.sequence;
  IncreaseKind kind{};
  const auto* decided = std::get_if<IncreaseDecided>(&entry.body);
  if (decided != nullptr) {
    sequence = decided->request_sequence;
    kind = decided->kind;
    notice.member_id = decided->member_id;
    notice.kind =
        IsOpen(decided->state) ? NoticeKind::kIncreaseEscalated : NoticeKind::kIncreaseDecided;
  } else {
    const IncreaseRequest& request = std::get<IncreaseRequested>(entry.body).request;
    kind = request.kind;
    notice.member_id = request.member_id;
    notice.kind = NoticeKind::kIncreaseRequested;
  }
  notice.facts.push_back(
      WordsFact("request_id", IncreaseRequestId(epoch, wallet.header.organization_id, sequence)));
  notice.facts.push_back(WordsFact("kind", KindWord(kind)));
  notice.facts.push_back(WordsFact("kind_words", std::string(IncreaseKindWords(kind))));
  if (const IncreaseRequest* request = Find(wallet, sequence); request != nullptr) {
    AddRequest(*request, wallet, context, notice);
  }
  if (decided != nullptr) AddDecision(*decided, notice);
}

}  // namespace bursar
