// A server with one organization that is charged, for tests of records in numbers.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_fixture.h"

namespace bursar {

class RecordingTest : public ServerTest {
 protected:
  explicit RecordingTest(std::function<void(Options*)> configure = nullptr)
      : ServerTest(std::move(configure)) {
    const grpc::Status created = CreateOrganization("acme", "enterprise_seat");
    EXPECT_TRUE(created.ok()) << created.error_message();
    EXPECT_TRUE(AddMember("acme", "ann", v1::MEMBER_ROLE_OWNER).ok());
    EXPECT_TRUE(EnableExtra("acme").ok());
  }

  // A record of one whole unit.
  static v1::RecordConsumptionRequest RecordOf(const std::string& request_id,
                                               const std::string& member_id = "ann") {
    v1::RecordConsumptionRequest record;
    record.set_organization_id("acme");
    record.set_member_id(member_id);
    record.set_surface("claude-code");
    record.mutable_cost()->set_units(1);
    record.set_request_id(request_id);
    return record;
  }

  grpc::Status Batch(const v1::BatchRecordConsumptionRequest& request,
                     v1::BatchRecordConsumptionResponse* response,
                     const std::string& token = kOperatorToken) {
    return Call(quota_.get(), &v1::QuotaService::Stub::BatchRecordConsumption, request, response,
                token);
  }

  // Records that many, with ids from `prefix` and a number.
  void RecordMany(int count, const std::string& prefix) {
    for (int done = 0; done < count;) {
      v1::BatchRecordConsumptionRequest request;
      for (; done < count && request.records_size() < 1000; ++done) {
        *request.add_records() = RecordOf(absl::StrCat(prefix, done));
      }
      v1::BatchRecordConsumptionResponse response;
      ASSERT_TRUE(Batch(request, &response).ok());
      for (const v1::RecordResult& result : response.results()) {
        ASSERT_TRUE(result.has_receipt()) << result.error().message();
      }
    }
  }

  // How often the journal charges each request id.
  std::map<std::string, int> ChargesByRequest() {
    std::map<std::string, int> charges;
    v1::ListJournalEntriesRequest request;
    request.set_organization_id("acme");
    request.set_kind(v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED);
    request.set_page_size(500);  // Entries may be large.
    do {
      v1::ListJournalEntriesResponse page;
      const grpc::Status status =
          Call(admin_.get(), &v1::AdminService::Stub::ListJournalEntries, request, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::JournalEntry& entry : page.entries()) ++charges[entry.request_id()];
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return charges;
  }

  // Every id from the prefix and 0 to count-1 is charged once, and nothing else is; the ledger
  // holds.
  void ExpectChargedOnce(const std::string& prefix, int count) {
    const std::map<std::string, int> charges = ChargesByRequest();
    EXPECT_EQ(charges.size(), static_cast<size_t>(count));
    int wrong = 0;
    for (int i = 0; i < count; ++i) {
      const auto found = charges.find(absl::StrCat(prefix, i));
      if (found == charges.end() || found->second != 1) ++wrong;
    }
    EXPECT_EQ(wrong, 0);
    ExpectVerified();
  }

  void ExpectVerified() {
    v1::VerifyLedgerResponse verified;
    ASSERT_TRUE(Call(operator_.get(), &v1::OperatorService::Stub::VerifyLedger,
                     v1::VerifyLedgerRequest(), &verified)
                    .ok());
    EXPECT_EQ(verified.violation_count(), 0);
  }
};

}  // namespace bursar
