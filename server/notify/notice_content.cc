#include "server/notify/notice_content.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/base/check.h"
#include "server/base/strings.h"
#include "server/engine/notice_events.h"
#include "server/notify/notice_texts.h"
#include "server/notify/text_template.h"

namespace bursar {
namespace {

constexpr std::string_view kButtonPrefix = "button: ";
constexpr std::string_view kStepPrefix = "* ";

// ---- Mail -------------------------------------------------------------------------------------

// Facts that a text says by itself, or that are no figures.
bool IsHiddenFigure(const std::string& name) {
  static const char* const kHidden[] = {
      "currency_code", "plan",    "time_zone",   "settings_url", "summary",  "caller",
      "reason",        "cause",   "outstanding", "period_start", "kind",     "kind_words",
      "asks_for",      "state",   "note",        "request_id",   "code",     "message",
      "pause",         "attempt", "scope",       "scope_id",     "limit_of", "period",
      "per_period",    "percent"};
  return std::any_of(std::begin(kHidden), std::end(kHidden),
                     [&](const char* hidden) { return name == hidden; });
}

std::string FigureLabel(const std::string& name) {
  static const std::pair<const char*, const char*> kLabels[] = {{"spent", "Spent this month"},
                                                                {"limit", "Spend limit"},
                                                                {"present_limit", "Its limit now"},
                                                                {"period_end", "The month ends"},
                                                                {"until", "Until"},
                                                                {"payment_id", "Payment"},
                                                                {"times_out_at", "Awaited until"},
                                                                {"threshold", "You are told at"},
                                                                {"surface", "Where it was"}};
  for (const auto& [known, label] : kLabels) {
    if (name == known) return label;
  }
  std::string label = absl::StrReplaceAll(name, {{"_", " "}});
  if (!label.empty() && label[0] >= 'a' && label[0] <= 'z') label[0] += 'A' - 'a';
  return label;
}

bool ShowsFigures(NoticeKind kind) {
  return kind != NoticeKind::kSettingsChanged && kind != NoticeKind::kTest &&
         kind != NoticeKind::kRequestsDigest;
}

void AddFigures(const StoredNotice& notice, TemplateData& data) {
  std::vector<TemplateData>& figures = data.lists["figures"];
  if (!ShowsFigures(notice.kind)) return;
  for (const NoticeFact& fact : notice.facts) {
    if (IsHiddenFigure(fact.name)) continue;
    TemplateData& figure = figures.emplace_back();
    figure.texts["label"] = FigureLabel(fact.name);
    figure.texts["value"] = FactText(notice, fact);
  }
}

void AddWaiting(const StoredNotice& notice, TemplateData& data) {
  std::vector<TemplateData>& rows = data.lists["waiting"];
  if (!notice.delivery.has_value()) return;
  for (const WaitingRequest& request : notice.delivery->waiting) {
    TemplateData& row = rows.emplace_back();
    row.texts["member"] = request.member_id;
    row.texts["asks_for"] = request.asks_for;
    row.texts["reason"] = request.reason;
    row.texts["since"] = FactText(notice, TimeFact("since", request.asked_at));
  }
  if (notice.delivery->more_waiting > 0) {
    data.texts["more_waiting"] = absl::StrCat(notice.delivery->more_waiting);
  }
}

void AddShares(const StoredNotice& notice, TemplateData& data) {
  std::vector<TemplateData>& surfaces = data.lists["surfaces"];
  std::vector<TemplateData>& members = data.lists["members"];
  if (!notice.delivery.has_value()) return;
  const std::string currency = FactText(notice, "currency_code");
  for (const UsageShare& share : notice.delivery->shares) {
    TemplateData& row = (share.is_member ? members : surfaces).emplace_back();
    row.texts["name"] = share.name;
    row.texts["now"] = absl::StrCat(share.now, " ", currency);
    row.texts["before"] = absl::StrCat(share.before, " ", currency);
    row.texts["now_percent"] = absl::StrCat(share.now_percent);
    row.texts["before_percent"] = absl::StrCat(share.before_percent);
  }
}

// Sorts a rendered text into its button, its paragraphs and its steps.
void AddText(const std::string& rendered, TemplateData& data) {
  std::vector<TemplateData>& paragraphs = data.lists["paragraphs"];
  std::vector<TemplateData>& steps = data.lists["steps"];
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (paragraph.empty()) return;
    paragraphs.emplace_back().texts["text"] = std::exchange(paragraph, "");
  };
  for (const absl::string_view piece : absl::StrSplit(rendered, '\n')) {
    const std::string_view line = ToStd(piece);
    if (absl::StartsWith(piece, ToAbsl(kButtonPrefix)) && paragraphs.empty() && paragraph.empty()) {
      data.texts["button"] = std::string(line.substr(kButtonPrefix.size()));
    } else if (absl::StartsWith(piece, ToAbsl(kStepPrefix))) {
      end_paragraph();
      steps.emplace_back().texts["text"] = std::string(line.substr(kStepPrefix.size()));
    } else if (line.empty()) {
      end_paragraph();
    } else {
      absl::StrAppend(&paragraph, paragraph.empty() ? "" : " ", piece);
    }
  }
  end_paragraph();
}

TemplateData DataOf(const NoticeName& name, const StoredNotice& notice, const NoticeEvent& event) {
  TemplateData data;
  for (const NoticeFact& fact : notice.facts) data.texts[fact.name] = FactText(notice, fact);
  data.texts["summary"] = SummaryOf(notice);
  data.texts["subject"] = SubjectOf(notice);
  data.texts["because"] = event.roles.empty() ? "request" : "role";
  data.texts["organization"] = notice.organization_name;
  data.texts["notice_id"] = name.notice_id;
  if (notice.balance) data.texts["balance_reason"] = "yes";
  const std::string& url = data.texts["settings_url"];
  // Nothing but a link may stand in a link's place.
  if (!absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) {
    data.texts.erase("settings_url");
  }
  for (const FieldChange& change : notice.changes) {
    TemplateData& row = data.lists["changes"].emplace_back();
    row.texts["field"] = absl::StrReplaceAll(change.field, {{"_", " "}});
    row.texts["before"] = change.before.empty() ? "-" : change.before;
    row.texts["after"] = change.after.empty() ? "-" : change.after;
  }
  AddFigures(notice, data);
  AddWaiting(notice, data);
  AddShares(notice, data);
  const std::string_view text = NoticeText(absl::StrCat(event.text, ".txt"));
  BURSAR_CHECK(!text.empty());
  AddText(RenderTemplate(text, data, Escaping::kNone), data);
  for (const char* list : {"changes", "figures", "waiting", "surfaces", "members", "steps"}) {
    if (!data.lists[list].empty()) data.texts[absl::StrCat("has_", list)] = "yes";
  }
  return data;
}

// ---- JSON -------------------------------------------------------------------------------------

// One JSON object as it grows.
class JsonObject {
 public:
  // `json` is a value as it is to stand there.
  JsonObject& Add(const std::string& key, const std::string& json) {
    absl::StrAppend(&text_, text_.empty() ? "" : ",", JsonString(key), ":", json);
    return *this;
  }
  JsonObject& AddText(const std::string& key, const std::string& text) {
    return Add(key, JsonString(text));
  }
  std::string Close() const { return absl::StrCat("{", text_, "}"); }

