// Random verdicts, delays, spending and settings against a naive account of what auto-reload may
// and must do.
//
// BURSAR_TEST_SEED replays a run; a failure prints the seed, the wallet and the step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/ledger/payment_fixture.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

constexpr int kWallets = 60;
constexpr int kSteps = 250;

// One payment as a bookkeeper with a pencil would note it.
struct Note {
  bool reload = false;
  int64_t amount = 0;
  absl::Time requested_at;
  absl::Time times_out_at;
  std::string word = "open";  // open, succeeded, failed, lost, cancelled
  bool sent = false;
  int credits = 0;
  int64_t charged_back = 0;
};

// What the wallet should have done, from what was asked and nothing else.
class Bookkeeper {
 public:
  std::map<int64_t, Note> notes;
  AutoReloadSettings settings;
  bool paused = false;
  int failures = 0;
  absl::Time not_before = absl::InfinitePast();

  const Note* InFlight() const {
    for (const auto& [sequence, note] : notes) {
      if (note.reload && note.word == "open") return &note;
    }
    return nullptr;
  }
  // Reload money of the UTC month that contains `now`, all that may have moved.
  int64_t MonthMoney(absl::Time now) const {
    int64_t sum = 0;
    for (const auto& [sequence, note] : notes) {
      const bool counts = note.reload && note.word != "failed" && note.word != "cancelled";
      if (counts && MonthOf(note.requested_at) == MonthOf(now)) sum += note.amount;
    }
    return sum;
  }
  int64_t AttemptsOfDay(absl::Time now) const {
    return std::count_if(notes.begin(), notes.end(), [&](const auto& numbered) {
      return numbered.second.reload && DayOf(numbered.second.requested_at) == DayOf(now);
    });
  }
  // Whether policy lets a reload be requested at `now`.
  bool Allows(const WalletHeader& header, absl::Time now) const {
    if (!settings.enabled || paused || InFlight() != nullptr || now < not_before) return false;
    if (AttemptsOfDay(now) >= settings.max_attempts_a_day) return false;
    if (MonthMoney(now) + settings.amount.value > settings.monthly_cap.value) return false;
    if (!header.limit.has_value() || !header.limit->amount.has_value()) return true;
    const Amount spent = header.month.month.Contains(now) ? header.month.extra : Amount();
    return (Amount(*header.limit->amount) - spent - header.held_extra).is_positive();
  }
  void Fail(Note& note, absl::Time at) {
    if (!note.reload) return;
    static const absl::Duration kWaits[] = {absl::Minutes(1), absl::Minutes(5), absl::Minutes(30),
                                            absl::Hours(2)};
    ++failures;
    not_before = std::max(not_before, at + kWaits[std::min(failures, 4) - 1]);
    if (failures >= settings.failures_before_pause) paused = true;
  }
  void LoseOverdue(absl::Time now) {
    for (auto& [sequence, note] : notes) {
      if (note.word != "open" || note.times_out_at > now) continue;
      note.word = "lost";
      Fail(note, note.times_out_at);
    }
  }

 private:
  static absl::CivilMonth MonthOf(absl::Time time) {
    return absl::ToCivilMonth(time, absl::UTCTimeZone());
  }
  static absl::CivilDay DayOf(absl::Time time) {
    return absl::ToCivilDay(time, absl::UTCTimeZone());
  }
};

class Rehearsal {
 public:
  explicit Rehearsal(uint64_t seed) : random_(seed), wallet_("api") {
    wallet_.AddMember("ann");
    if (Below(2) == 0) wallet_.Grant(Dollars(40));
    SetReload();
    ReadEntries();
  }

