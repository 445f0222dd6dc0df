// The engine under everything at once: calls that are repeated, sent side by side, reordered and
// given up; commits whose result is unknown, written or not; restarts; time that passes. What every
// call was answered and what the journals say must agree with a model that knows nothing of how it
// is done.
//
// Order is the engine's own (it has threads), so a seed repeats the calls and the faults, not every
// interleaving.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/engine/scoped_id.h"
#include "tests/engine/engine_fixture.h"
#include "tests/simulation/naive_pool.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

constexpr uint64_t kOperations = 1'000'000;
constexpr int kOrganizations = 20;
constexpr int kMembers = 6;
constexpr size_t kInFlight = 256;
constexpr int64_t kCent = 10'000'000;
constexpr uint64_t kOperationsPerCrash = 20'000;

// A call that is made, perhaps several times.
struct Call {
  enum Kind { kRecord, kCheck, kHold } kind = kRecord;
  int organization = 0;
  std::string member_id;
  std::string request_id;
  int64_t amount = 0;  // Cost or estimate; -1: none.
  int64_t hold = 0;    // That a record settles.
  bool partial = false;
};

// What a check was told, to be compared with the model at its revision.
struct Answer {
  int64_t revision = 0;
  absl::Time as_of;
  int64_t estimate = 0;
  bool admitted = false;
};

struct Organization {
  std::string id;
  std::map<std::string, std::pair<int64_t, int64_t>> acknowledged;  // Sequence and cost by id.
  std::vector<Answer> answers;
  std::vector<int64_t> holds;    // Placed, for records to settle.
  std::vector<int64_t> charges;  // For refunds to take back.
};

class EngineSimulation : public EngineTest {
 protected:
  void SetUpOrganizations() {
    for (int i = 0; i < kOrganizations; ++i) {
      Organization& one = organizations_.emplace_back();
      one.id = absl::StrCat("org-", i);
      CreateOrganization(one.id, "metered");
      for (int m = 0; m < kMembers; ++m) AddMember(one.id, absl::StrCat("member-", m));
    }
  }
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  void Step();
  void Submit(const Call& call);
  void SubmitRecord(const Call& call);
  void SubmitCheck(const Call& call);
  // Grants, refunds and releases, which wait.
  void AdministerOne(Organization& organization);
  void Crash();
  void AwaitAtMost(size_t in_flight);
  void Finished(const Call& call, bool failed);
  void Recorded(const Call& call, const absl::StatusOr<RecordReply>& reply);
  void Checked(const Call& call, const absl::StatusOr<CheckReply>& reply);
  void Audit(Organization& organization);

  std::mt19937_64 random_;
  uint64_t next_id_ = 0;
  std::deque<Call> recent_;  // Those that may be sent again.

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t in_flight_ = 0;
  std::vector<Organization> organizations_;
  std::vector<Call> to_retry_;
  std::vector<std::string> problems_;
  int64_t repeated_ = 0, failed_ = 0, admitted_ = 0, denied_ = 0, crashes_ = 0, compared_ = 0;
};

void EngineSimulation::Finished(const Call& call, bool failed) {
  if (failed) {
    ++failed_;
    if (call.kind != Call::kCheck) to_retry_.push_back(call);
  }
  --in_flight_;
  changed_.notify_all();
}

void EngineSimulation::Recorded(const Call& call, const absl::StatusOr<RecordReply>& reply) {
  std::lock_guard lock(mutex_);
  if (!reply.ok()) return Finished(call, true);
  Organization& organization = organizations_[static_cast<size_t>(call.organization)];
  const auto answer = std::make_pair(reply->sequence, reply->charge.cost.value);
  auto [first, is_first] = organization.acknowledged.try_emplace(call.request_id, answer);
  if (first->second != answer) {
    problems_.push_back(absl::StrCat(call.request_id, " was acknowledged as entry ",
                                     first->second.first, " and as entry ", answer.first));
  }
  if (is_first) organization.charges.push_back(reply->sequence);
  repeated_ += is_first ? 0 : 1;
  Finished(call, false);
}

void EngineSimulation::Checked(const Call& call, const absl::StatusOr<CheckReply>& reply) {
  std::lock_guard lock(mutex_);
  if (!reply.ok()) return Finished(call, true);
  Organization& organization = organizations_[static_cast<size_t>(call.organization)];
  ++(reply->outcome.admitted ? admitted_ : denied_);
  if (reply->outcome.hold.has_value()) {
    organization.holds.push_back(reply->outcome.hold->sequence);
  } else if (!reply->replayed) {
    organization.answers.push_back({reply->position.revision, reply->position.as_of,
                                    std::max<int64_t>(call.amount, 1), reply->outcome.admitted});
  }
  Finished(call, false);
}

