// Random operations on a store and on the plainest model of it; after each, both must agree.

#include <map>
#include <random>
#include <set>

#include "tests/storage/store_contract.h"

namespace bursar {
namespace {

// What a store should hold, in the plainest form.
struct Model {
  struct Organization {
    int64_t revision = 0;
    std::map<std::pair<int, std::string>, std::string> records;
    std::string spans;
    std::map<std::string, std::string> outbox;
    std::map<std::pair<int, std::string>, std::string> remembered;
    std::optional<absl::Time> due;
  };
  std::map<std::string, Organization> organizations;
  std::map<std::string, std::string> system;
};

class ModelTest {
 public:
  ModelTest(StoreHarness& harness, uint64_t seed) : harness_(harness), random_(seed) {}

  void Run(int steps) {
    for (step_ = 0; step_ < steps && !testing::Test::HasFailure(); ++step_) {
      SCOPED_TRACE("step " + std::to_string(step_));
      switch (Draw(13)) {
        case 12:
          ChangeOutbox();
          break;
        case 0:
          ChangeSystem();
          break;
        case 1:
          if (Draw(4) == 0) harness_.Reopen();
          break;
        default:
          CommitGroupAtRandom();
      }
      Compare();
    }
  }

 private:
  int Draw(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  std::string DrawId(const char* prefix, int count) { return prefix + std::to_string(Draw(count)); }
  std::string DrawValue() {
    return std::string(static_cast<size_t>(Draw(200)), 'v') + DrawId("", 1000);
  }

  void ChangeSystem() {
    SystemChange change{DrawId("s", 4), std::nullopt};
    if (Draw(2) == 0) change.value = DrawValue();
    ASSERT_TRUE(harness_.store().PutSystem({change}).ok());
    if (change.value.has_value()) {
      model_.system[change.key] = *change.value;
    } else {
      model_.system.erase(change.key);
    }
  }

  void ChangeOutbox() {
    OutboxChange change{Draw(4) == 0 ? "nobody" : "acme", DrawId("n", 5), std::nullopt};
    if (Draw(2) == 0) change.value = DrawValue();
    ASSERT_TRUE(harness_.store().ChangeOutbox({change}).ok());
    Model::Organization& organization = model_.organizations[change.organization_id];
    if (organization.revision == 0) return;
    if (change.value.has_value()) {
      organization.outbox[change.notice_id] = *change.value;
    } else {
      organization.outbox.erase(change.notice_id);
    }
  }

  OrganizationCommit DrawCommit(const std::string& id) {
    const Model::Organization& organization = model_.organizations[id];
    const int64_t expected =
        Draw(6) == 0 ? std::max<int64_t>(0, organization.revision - 1) : organization.revision;
    if (expected > 0 && Draw(5) == 0) {
      OrganizationCommit only_remembers = MakeCommit(id, expected, expected);
      only_remembers.journal_record.clear();
      only_remembers.dedupe = {{RequestFamily::kAdministration, DrawId("r", 40), DrawValue()}};
      return only_remembers;
    }
    OrganizationCommit commit = MakeCommit(id, expected, expected + 1 + Draw(5));
    std::set<std::string> used;
    for (int i = Draw(4); i > 0; --i) {
      const RecordKind kind = Draw(2) == 0 ? RecordKind::kMember : RecordKind::kHold;
      const std::string record = DrawId("m", 6);
      if (!used.insert(std::to_string(static_cast<int>(kind)) + record).second) continue;
      if (Draw(3) == 0) {
        commit.deletes.push_back({kind, record});
      } else {
        commit.puts.push_back({kind, record, DrawValue()});
      }
    }
    if (Draw(2) == 0) commit.puts.push_back({RecordKind::kHeader, "", DrawValue()});
    if (Draw(2) == 0) {
      const auto family = static_cast<RequestFamily>(1 + Draw(3));
      commit.dedupe.push_back({family, DrawId("r", 40), DrawValue()});
    }
    if (Draw(3) == 0) commit.outbox_puts.push_back({DrawId("n", 5), DrawValue()});
    if (Draw(4) == 0) commit.outbox_deletes.push_back(DrawId("n", 5));
    if (Draw(2) == 0) commit.next_due = TestStart() + absl::Seconds(Draw(50));
    return commit;
  }

  // What the model says of a commit; applies it when it is good.
  CommitOutcome Apply(const OrganizationCommit& commit) {
    Model::Organization& organization = model_.organizations[commit.organization_id];
    if (organization.revision != commit.expected_revision) return CommitOutcome::kConflict;
    for (const DedupePut& put : commit.dedupe) {
      if (organization.remembered.count({static_cast<int>(put.family), put.request_id}) != 0) {
        return CommitOutcome::kDuplicate;
      }
    }
    for (const DedupePut& put : commit.dedupe) {
      organization.remembered[{static_cast<int>(put.family), put.request_id}] = put.value;
    }
    if (commit.new_revision == commit.expected_revision) return CommitOutcome::kCommitted;
    organization.revision = commit.new_revision;
    organization.spans += (organization.spans.empty() ? "" : " ") +
                          std::to_string(commit.expected_revision + 1) + "-" +
                          std::to_string(commit.new_revision);
    for (const RecordDelete& record : commit.deletes) {
      organization.records.erase({static_cast<int>(record.kind), record.id});
    }
    for (const RecordPut& put : commit.puts) {
      organization.records[{static_cast<int>(put.kind), put.id}] = put.value;
    }
    for (const std::string& id : commit.outbox_deletes) organization.outbox.erase(id);
    for (const OutboxPut& put : commit.outbox_puts) organization.outbox[put.notice_id] = put.value;
    organization.due = commit.next_due;
    return CommitOutcome::kCommitted;
  }

  void CommitGroupAtRandom() {
    CommitGroup group;
    for (const char* id : {"acme", "acme2", "b", "c"}) {
      if (Draw(2) == 0) group.organizations.push_back(DrawCommit(id));
    }
    auto results = harness_.store().Commit(group);
    ASSERT_TRUE(results.ok()) << results.status();
    ASSERT_EQ(results->size(), group.organizations.size());
    for (size_t i = 0; i < results->size(); ++i) {
      const OrganizationCommit& commit = group.organizations[i];
      EXPECT_EQ((*results)[i].outcome, Apply(commit));
      EXPECT_EQ((*results)[i].current_revision,
                model_.organizations[commit.organization_id].revision);
    }
  }

  void Compare() {
    const Store& store = harness_.store();
    std::set<std::pair<absl::Time, std::string>> due;
    for (const auto& [id, organization] : model_.organizations) {
      SCOPED_TRACE(id);
      EXPECT_EQ(Must(store.Revision(id)), organization.revision);
      CompareRecords(store, id, organization);
      EXPECT_EQ(Spans(ReadAll(store, id, 1, Direction::kForward)), organization.spans);
      std::map<std::string, std::string> outbox;
      for (const OutboxRow& row : Must(store.ScanOutbox(id, "", 100)))
        outbox[row.notice_id] = row.value;
      EXPECT_EQ(outbox, organization.outbox);
      if (organization.due.has_value()) due.insert({*organization.due, id});
    }
    std::set<std::pair<absl::Time, std::string>> stored_due;
    for (const DueRow& row : Must(store.Due(absl::InfiniteFuture(), 100))) {
      stored_due.insert({row.due, row.organization_id});
    }
    EXPECT_EQ(stored_due, due);
    std::map<std::string, std::string> system;
    for (const SystemRow& row : Must(store.ScanSystem(""))) system[row.key] = row.value;
    EXPECT_EQ(system, model_.system);
  }

  void CompareRecords(const Store& store, const std::string& id,
                      const Model::Organization& organization) {
    std::map<std::pair<int, std::string>, std::string> stored;
    for (RecordKind kind : {RecordKind::kMember, RecordKind::kHold}) {
      for (const RecordRow& row : Must(store.ScanRecords(id, kind, "", 100))) {
        stored[{static_cast<int>(kind), row.id}] = row.value;
      }
    }
    std::vector<LoadKey> keys = {LoadKey::Header(id)};
    for (const auto& [key, value] : organization.remembered) {
      keys.push_back(LoadKey::Dedupe(id, static_cast<RequestFamily>(key.first), key.second));
    }
    auto loaded = store.Load(keys, LoadMode::kMayBlock);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    if ((*loaded)[0].state == LoadState::kFound) stored[{1, ""}] = (*loaded)[0].value;
    EXPECT_EQ(stored, organization.records);
    size_t at = 1;
    for (const auto& [key, value] : organization.remembered) {
      EXPECT_EQ((*loaded)[at++].value, value) << key.second;
    }
  }

  StoreHarness& harness_;
  std::mt19937_64 random_;
  Model model_;
  int step_ = 0;
};

// Rules: J1, R2, T3
TEST_P(StoreContract, RandomOperationsAgreeWithAPlainModel) {
  ModelTest(*harness_, TestSeed()).Run(400);
}

}  // namespace
}  // namespace bursar