 private:
  std::string text_;
};

std::string JsonArray(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) {
    absl::StrAppend(&text, text.size() > 1 ? "," : "", item);
  }
  return text + "]";
}

std::string JsonMoney(const std::string& amount, const std::string& currency_code) {
  return JsonObject().AddText("amount", amount).AddText("currency_code", currency_code).Close();
}

std::string JsonTime(absl::Time time) {
  return JsonString(absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone()));
}

std::string JsonFact(const NoticeFact& fact, const std::string& currency_code) {
  switch (fact.kind) {
    case FactKind::kWords:
      return JsonString(fact.text);
    case FactKind::kMoney:
      return JsonMoney(fact.text, currency_code);
    case FactKind::kTime:
      return JsonTime(absl::FromUnixNanos(fact.number));
    case FactKind::kCount:
      return absl::StrCat(fact.number);
    case FactKind::kSwitch:
      return fact.number != 0 ? "true" : "false";
  }
  return "null";
}

std::string JsonShares(const Delivery& delivery, bool members, const std::string& currency_code) {
  std::vector<std::string> items;
  for (const UsageShare& share : delivery.shares) {
    if (share.is_member != members) continue;
    items.push_back(JsonObject()
                        .AddText("name", share.name)
                        .Add("now", JsonMoney(share.now, currency_code))
                        .Add("before", JsonMoney(share.before, currency_code))
                        .Add("now_percent", absl::StrCat(share.now_percent))
                        .Add("before_percent", absl::StrCat(share.before_percent))
                        .Close());
  }
  return JsonArray(items);
}

