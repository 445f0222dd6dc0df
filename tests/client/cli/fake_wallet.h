// A server on a loopback port that answers like a wallet as far as the command line's tests need:
// it charges, remembers request ids, denies, and can lose answers.
//
// Thread rule: the setters before the first call; everything else from any thread.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"

namespace bursar::cli {

class FakeWallet final : public v1::QuotaService::Service, public v1::AdminService::Service {
 public:
  FakeWallet() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::QuotaService::Service*>(this));
    builder.RegisterService(static_cast<v1::AdminService::Service*>(this));
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  const std::string& address() const { return address_; }
  // From now on every `n`-th record is made and its answer lost (UNAVAILABLE).
  void LoseEveryAnswer(int n) { lose_every_ = n; }
  // Decides a check: the banner of the denial, or nothing to admit.
  void DenyBy(std::function<std::string(const v1::CheckAdmissionRequest&)> deny) {
    deny_ = std::move(deny);
  }
  // The next `n` watches that resume are refused as if nobody were there.
  void FailWatches(int n) { failing_watches_ = n; }
  // From now on a watch brings two entries a message.
  void BringTwoEntriesAMessage() { two_entries_a_message_ = true; }
  // What a record is answered with instead of being made; OK makes it.
  void RefuseBy(std::function<grpc::Status(const v1::RecordConsumptionRequest&)> refuse) {
    refuse_ = std::move(refuse);
  }

