#include "client/cli/top_view.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

constexpr size_t kMaxNews = 200;
// Lines above the rows: summary, blank, headings; and below them: blank, the heading of the news,
// the keys.
constexpr size_t kLinesAbove = 3;
constexpr size_t kLinesBelow = 3;
constexpr size_t kLeastNews = 3;

constexpr const char* kTitles[kTopColumns] = {"SPEND, MONTH", "1 H",      "24 H",  "BALANCE",
                                              "HELD",         "EMPTY IN", "STATE", "ORGANIZATION"};

absl::int128 SpendOf(const v1::GetWalletResponse& wallet) {
  return NanosOf(wallet.month_to_date()) + NanosOf(wallet.included_month_to_date());
}

// Until the wallet is empty, by the server's own clock; nothing where it will not be.
std::optional<absl::Duration> TimeToEmpty(const v1::GetWalletResponse& wallet) {
  if (!wallet.burn_rate().has_projected_exhaustion_time()) return std::nullopt;
  const absl::Duration left = FromProto(wallet.burn_rate().projected_exhaustion_time()) -
                              FromProto(wallet.position().as_of());
  return std::max(left, absl::ZeroDuration());
}

std::string SpanInWords(absl::Duration span) {
  if (span < absl::Minutes(1)) return "now";
  if (span < absl::Hours(1)) return absl::StrCat(absl::ToInt64Minutes(span), "m");
  if (span < absl::Hours(48)) {
    return absl::StrCat(absl::ToInt64Hours(span), "h", absl::ToInt64Minutes(span % absl::Hours(1)),
                        "m");
  }
  return absl::StrCat(absl::ToInt64Hours(span) / 24, "d");
}

const char* StateWord(WalletHealth::State state) {
  switch (state) {
    case WalletHealth::State::kOut:
      return "out";
    case WalletHealth::State::kLow:
      return "low";
    case WalletHealth::State::kOk:
      break;
  }
  return "ok";
}

// Text cut to a width in characters.
std::string Cut(const std::string& text, size_t width) {
  if (WidthOf(text) <= width) return text;
  size_t end = 0, characters = 0;
  while (end < text.size() && characters < width) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) >> 6) == 2) ++end;
    ++characters;
  }
  return text.substr(0, end);
}

// What terminals would obey is shown as a question mark.
std::string WithoutControls(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string JsonOf(const google::protobuf::Message& message) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text).ok()) return "null";
  return text;
}

}  // namespace

WalletHealth HealthOf(const v1::GetWalletResponse& wallet) {
  using State = WalletHealth::State;
  if (wallet.organization().status() != v1::ACCOUNT_STATUS_ACTIVE) {
    return {State::kOut, Spaced(Word(wallet.organization().status()))};
  }
  for (const v1::Evaluation& one : wallet.evaluations()) {
    if (one.blocking()) return {State::kOut, SourceInWords(one) + " used up"};
  }
  if (wallet.exhausted_episode_open()) return {State::kOut, "the pool ran out"};
  for (const v1::Evaluation& one : wallet.evaluations()) {
    if (!one.has_limit() || !one.has_remaining()) continue;
    const absl::int128 limit = NanosOf(one.limit());
    const absl::int128 remaining = NanosOf(one.remaining());
    if (limit > 0 && remaining * 10 < limit) {
      return {State::kLow, absl::StrCat(SourceInWords(one), " ",
                                        static_cast<int64_t>(remaining * 100 / limit), " % left")};
    }
  }
  const std::optional<absl::Duration> left = TimeToEmpty(wallet);
  if (left && *left < absl::Hours(24)) return {State::kLow, "empty in " + SpanInWords(*left)};
  return {};
}