std::string JsonWaiting(const Delivery& delivery) {
  std::vector<std::string> items;
  for (const WaitingRequest& request : delivery.waiting) {
    items.push_back(JsonObject()
                        .AddText("member_id", request.member_id)
                        .AddText("asks_for", request.asks_for)
                        .AddText("reason", request.reason)
                        .Add("since", JsonTime(request.asked_at))
                        .Close());
  }
  return JsonArray(items);
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(c));
      json += code;
    } else {
      json += c;
    }
  }
  return json + "\"";
}

MailContent RenderMail(const NoticeName& name, const StoredNotice& notice) {
  const NoticeEvent& event = EventOf(notice.kind);
  const TemplateData data = DataOf(name, notice, event);
  return {SubjectOf(notice), RenderTemplate(NoticeText("layout.txt"), data, Escaping::kNone),
          RenderTemplate(NoticeText("layout.html"), data, Escaping::kHtml)};
}

std::string RenderWebhook(const NoticeName& name, const StoredNotice& notice) {
  const NoticeEvent& event = EventOf(notice.kind);
  const std::string currency_code = FactText(notice, "currency_code");
  JsonObject data;
  data.AddText("organization_id", name.organization_id)
      .AddText("organization_name", notice.organization_name)
      .AddText("subject", SubjectOf(notice))
      .AddText("summary", SummaryOf(notice));
  if (!notice.member_id.empty()) data.AddText("member_id", notice.member_id);
  if (notice.sequence != 0) data.Add("sequence", absl::StrCat(notice.sequence));
  JsonObject facts;
  for (const NoticeFact& fact : notice.facts) facts.Add(fact.name, JsonFact(fact, currency_code));
  data.Add("facts", facts.Close());
  if (!notice.changes.empty()) {
    std::vector<std::string> changes;
    for (const FieldChange& change : notice.changes) {
      changes.push_back(JsonObject()
                            .AddText("field", change.field)
                            .AddText("before", change.before)
                            .AddText("after", change.after)
                            .Close());
    }
    data.Add("changes", JsonArray(changes));
  }
  if (notice.kind == NoticeKind::kRequestsDigest && notice.delivery.has_value()) {
    data.Add("waiting", JsonWaiting(*notice.delivery));
    data.Add("more_waiting", absl::StrCat(notice.delivery->more_waiting));
  }
  if (event.shows_shares && notice.delivery.has_value()) {
    data.Add("drawn_by_surface", JsonShares(*notice.delivery, false, currency_code));
    data.Add("drawn_by_member", JsonShares(*notice.delivery, true, currency_code));
  }
  return JsonObject()
      .AddText("type", event.name)
      .AddText("id", name.notice_id)
      .Add("timestamp", JsonTime(notice.created_at))
      .Add("data", data.Close())
      .Close();
}

}  // namespace bursar