  // Every record by request id, in the order of the ids.
  std::map<std::string, v1::RecordConsumptionRequest> records() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return records_;
  }
  // Every administrative request as text, in the order of arrival.
  std::vector<std::string> admin_requests() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return admin_requests_;
  }

  // What a record costs here: 5 micro-units an input token and 25 an output token.
  static int64_t CostNanos(const v1::Usage& usage) {
    return usage.input_tokens() * 5'000 + usage.output_tokens() * 25'000;
  }

  grpc::Status CheckAdmission(grpc::ServerContext*, const v1::CheckAdmissionRequest* request,
                              v1::CheckAdmissionResponse* reply) override {
    const std::string banner = deny_ ? deny_(*request) : "";
    reply->set_bucket(v1::BUCKET_INCLUDED);
    reply->set_decision(banner.empty() ? v1::DECISION_ADMITTED : v1::DECISION_DENIED);
    if (!banner.empty()) {
      reply->mutable_denial()->set_reason(v1::DENIAL_REASON_BALANCE_EXHAUSTED);
      reply->mutable_denial()->set_message(banner);
    }
    return grpc::Status::OK;
  }

  grpc::Status RecordConsumption(grpc::ServerContext*, const v1::RecordConsumptionRequest* request,
                                 v1::RecordConsumptionResponse* reply) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (refuse_) {
      const grpc::Status refused = refuse_(*request);
      if (!refused.ok()) return refused;
    }
    const auto [place, fresh] = records_.emplace(request->request_id(), *request);
    if (!fresh && place->second.SerializeAsString() != request->SerializeAsString()) {
      return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "used with other content");
    }
    reply->set_replayed(!fresh);
    const int64_t nanos = CostNanos(request->usage());
    reply->mutable_cost()->set_currency_code("USD");
    reply->mutable_cost()->set_units(nanos / 1'000'000'000);
    reply->mutable_cost()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
    v1::Draw* draw = reply->add_draws();
    draw->set_bucket(v1::BUCKET_EXTRA);
    *draw->mutable_amount() = reply->cost();
    if (lose_every_ > 0 && ++record_calls_ % lose_every_ == 0) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the answer is lost");
    }
    return grpc::Status::OK;
  }

  grpc::Status GetOrganization(grpc::ServerContext*, const v1::GetOrganizationRequest* request,
                               v1::GetOrganizationResponse* reply) override {
    reply->mutable_organization()->set_organization_id(request->organization_id());
    reply->mutable_organization()->mutable_create_time()->set_seconds(1'790'000'000);
    return Note(*request);
  }
  grpc::Status UpdateOrganization(grpc::ServerContext*,
                                  const v1::UpdateOrganizationRequest* request,
                                  v1::UpdateOrganizationResponse* reply) override {
    *reply->mutable_organization() = request->organization();
    return Note(*request);
  }
  // One open hold, "adm_open".
  grpc::Status ListHolds(grpc::ServerContext*, const v1::ListHoldsRequest* request,
                         v1::ListHoldsResponse* reply) override {
    if (request->admission_id().empty() || request->admission_id() == "adm_open") {
      v1::OpenHold* hold = reply->add_holds();
      hold->set_admission_id("adm_open");
      hold->set_member_id("ann");
      hold->set_parent_session_id("session-7");
      hold->set_request_id("check-7");
      hold->mutable_extra()->set_units(3);
      hold->mutable_place_time()->set_seconds(1'790'000'000);
    }
    return Note(*request);
  }
  grpc::Status ExtendAdmission(grpc::ServerContext*, const v1::ExtendAdmissionRequest* request,
                               v1::ExtendAdmissionResponse*) override {
    return Note(*request);
  }
  grpc::Status ListOrganizations(grpc::ServerContext*, const v1::ListOrganizationsRequest* request,
                                 v1::ListOrganizationsResponse* reply) override {
    // Three pages of one organization each.
    const std::string page = request->page_token().empty() ? "1" : request->page_token();
    reply->add_organizations()->set_organization_id("organization-" + page);
    if (page != "3") reply->set_next_page_token(page == "1" ? "2" : "3");
    return Note(*request);
  }
  grpc::Status BatchUpsertMembers(grpc::ServerContext*,
                                  const v1::BatchUpsertMembersRequest* request,
                                  v1::BatchUpsertMembersResponse* reply) override {
    *reply->mutable_members() = request->members();
    return Note(*request);
  }
  grpc::Status SetSpendLimit(grpc::ServerContext*, const v1::SetSpendLimitRequest* request,
                             v1::SetSpendLimitResponse*) override {
    return Note(*request);
  }
  grpc::Status ListJournalEntries(grpc::ServerContext*,
                                  const v1::ListJournalEntriesRequest* request,
                                  v1::ListJournalEntriesResponse* reply) override {
    if (!request->admission_id().empty()) return ListEntriesOf(*request, reply);
    // Two pages of two entries each.
    const int64_t first = request->page_token().empty() ? 4 : 2;
    for (const int64_t sequence : {first, first - 1}) reply->add_entries()->set_sequence(sequence);
    if (first == 4) reply->set_next_page_token("2");
    return Note(*request);
  }

  grpc::Status PurchaseCredit(grpc::ServerContext*, const v1::PurchaseCreditRequest* request,
                              v1::PurchaseCreditResponse* reply) override {
    *reply->mutable_payment()->mutable_amount() = request->amount();
    reply->mutable_payment()->set_payment_id("pay_1");
    return Note(*request);
  }
  grpc::Status CompletePayment(grpc::ServerContext*, const v1::CompletePaymentRequest* request,
                               v1::CompletePaymentResponse* reply) override {
    reply->mutable_payment()->set_state(request->result() ==
                                                v1::CompletePaymentRequest::RESULT_SUCCEEDED
                                            ? v1::PAYMENT_STATE_SUCCEEDED
                                            : v1::PAYMENT_STATE_FAILED);
    return Note(*request);
  }
  grpc::Status RecordChargeback(grpc::ServerContext*, const v1::RecordChargebackRequest* request,
                                v1::RecordChargebackResponse*) override {
    return Note(*request);
  }
  grpc::Status UpdateAutoReload(grpc::ServerContext*, const v1::UpdateAutoReloadRequest* request,
                                v1::UpdateAutoReloadResponse* reply) override {
    reply->mutable_auto_reload()->set_state(v1::AUTO_RELOAD_STATE_PAUSED);
    reply->mutable_auto_reload()->set_explanation("An owner resumes it.");
    return Note(*request);
  }
  grpc::Status ListPayments(grpc::ServerContext*, const v1::ListPaymentsRequest* request,
                            v1::ListPaymentsResponse* reply) override {
    v1::Payment* payment = reply->add_payments();
    payment->set_payment_id("pay_1");
    payment->set_kind(v1::PAYMENT_KIND_RELOAD);
    payment->set_state(v1::PAYMENT_STATE_FAILED);
    payment->set_cause(v1::RELOAD_CAUSE_LOW_BALANCE);
    payment->set_attempt(2);
    payment->set_code("card_declined");
    return Note(*request);
  }

  // Revisions behind the one asked for, up to 4, a message each; every second message is the last
  // of its watch.
  grpc::Status WatchWallet(grpc::ServerContext*, const v1::WatchWalletRequest* request,
                           grpc::ServerWriter<v1::WatchWalletResponse>* writer) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      admin_requests_.push_back(request->ShortDebugString());
    }
    if (request->from_revision() > 0 && failing_watches_ > 0) {
      --failing_watches_;
      return {grpc::StatusCode::UNAVAILABLE, "nobody is there"};
    }
    for (int64_t revision = request->from_revision() + 1; revision <= 4; ++revision) {
      v1::WatchWalletResponse news;
      news.mutable_position()->set_revision(revision);
      news.mutable_position()->set_epoch("epc_1");
      v1::JournalEntry* entry = news.add_entries();
      entry->set_sequence(revision);
      entry->set_kind(v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED);
      entry->set_member_id("ann");
      entry->mutable_amount()->set_units(revision);
      if (two_entries_a_message_ && revision < 4) {
        *news.add_entries() = *entry;
        news.mutable_entries(1)->set_sequence(++revision);
        news.mutable_position()->set_revision(revision);
      }
      news.mutable_summary()->mutable_month_to_date()->set_units(7);
      if (!writer->Write(news)) break;
      if (revision == request->from_revision() + 2) break;
    }
    return {grpc::StatusCode::UNAVAILABLE, "the server is shutting down"};
  }

 private:
  // A hold's life: placed, and settled where it is not "adm_open".
  grpc::Status ListEntriesOf(const v1::ListJournalEntriesRequest& request,
                             v1::ListJournalEntriesResponse* reply) {
    if (request.admission_id() == "adm_none") return Note(request);
    v1::JournalEntry* entry = reply->add_entries();
    entry->set_sequence(7);
    entry->set_kind(v1::JOURNAL_ENTRY_KIND_HOLD_PLACED);
    entry->set_hold_sequence(7);
    entry->set_member_id("ann");
    entry->mutable_amount()->set_units(5);
    if (request.admission_id() != "adm_open") {
      entry = reply->add_entries();
      entry->set_sequence(8);
      entry->set_kind(v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED);
      entry->set_hold_sequence(7);
      entry->set_admission_id(request.admission_id());
      entry->mutable_record_time()->set_seconds(1'790'000'000);
    }
    return Note(request);
  }

  grpc::Status Note(const google::protobuf::Message& request) {
    const std::lock_guard<std::mutex> lock(mutex_);
    admin_requests_.push_back(request.ShortDebugString());
    return grpc::Status::OK;
  }

  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  int lose_every_ = 0;
  int record_calls_ = 0;
  std::atomic<int> failing_watches_ = 0;
  bool two_entries_a_message_ = false;
  std::function<std::string(const v1::CheckAdmissionRequest&)> deny_;
  std::function<grpc::Status(const v1::RecordConsumptionRequest&)> refuse_;
  std::mutex mutex_;
  std::map<std::string, v1::RecordConsumptionRequest> records_;
  std::vector<std::string> admin_requests_;
};

}  // namespace bursar::cli