void EngineSimulation::SubmitRecord(const Call& call) {
  const Organization& organization = organizations_[static_cast<size_t>(call.organization)];
  RecordConsumptionCommand command = MakeRecord(call.member_id, Nanos(call.amount));
  if (call.hold != 0) {
    command.member_id.clear();
    command.surface.clear();
    command.model.clear();
    command.provider.clear();
    command.admission_id = AdmissionId(engine().epoch(), organization.id, call.hold);
    command.admission = {AdmissionName::kNamed, call.hold};
    command.partial = call.partial;
  }
  engine().RecordConsumption(
      organization.id, std::move(command), {call.request_id, "content"}, {"", "frontend"},
      [this, call](absl::StatusOr<RecordReply> reply) { Recorded(call, reply); });
}

void EngineSimulation::SubmitCheck(const Call& call) {
  CheckAdmissionCommand command;
  command.member_id = call.member_id;
  command.surface = "chat";
  command.model = "model-a";
  if (call.amount >= 0) command.estimate = Nanos(call.amount);
  Idempotency idempotency;
  if (call.kind == Call::kHold) {
    command.mode = AdmissionMode::kHold;
    idempotency = {call.request_id, "content"};
  }
  engine().CheckAdmission(organizations_[static_cast<size_t>(call.organization)].id,
                          std::move(command), std::move(idempotency), {"", "frontend"},
                          [this, call](absl::StatusOr<CheckReply> reply) { Checked(call, reply); });
}

void EngineSimulation::AwaitAtMost(size_t in_flight) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return in_flight_ <= in_flight; });
}

void EngineSimulation::Submit(const Call& call) {
  AwaitAtMost(kInFlight);
  {
    std::lock_guard lock(mutex_);
    ++in_flight_;
  }
  call.kind == Call::kRecord ? SubmitRecord(call) : SubmitCheck(call);
}

void EngineSimulation::AdministerOne(Organization& organization) {
  const std::string request_id = absl::StrCat("admin-", ++next_id_);
  AdministrationCommand command;
  {
    std::lock_guard lock(mutex_);
    if (OneIn(3) && !organization.charges.empty()) {
      ReverseEntryCommand refund;
      refund.sequence = organization.charges[Below(organization.charges.size())];
      if (OneIn(2)) refund.amount = Nanos(1 + static_cast<int64_t>(Below(kCent)));
      command = refund;
    } else if (OneIn(3) && !organization.holds.empty()) {
      command = ReleaseAdmissionCommand{organization.holds[Below(organization.holds.size())]};
    } else {
      GrantCreditCommand grant;
      grant.kind = CreditKind::kPromotion;
      grant.amount = Nanos(static_cast<int64_t>(1 + Below(2000)) * kCent);
      command = grant;
    }
  }
  // Refused or not, once or twice: the second time must change nothing more.
  for (int i = OneIn(4) ? 2 : 1; i > 0; --i) {
    static_cast<void>(Administer(organization.id, command, request_id).ok());
  }
}

