// The kinds of jobs: a check, a record, a change by an administrator, a read, a sweep.
//
// Thread rule: as job.h.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/engine/engine_core.h"
#include "server/engine/job.h"

namespace bursar {

// CheckAdmission. A plain check is decided on what is in memory, durable or not, and answered at
// once, except that it waits for an undurable change of policy (rule X5) and for its own episode
// (rule D3). One that may place a hold writes, and its answer waits for all that it rests on (H3).
class CheckJob final : public Job {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<CheckReply>) &&>;
  CheckJob(std::string organization_id, CheckAdmissionCommand command, Done done)
      : Job(PlacesHold(command) ? Kind::kRecord : Kind::kCheck, std::move(organization_id)),
        command_(std::move(command)),
        done_(std::move(done)) {
    family = RequestFamily::kAdmission;
  }

  std::vector<std::string> NamedMembers(const Wallet*) const override {
    return {command_.member_id};
  }
  // A hold that is no longer live is placed anew (rule H9).
  bool DecidesRepeats() const override { return true; }
  Disposition Decide(Turn& turn) override;
  void Finish(const absl::Status& status) override;

 private:
  static bool PlacesHold(const CheckAdmissionCommand& command) {
    return command.mode != AdmissionMode::kCheckOnly && !command.validate_only;
  }
  bool ShowsLiveHold(const Wallet& wallet, const DecisionContext& context);
  Disposition WaitAsPlainCheck(Turn& turn);
  void NoteDenial(Turn& turn, const CheckAdmissionOutcome& outcome);

  CheckAdmissionCommand command_;
  Done done_;
  CheckReply reply_;
  // The answer stands without what it waits for, but for the banner's second sentence.
  bool waits_for_notice_only_ = false;
};

// RecordConsumption.
class RecordJob final : public Job {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<RecordReply>) &&>;
  RecordJob(std::string organization_id, RecordConsumptionCommand command, Done done)
      : Job(Kind::kRecord, std::move(organization_id)),
        command_(std::move(command)),
        done_(std::move(done)) {
    family = RequestFamily::kRecording;
  }

  std::vector<std::string> NamedMembers(const Wallet* wallet) const override;
  int64_t NamedHold() const override { return command_.admission.sequence; }
  Disposition Decide(Turn& turn) override;
  void RepeatStaged(const GroupPart& part, const StagedRequest& request) override;
  bool RepeatRemembered(const RememberedRequest& request) override;
  absl::Status ReadReplay(const Store& store, JournalCache& cache) override;
  void Finish(const absl::Status& status) override;

 private:
  RecordConsumptionCommand command_;
  Done done_;
  RecordReply reply_;
};

// Lets one thread wait for one job.
class JobResult {
 public:
  void Set(const absl::Status& status);
  absl::Status Wait();

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  bool set_ = false;
  absl::Status status_;
};

// A change by an administrator. The render function and the result outlive the job, because their
// owner waits for it.
class AdministrationJob final : public Job {
 public:
  AdministrationJob(std::string organization_id, AdministrationCommand command,
                    const RenderReply& render, AdministrationReply& reply, JobResult& result)
      : Job(KindOf(command), std::move(organization_id)),
        command_(std::move(command)),
        render_(render),
        reply_(reply),
        result_(result) {
    family = RequestFamily::kAdministration;
  }

  std::vector<std::string> NamedMembers(const Wallet* wallet) const override;
  int64_t NamedHold() const override;
  int64_t NamedCharge() const override;
  int64_t NamedRequest() const override;
  bool NamesOpenRequests() const override;
  int64_t NamedPayment() const override;
  Disposition Decide(Turn& turn) override;
  Disposition DecideWithoutWallet(EngineCore& core, const DecisionContext& context) override;
  void RepeatStaged(const GroupPart& part, const StagedRequest& request) override;
  bool RepeatRemembered(const RememberedRequest& request) override;
  void Finish(const absl::Status& status) override { result_.Set(status); }

 private:
  // What backends do with holds has no part in the reserve of administration.
  static Kind KindOf(const AdministrationCommand& command) {
    return std::holds_alternative<ExtendAdmissionCommand>(command) ||
                   std::holds_alternative<ReleaseAdmissionCommand>(command)
               ? Kind::kRecord
               : Kind::kAdministration;
  }
  Disposition Carry(Turn& turn, Decision<AdministrationOutcome> decision);

  AdministrationCommand command_;
  const RenderReply& render_;
  AdministrationReply& reply_;
  JobResult& result_;
};

// A read of a wallet that shows only what is durable.
class ReadJob final : public Job {
 public:
  using ReadFunction =
      std::function<absl::Status(const Wallet&, const Position&, const DecisionContext&)>;
  ReadJob(std::string organization_id, const std::vector<std::string>& member_ids,
          const ReadFunction& read, JobResult& result)
      : Job(Kind::kAdministration, std::move(organization_id)),
        member_ids_(member_ids),
        read_(read),
        result_(result) {}

  std::vector<std::string> NamedMembers(const Wallet*) const override { return member_ids_; }
  Disposition Decide(Turn& turn) override;
  void Finish(const absl::Status& status) override { result_.Set(status); }

 private:
  const std::vector<std::string>& member_ids_;
  const ReadFunction& read_;
  JobResult& result_;
};

// Lets the sweeper wait for a batch of sweeps.
class SweepProgress {
 public:
  explicit SweepProgress(size_t job_count) : open_count_(job_count) {}
  void Finished(bool changed);
  // Waits for all jobs; how many wallets changed durably.
  int Wait();

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  size_t open_count_;
  int changed_count_ = 0;
};

// Nothing but what is due anyway before every decision.
class SweepJob final : public Job {
 public:
  SweepJob(std::string organization_id, SweepProgress& progress)
      : Job(Kind::kSweep, std::move(organization_id)), progress_(progress) {}

  std::vector<std::string> NamedMembers(const Wallet*) const override { return {}; }
  Disposition Decide(Turn& turn) override;
  void Finish(const absl::Status& status) override { progress_.Finished(status.ok() && changed_); }

 private:
  SweepProgress& progress_;
  bool changed_ = false;
};

}  // namespace bursar
