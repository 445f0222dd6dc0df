// What `bursar top` shows: wallets as rows, what happens in them below, and how it looks in a
// window of a size. No terminal and no network in here.
//
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "bursar/v1/journal.pb.h"
#include "bursar/v1/wallet.pb.h"

namespace bursar::cli {

// Whether an organization's people can work, as far as that is the same for all of them.
struct WalletHealth {
  enum class State { kOut = 0, kLow = 1, kOk = 2 };
  State state = State::kOk;
  // Why it is not ok, in a few words: "balance used up", "empty in 5h".
  std::string reason;
};

// Out: suspended, the pool ran out, or something organization-wide alone would deny. Low: less than
// a tenth of the balance, a limit or the pool is left, or it is used up within a day at the rate of
// the last one (rule S1).
WalletHealth HealthOf(const v1::GetWalletResponse& wallet);

// Whether an entry is worth a line: everything but ordinary charges, holds, windows and months.
bool IsNews(const v1::JournalEntry& entry);

// How the rows are sorted; the order in which `s` goes through them.
enum class TopColumn { kSpend, kLastHour, kLastDay, kBalance, kHeld, kEmptyIn, kState, kName };
constexpr int kTopColumns = 8;

// A line of the screen.
struct TopLine {
  enum class Style { kPlain, kHeading, kSelected, kAlarm };
  std::string text;
  Style style = Style::kPlain;
};

// See the head of the file.
class TopView {
 public:
  // From now on these organizations are shown, and no others.
  void SetOrganizations(const std::vector<std::string>& ids);
  // An organization's wallet as it is now.
  void SetWallet(const v1::GetWalletResponse& wallet);
  // The organization cannot be read, and why; its last state stays.
  void SetProblem(const std::string& organization, const std::string& problem);
  // Something happened in an organization's wallet; the newest 200 are kept.
  void AddEntry(const std::string& organization, const v1::JournalEntry& entry);
  // Words for the last line, for example that the server cannot be reached.
  void SetNote(const std::string& note) { note_ = note; }
  // How many of the organizations are watched.
  void SetWatched(size_t count) { watched_ = count; }

  // What keys do: up and down select, enter and escape open and close the details, s sorts.
  void Select(int step);
  void ToggleDetails() { details_ = !details_ && !rows_.empty(); }
  void CloseDetails() { details_ = false; }
  void SortByNext();

  // The organizations on a screen of that height, top row first, at most `count`.
  std::vector<std::string> Shown(size_t height, size_t count) const;
  // Exactly `height` lines of at most `width` characters.
  std::vector<TopLine> Frame(size_t width, size_t height) const;
  // The table and the news without a screen, every row.
  std::string Text() const;
  // One line of JSON for each organization: {"organization": …, "state": …, "wallet": …}.
  std::string JsonLines() const;

 private:
  struct Row {
    std::string id;
    bool has_wallet = false;
    v1::GetWalletResponse wallet;
    WalletHealth health;
    std::string problem;
  };
  struct News {
    std::string line;
    bool is_alarm = false;
  };

  std::vector<const Row*> Sorted() const;
  size_t SelectedIndex(const std::vector<const Row*>& rows) const;
  size_t RowsThatFit(size_t height) const;
  std::vector<std::string> TableLines(const std::vector<const Row*>& rows) const;
  void AppendDetails(const Row& row, std::vector<TopLine>* lines) const;
  std::string Summary() const;

  std::map<std::string, Row> rows_;
  std::deque<News> news_;  // Oldest first.
  std::string selected_;
  TopColumn sort_ = TopColumn::kSpend;
  bool details_ = false;
  size_t watched_ = 0;
  std::string note_;
};

// One line of JSON for an entry: {"organization": …, "entry": …}.
std::string EntryAsJsonLine(const std::string& organization, const v1::JournalEntry& entry);

}  // namespace bursar::cli