  void Step() {
    PassTime();
    const int64_t choice = Below(100);
    if (choice < 30) {
      wallet_.Record("ann", Dollars(Below(12)));
    } else if (choice < 38) {
      Hold();
    } else if (choice < 45) {
      Settle();
    } else if (choice < 50) {
      wallet_.Do(PurchaseOf(Dollars(1 + Below(20))));
    } else if (choice < 60) {
      MarkSent();
    } else if (choice < 85) {
      Judge();
    } else if (choice < 90) {
      SetReload();
    } else if (choice < 94) {
      wallet_.LimitOrganization(Below(3) == 0 ? std::nullopt
                                              : std::optional<Nanos>(Dollars(Below(200))));
    } else {
      TakeBack();
    }
    ReadEntries();
    Compare();
  }

 private:
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }

  void PassTime() {
    switch (Below(6)) {
      case 0:
        wallet_.Advance(absl::Hours(Below(200)));
        break;
      case 1:
        wallet_.Advance(absl::Minutes(Below(90)));
        break;
      default:
        wallet_.Advance(absl::Seconds(Below(90)));
    }
    book_.LoseOverdue(wallet_.now());
    wallet_.WriteDues();
    ReadEntries();
  }

  void Hold() {
    const CheckAdmissionOutcome outcome = wallet_.CheckToHold("ann", Dollars(Below(60)));
    if (outcome.hold.has_value()) holds_.push_back(outcome.hold->sequence);
  }

  void Settle() {
    if (holds_.empty()) return;
    const auto place = static_cast<size_t>(Below(static_cast<int64_t>(holds_.size())));
    wallet_.Settle(holds_[place], Dollars(Below(30)));
    holds_.erase(holds_.begin() + static_cast<ptrdiff_t>(place));
  }

  // Any payment, often the newest; null where there is none.
  std::map<int64_t, Note>::iterator AnyNote() {
    if (book_.notes.empty()) return book_.notes.end();
    if (Below(2) == 0) return std::prev(book_.notes.end());
    return std::next(book_.notes.begin(), Below(static_cast<int64_t>(book_.notes.size())));
  }

  void MarkSent() {
    const auto found = AnyNote();
    if (found == book_.notes.end()) return;
    const AdministrationOutcome outcome = wallet_.Do(MarkPaymentSentCommand{found->first});
    const bool leaves = outcome.payment->payment.state == PaymentState::kSent;
    EXPECT_EQ(leaves, found->second.word == "open");
    if (leaves) found->second.sent = true;
  }

  void Judge() {
    const auto found = AnyNote();
    if (found == book_.notes.end()) return;
    Note& note = found->second;
    const bool succeeds = Below(3) != 0;
    const auto outcome =
        wallet_.Administer(succeeds ? Success(found->first) : Failure(found->first));
    EXPECT_EQ(outcome.ok(), succeeds || note.word != "succeeded");
    if (succeeds && note.word != "succeeded") {
      note.word = "succeeded";
      if (note.reload && !book_.paused) book_.failures = 0;
    } else if (!succeeds && note.word == "open") {
      note.word = "failed";
      book_.Fail(note, wallet_.now());
    } else if (!succeeds && note.word == "lost") {
      note.word = "failed";
    }
  }

  void TakeBack() {
    const auto found = AnyNote();
    if (found == book_.notes.end()) return;
    Note& note = found->second;
    const Nanos amount = Dollars(1 + Below(30));
    const auto outcome =
        wallet_.Administer(RecordChargebackCommand{found->first, amount, "", "disputed"});
    const bool fits = note.word == "succeeded" && note.charged_back + amount.value <= note.amount;
    ASSERT_EQ(outcome.ok(), fits);
    if (!fits) return;
    note.charged_back += amount.value;
    if (book_.settings.enabled) book_.paused = true;
  }

  void SetReload() {
    UpdateAutoReloadCommand command = ReloadOf(Dollars(Below(15)), Dollars(1 + Below(30)));
    command.enabled = Below(5) != 0;
    command.monthly_cap = Nanos(command.amount->value * (1 + Below(12)));
    command.cool_down = absl::Seconds(Below(600));
    command.max_attempts_a_day = 1 + Below(8);
    command.failures_before_pause = 1 + Below(4);
    command.resume = Below(2) == 0;
    const bool switches_on = *command.enabled && !book_.settings.enabled;
    if ((command.resume || switches_on) && (book_.paused || book_.failures > 0)) {
      book_.paused = false;
      book_.failures = 0;
      book_.not_before = absl::InfinitePast();
    }
    if (!*command.enabled) {
      for (auto& [sequence, note] : book_.notes) {
        if (note.reload && note.word == "open" && !note.sent) note.word = "cancelled";
      }
    }
    book_.settings = {*command.enabled,
                      *command.threshold,
                      *command.amount,
                      *command.monthly_cap,
                      *command.cool_down,
                      *command.max_attempts_a_day,
                      *command.failures_before_pause};
    wallet_.Do(command);
  }

  // Takes note of requests and credits that the wallet journaled.
  void ReadEntries() {
    const std::vector<Entry>& entries = wallet_.entries();
    for (; read_ < entries.size(); ++read_) {
      const Entry& entry = entries[read_];
      if (const auto* granted = std::get_if<CreditGranted>(&entry.body)) {
        if (granted->payment_sequence != 0) ++book_.notes.at(granted->payment_sequence).credits;
      }
      const auto* requested = std::get_if<PaymentRequested>(&entry.body);
      if (requested == nullptr) continue;
      const Payment& payment = requested->payment;
      const bool reload = payment.kind == PaymentKind::kReload;
      if (reload) {
        EXPECT_TRUE(book_.Allows(wallet_.header(), entry.recorded_at)) << "a reload is requested";
        book_.not_before = entry.recorded_at + book_.settings.cool_down;
      }
      book_.notes[entry.sequence] = {reload, payment.amount.value, entry.recorded_at,
                                     entry.recorded_at + kShippedPaymentTimeout};
    }
  }

  void Compare() {
    const WalletHeader& header = wallet_.header();
    int in_flight = 0;
    for (const auto& [sequence, note] : book_.notes) {
      in_flight += note.reload && note.word == "open" ? 1 : 0;
      EXPECT_EQ(note.credits, note.word == "succeeded" ? 1 : 0) << "payment " << sequence;
      const Payment* payment = wallet_.wallet().FindPayment(sequence);
      ASSERT_NE(payment, nullptr);
      EXPECT_EQ(payment->IsOpen(), note.word == "open") << "payment " << sequence;
      EXPECT_EQ(payment->charged_back.value, note.charged_back);
    }
    EXPECT_LE(in_flight, 1);
    EXPECT_EQ(header.reload.pause != ReloadPause::kNone, book_.paused);
    EXPECT_EQ(header.reload.failures, book_.failures);
    if (header.reload.month.Contains(wallet_.now())) {
      EXPECT_EQ(header.reload.month_money, Nanos(book_.MonthMoney(wallet_.now())));
    }
    const Amount left = header.Balance() - header.overdraft - header.held_extra;
    if (left <= Amount(book_.settings.threshold)) {
      EXPECT_FALSE(book_.Allows(header, wallet_.now())) << "a reload is owed and was not requested";
    }
  }

  std::mt19937_64 random_;
  TestWallet wallet_;
  Bookkeeper book_;
  std::vector<int64_t> holds_;
  size_t read_ = 0;
};

// Rules: X4, X7, T3, J2
TEST(RandomPayments, KeepToPolicyAndAreCreditedOnce) {
  const uint64_t seed = TestSeed();
  for (int i = 0; i < kWallets; ++i) {
    Rehearsal rehearsal(seed + static_cast<uint64_t>(i));
    for (int step = 0; step < kSteps; ++step) {
      SCOPED_TRACE(absl::StrCat("seed ", seed, ", wallet ", i, ", step ", step));
      rehearsal.Step();
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace bursar