bool IsNews(const v1::JournalEntry& entry) {
  switch (entry.kind()) {
    case v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED:
      return entry.unadmitted() || entry.price_fallback() || NanosOf(entry.overshoot()) != 0;
    case v1::JOURNAL_ENTRY_KIND_HOLD_PLACED:
    case v1::JOURNAL_ENTRY_KIND_HOLD_EXTENDED:
    case v1::JOURNAL_ENTRY_KIND_HOLD_ENDED:
    case v1::JOURNAL_ENTRY_KIND_WINDOW_OPENED:
    case v1::JOURNAL_ENTRY_KIND_PERIOD_OPENED:
      return false;
    default:
      return true;
  }
}

void TopView::SetOrganizations(const std::vector<std::string>& ids) {
  std::map<std::string, Row> rows;
  for (const std::string& id : ids) {
    rows[id].id = id;
    if (const auto known = rows_.find(id); known != rows_.end()) rows[id] = known->second;
  }
  rows_ = std::move(rows);
}

void TopView::SetWallet(const v1::GetWalletResponse& wallet) {
  const auto row = rows_.find(wallet.organization().organization_id());
  if (row == rows_.end()) return;
  row->second.has_wallet = true;
  row->second.wallet = wallet;
  row->second.health = HealthOf(wallet);
  row->second.problem.clear();
}

void TopView::SetProblem(const std::string& organization, const std::string& problem) {
  const auto row = rows_.find(organization);
  if (row != rows_.end()) row->second.problem = problem;
}

void TopView::AddEntry(const std::string& organization, const v1::JournalEntry& entry) {
  if (!IsNews(entry)) return;
  std::vector<std::string> words = {
      absl::FormatTime("%H:%M:%S", FromProto(entry.record_time()), absl::UTCTimeZone()),
      organization, Spaced(Word(entry.kind()))};
  if (!entry.member_id().empty()) words.push_back(entry.member_id());
  if (entry.has_amount()) words.push_back(FormatMoney(entry.amount()));
  if (!entry.actor().empty()) words.push_back("by " + entry.actor());
  if (std::string text = EntryInWords(entry); !text.empty()) words.push_back(std::move(text));
  const bool is_alarm = entry.kind() == v1::JOURNAL_ENTRY_KIND_EPISODE_OPENED;
  news_.push_back({WithoutControls(absl::StrJoin(words, "  ")), is_alarm});
  if (news_.size() > kMaxNews) news_.pop_front();
}

void TopView::Select(int step) {
  const std::vector<const Row*> rows = Sorted();
  if (rows.empty()) return;
  const auto last = static_cast<int64_t>(rows.size()) - 1;
  const int64_t index =
      std::clamp<int64_t>(static_cast<int64_t>(SelectedIndex(rows)) + step, 0, last);
  selected_ = rows[static_cast<size_t>(index)]->id;
}

void TopView::SortByNext() {
  sort_ = static_cast<TopColumn>((static_cast<int>(sort_) + 1) % kTopColumns);
}

std::vector<const TopView::Row*> TopView::Sorted() const {
  std::vector<const Row*> rows;
  for (const auto& [id, row] : rows_) rows.push_back(&row);
  // Rows without a wallet come last; those that are alike by name.
  const auto key = [this](const Row* row) -> absl::int128 {
    const v1::GetWalletResponse& wallet = row->wallet;
    switch (sort_) {
      case TopColumn::kSpend:
        return -SpendOf(wallet);
      case TopColumn::kLastHour:
        return -NanosOf(wallet.burn_rate().last_hour());
      case TopColumn::kLastDay:
        return -NanosOf(wallet.burn_rate().last_day());
      case TopColumn::kBalance:
        return wallet.has_balance() ? NanosOf(wallet.balance()) : absl::Int128Max();
      case TopColumn::kHeld:
        return -NanosOf(wallet.held()) - NanosOf(wallet.held_included());
      case TopColumn::kEmptyIn: {
        const std::optional<absl::Duration> left = TimeToEmpty(wallet);
        return left ? absl::int128(absl::ToInt64Seconds(*left)) : absl::Int128Max();
      }
      case TopColumn::kState:
        return static_cast<int>(row->health.state);
      case TopColumn::kName:
        break;
    }
    return 0;
  };
  std::stable_sort(rows.begin(), rows.end(), [&key](const Row* a, const Row* b) {
    return std::tuple(!a->has_wallet, key(a)) < std::tuple(!b->has_wallet, key(b));
  });
  return rows;
}

