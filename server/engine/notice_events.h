// What each kind of notice is called, whom it is for, its subject and its one sentence. A new kind
// is one row here, its sentence in notice_words.cc, and where `generic` does not do one file of
// text in server/notify/texts.
//
// Thread rule: pure functions over a constant table.
//
// Source: rules N3, N4 and Q4 (docs/rules.md); docs/notices.md lists the same events.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/engine/notice.h"
#include "server/ledger/state.h"

namespace bursar {

struct NoticeEvent {
  NoticeKind kind{};
  const char* name;  // "extra_usage.exhausted": what filters and webhooks call it. Never changed.
  const char* subject;            // Of the mail, where SubjectOf knows no better.
  const char* text;               // The file of its text, without extension.
  std::vector<MemberRole> roles;  // Who is mailed; nobody: webhooks only.
  // Whether the member that it is about is mailed too.
  bool tells_member = false;
  bool shows_shares = false;  // Whether what drew the wallet down belongs to it.
  bool ignores_filters =
      false;  // Whether it goes to every channel that is on, whatever its filters.
  // Whether it goes only where a filter names it: a target for every event is not meant.
  bool needs_subscription = false;
};

// The row of that kind. A kind that this program does not know has a row that all of them share:
// "notice.other".
const NoticeEvent& EventOf(NoticeKind kind);
// The whole table, without the row of unknown kinds; for documentation and tests.
const std::vector<NoticeEvent>& AllNoticeEvents();

// The subject of its mail.
std::string SubjectOf(const StoredNotice& notice);
// What happened, in one sentence.
std::string SummaryOf(const StoredNotice& notice);

// A fact as people read it: amounts with their currency, instants in the zone of the notice.
std::string FactText(const StoredNotice& notice, const NoticeFact& fact);
// The fact of that name as text; empty where it has none.
std::string FactText(const StoredNotice& notice, std::string_view name);

}  // namespace bursar