void EngineSimulation::Step() {
  if (OneIn(50)) clock_.Advance(absl::Milliseconds(Below(3000)));
  if (OneIn(20'000)) clock_.Advance(absl::Minutes(11));  // Holds expire.
  const int organization = static_cast<int>(Below(kOrganizations));
  if (OneIn(25)) return AdministerOne(organizations_[static_cast<size_t>(organization)]);
  if (OneIn(8) && !recent_.empty()) return Submit(recent_[Below(recent_.size())]);
  Call call;
  {
    std::lock_guard lock(mutex_);
    if (!to_retry_.empty() && OneIn(3)) {
      const size_t chosen = Below(to_retry_.size());
      std::swap(to_retry_[chosen], to_retry_.back());
      call = to_retry_.back();
      to_retry_.pop_back();
    }
  }
  if (!call.request_id.empty()) return Submit(call);
  call.organization = organization;
  call.member_id = absl::StrCat("member-", Below(kMembers));
  call.request_id = absl::StrCat("call-", ++next_id_);
  const uint64_t drawn = Below(100);
  if (drawn < 20) {
    call.kind = Call::kCheck;
    call.amount = OneIn(2) ? -1 : static_cast<int64_t>(Below(500)) * kCent;
  } else if (drawn < 40) {
    call.kind = Call::kHold;
    call.amount = static_cast<int64_t>(1 + Below(300)) * kCent;
  } else {
    call.amount = static_cast<int64_t>(Below(120)) * kCent / 3;
    std::lock_guard lock(mutex_);
    std::vector<int64_t>& holds = organizations_[static_cast<size_t>(organization)].holds;
    if (drawn < 65 && !holds.empty()) {
      const size_t chosen = Below(holds.size());
      call.hold = holds[chosen];
      call.partial = OneIn(3);
      if (!call.partial && !OneIn(5)) holds.erase(holds.begin() + static_cast<long>(chosen));
    }
  }
  if (call.kind != Call::kCheck) recent_.push_back(call);
  if (recent_.size() > 500) recent_.pop_front();
  Submit(call);
}

// A commit of unknown result, then a restart: what was not acknowledged is sent again.
void EngineSimulation::Crash() {
  ++crashes_;
  store().FailNextCommit(absl::UnavailableError("the disk is gone"), OneIn(2));
  for (uint64_t i = Below(300); i > 0; --i) Step();
  AwaitAtMost(0);
  // Where nothing was committed since, the fault still waits: it must not outlive this engine.
  for (int i = 0; i < 100 && engine().Health().ok(); ++i) {
    GrantCreditCommand grant;
    grant.kind = CreditKind::kPromotion;
    grant.amount = Nanos(kCent);
    static_cast<void>(
        Administer(organizations_[0].id, grant, absl::StrCat("crash-", ++next_id_)).ok());
  }
  ASSERT_FALSE(engine().Health().ok()) << "the fault did not strike";
  Restart();
  std::lock_guard lock(mutex_);
  for (Organization& organization : organizations_) {
    const absl::StatusOr<int64_t> durable = store().Revision(organization.id);
    ASSERT_TRUE(durable.ok());
    // What a check was told of the lost beginning of a commit is of no revision any more.
    std::erase_if(organization.answers,
                  [&](const Answer& answer) { return answer.revision > *durable; });
  }
}

void EngineSimulation::Audit(Organization& organization) {
  std::stable_sort(organization.answers.begin(), organization.answers.end(),
                   [](const Answer& a, const Answer& b) { return a.revision < b.revision; });
  NaivePool pool;
  auto answer = organization.answers.begin();
  for (const Entry& entry : Journal(organization.id)) {
    for (; answer != organization.answers.end() && answer->revision < entry.sequence; ++answer) {
      const int64_t available = pool.Available(answer->as_of);
      ++compared_;
      EXPECT_EQ(answer->admitted, available >= answer->estimate)
          << organization.id << " at revision " << answer->revision << ": " << available
          << " available, " << answer->estimate << " asked";
    }
    pool.Take(entry);
  }
  EXPECT_EQ(pool.problems(), std::vector<std::string>()) << organization.id;
  for (const auto& [request_id, sequences] : pool.charges()) {
    EXPECT_EQ(sequences.size(), 1u) << request_id << " was charged more than once";
  }
  for (const auto& [request_id, answered] : organization.acknowledged) {
    const auto found = pool.charges().find(request_id);
    ASSERT_NE(found, pool.charges().end()) << request_id << " was acknowledged and is lost";
    EXPECT_EQ(found->second.front(), answered.first) << request_id;
    EXPECT_EQ(pool.FindCharge(answered.first)->cost, answered.second) << request_id;
  }
  const absl::Status read = engine().Read(
      organization.id, {},
      [&](const Wallet& wallet, const Position& position, const DecisionContext&) -> absl::Status {
        EXPECT_EQ(wallet.header.Balance(), Amount(Nanos(pool.balance())));
        EXPECT_EQ(wallet.header.overdraft, Amount(Nanos(pool.overdraft())));
        EXPECT_EQ(wallet.header.Available(), Amount(Nanos(pool.Available(position.as_of))));
        return absl::OkStatus();
      });
  EXPECT_TRUE(read.ok()) << read;
}

// Rules: R1, R2, R3, R7, H3, H4, H5, H6, X2, X5, J1, J2
TEST_P(EngineSimulation, AgreesWithTheNaivePool) {
  const uint64_t seed = TestSeed();
  const uint64_t operations = NumberFrom("BURSAR_SIMULATION_OPERATIONS", kOperations);
  random_.seed(seed);
  SetUpOrganizations();
  for (uint64_t done = 0; done < operations; ++done) {
    Step();
    if (done % kOperationsPerCrash == kOperationsPerCrash - 1) Crash();
    ASSERT_FALSE(HasFailure()) << "BURSAR_TEST_SEED=" << seed;
  }
  AwaitAtMost(0);
  ASSERT_TRUE(engine().Health().ok()) << engine().Health();
  while (!to_retry_.empty()) {
    const Call call = to_retry_.back();
    to_retry_.pop_back();
    Submit(call);
    AwaitAtMost(0);
  }
  EXPECT_EQ(problems_, std::vector<std::string>());
  for (Organization& organization : organizations_) Audit(organization);
  ExpectVerified();
  std::printf(
      "%llu operations, %lld restarts: %lld admitted, %lld denied, %lld answers compared, %lld "
      "repeats, %lld failed and sent again\n",
      static_cast<unsigned long long>(operations), static_cast<long long>(crashes_),
      static_cast<long long>(admitted_), static_cast<long long>(denied_),
      static_cast<long long>(compared_), static_cast<long long>(repeated_),
      static_cast<long long>(failed_));
  // A run that spent itself in failures would prove little.
  const auto part = [&](uint64_t n) { return static_cast<int64_t>(operations / n); };
  EXPECT_GT(compared_, part(20));
  EXPECT_GT(repeated_, part(50));
  EXPECT_LT(failed_, part(20) + 1000);
  EXPECT_FALSE(HasFailure()) << "BURSAR_TEST_SEED=" << seed;
}
INSTANTIATE_TEST_SUITE_P(Stores, EngineSimulation, testing::Values(StoreKind::kMemory),
                         StoreKindName);

}  // namespace
}  // namespace bursar