size_t TopView::SelectedIndex(const std::vector<const Row*>& rows) const {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i]->id == selected_) return i;
  }
  return 0;
}

size_t TopView::RowsThatFit(size_t height) const {
  const size_t others = kLinesAbove + kLinesBelow + kLeastNews;
  return height > others + 1 ? height - others : 1;
}

std::vector<std::string> TopView::Shown(size_t height, size_t count) const {
  const std::vector<const Row*> rows = Sorted();
  const size_t fit = RowsThatFit(height);
  const size_t selected = SelectedIndex(rows);
  const size_t first = selected >= fit ? selected - fit + 1 : 0;
  std::vector<std::string> ids;
  for (size_t i = first; i < rows.size() && i < first + fit && ids.size() < count; ++i) {
    ids.push_back(rows[i]->id);
  }
  return ids;
}

std::vector<std::string> TopView::TableLines(const std::vector<const Row*>& rows) const {
  std::vector<Column> columns = {{kTitles[static_cast<int>(TopColumn::kName)]}};
  for (int i = 0; i < static_cast<int>(TopColumn::kName); ++i) {
    const bool is_state = i == static_cast<int>(TopColumn::kState);
    columns.push_back({kTitles[i], is_state ? Align::kLeft : Align::kRight});
  }
  columns[sort_ == TopColumn::kName ? 0 : static_cast<size_t>(sort_) + 1].title += "*";
  Table table(columns);
  for (const Row* row : rows) {
    if (!row->has_wallet) {
      table.Add({row->id, "-", "-", "-", "-", "-", "-",
                 WithoutControls(row->problem.empty() ? "…" : row->problem)});
      continue;
    }
    const v1::GetWalletResponse& wallet = row->wallet;
    const std::string& currency = wallet.organization().currency_code();
    const std::optional<absl::Duration> left = TimeToEmpty(wallet);
    std::string state = StateWord(row->health.state);
    if (!row->health.reason.empty()) absl::StrAppend(&state, ": ", row->health.reason);
    if (!row->problem.empty()) absl::StrAppend(&state, " (stale: ", row->problem, ")");
    table.Add({row->id, FormatCents(SpendOf(wallet), currency),
               FormatCents(NanosOf(wallet.burn_rate().last_hour()), currency),
               FormatCents(NanosOf(wallet.burn_rate().last_day()), currency),
               wallet.has_balance() ? FormatCents(NanosOf(wallet.balance()), currency) : "-",
               FormatCents(NanosOf(wallet.held()) + NanosOf(wallet.held_included()), currency),
               left ? SpanInWords(*left) : "-", WithoutControls(state)});
  }
  std::vector<std::string> lines = absl::StrSplit(table.Text(), '\n');
  lines.pop_back();  // Behind the last line's end.
  return lines;
}

std::string TopView::Summary() const {
  size_t out = 0, low = 0;
  absl::Time newest = absl::InfinitePast();
  for (const auto& [id, row] : rows_) {
    if (!row.has_wallet) continue;
    out += row.health.state == WalletHealth::State::kOut;
    low += row.health.state == WalletHealth::State::kLow;
    newest = std::max(newest, FromProto(row.wallet.position().as_of()));
  }
  return absl::StrCat("bursar top  ", newest == absl::InfinitePast() ? "-" : FormatInstant(newest),
                      "  ", rows_.size(),
                      rows_.size() == 1 ? " organization, " : " organizations, ", out, " out, ",
                      low, " low, ", watched_, " watched");
}

void TopView::AppendDetails(const Row& row, std::vector<TopLine>* lines) const {
  std::ostringstream text;
  const v1::GetWalletResponse& wallet = row.wallet;
  text << row.id << "  " << wallet.organization().display_name() << "  plan "
       << wallet.organization().plan() << "  " << Word(wallet.funding()) << "  revision "
       << wallet.position().revision() << "\n";
  text << "included, month " << FormatMoney(wallet.included_month_to_date()) << "   extra, month "
       << FormatMoney(wallet.month_to_date()) << "   7 d "
       << FormatMoney(wallet.burn_rate().last_week()) << " an hour   open requests "
       << wallet.open_request_count() << "\n\n";
  PrintEvaluations(wallet.evaluations(), text);
  for (const auto& line : absl::StrSplit(text.str(), '\n')) {
    lines->push_back({WithoutControls(std::string(line))});
  }
}

std::vector<TopLine> TopView::Frame(size_t width, size_t height) const {
  using Style = TopLine::Style;
  std::vector<TopLine> lines = {{Summary(), Style::kHeading}, {}};
  const std::vector<const Row*> rows = Sorted();
  if (details_ && !rows.empty()) {
    AppendDetails(*rows[SelectedIndex(rows)], &lines);
  } else {
    const std::vector<std::string> table = TableLines(rows);
    const size_t fit = RowsThatFit(height);
    const size_t selected = SelectedIndex(rows);
    const size_t first = selected >= fit ? selected - fit + 1 : 0;
    lines.push_back({table[0], Style::kHeading});
    for (size_t i = first; i < rows.size() && i < first + fit; ++i) {
      const bool is_out = rows[i]->health.state == WalletHealth::State::kOut;
      lines.push_back({table[i + 1], i == selected ? Style::kSelected
                                     : is_out      ? Style::kAlarm
                                                   : Style::kPlain});
    }
  }
  lines.push_back({});
  lines.push_back({"WHAT HAPPENS", Style::kHeading});
  const size_t room = height > lines.size() + 1 ? height - lines.size() - 1 : 0;
  const size_t skip = news_.size() > room ? news_.size() - room : 0;
  for (size_t i = skip; i < news_.size(); ++i) {
    lines.push_back({news_[i].line, news_[i].is_alarm ? Style::kAlarm : Style::kPlain});
  }
  lines.resize(height > 0 ? height - 1 : 0);
  if (height > 0) {
    lines.push_back({note_.empty() ? "q quit   s sort   up/down select   enter details" : note_,
                     note_.empty() ? Style::kPlain : Style::kAlarm});
  }
  for (TopLine& line : lines) line.text = Cut(line.text, width);
  return lines;
}

std::string TopView::Text() const {
  std::string text =
      absl::StrCat(Summary(), "\n\n", absl::StrJoin(TableLines(Sorted()), "\n"), "\n");
  if (!news_.empty()) absl::StrAppend(&text, "\n");
  for (const News& one : news_) absl::StrAppend(&text, one.line, "\n");
  return text;
}

std::string TopView::JsonLines() const {
  std::string text;
  for (const Row* row : Sorted()) {
    nlohmann::ordered_json line;
    line["organization"] = row->id;
    if (!row->problem.empty()) line["problem"] = row->problem;
    if (row->has_wallet) {
      line["state"] = StateWord(row->health.state);
      line["reason"] = row->health.reason;
      line["wallet"] = nlohmann::ordered_json::parse(JsonOf(row->wallet), nullptr, false);
    }
    absl::StrAppend(&text, line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                    "\n");
  }
  return text;
}

std::string EntryAsJsonLine(const std::string& organization, const v1::JournalEntry& entry) {
  nlohmann::ordered_json line;
  line["organization"] = organization;
  line["entry"] = nlohmann::ordered_json::parse(JsonOf(entry), nullptr, false);
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace bursar::cli
