// Verification: a healthy ledger passes; every kind of damage is found and named.
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/engine/queries.h"
#include "server/engine/record_codec.h"
#include "storage/memory_store.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

// One organization's stored state, taken out of a store to be damaged and put into another.
struct Stored {
  std::vector<JournalRecord> journal;
  std::vector<RecordRow> members;
  std::string header;
  std::vector<DedupePut> dedupe;
  std::vector<OutboxRow> outbox;
  std::optional<absl::Time> due;
};

class Verify : public EngineTest {
 protected:
  // Some of everything, in as many commits as there are calls.
  void LiveALittle() {
    SetUpAcme("team");
    Grant("acme", 5, clock_.Now() + absl::Hours(1));
    for (int i = 0; i < 6; ++i) Spend("ann", Nanos::Units(3), absl::StrCat("r", i));
    ASSERT_TRUE(Check("acme", "ann").ok());
    Grant("acme", 50);
    Spend("bob", Nanos::Units(12), "r6");
  }
  void Spend(const std::string& member_id, Nanos cost, const std::string& request_id) {
    const auto reply = Record("acme", member_id, cost, request_id);
    ASSERT_TRUE(reply.ok()) << reply.status();
  }

  Stored TakeOut() {
    Stored stored;
    auto cursor = store().ReadJournal("acme", 1, Direction::kForward).value();
    while (auto record = cursor->Next().value()) stored.journal.push_back(*record);
    stored.members = store().ScanRecords("acme", RecordKind::kMember, "", 1000).value();
    stored.header = store().ScanOrganizations("", 1).value().at(0).header;
    for (int family = 1; family <= 3; ++family) {
      for (const char* id : {"create-acme", "add-olga", "add-ann", "add-bob", "r0", "r1", "r2",
                             "r3", "r4", "r5", "r6"}) {
        const auto key = LoadKey::Dedupe("acme", static_cast<RequestFamily>(family), id);
        const LoadedValue value = store().Load({key}, LoadMode::kMayBlock).value().at(0);
        if (value.state != LoadState::kFound) continue;
        stored.dedupe.push_back({static_cast<RequestFamily>(family), id, value.value});
      }
    }
    stored.outbox = store().ScanOutbox("acme", "", 1000).value();
    const std::vector<DueRow> due = store().Due(absl::InfiniteFuture(), 10).value();
    if (!due.empty()) stored.due = due[0].due;
    return stored;
  }

  // What verification says of it. The journal's own sequences and instants are kept.
  VerifyReport Judge(const Stored& stored) {
    std::unique_ptr<Store> target = NewMemoryStore();
    int64_t revision = 0;
    for (size_t i = 0; i < stored.journal.size(); ++i) {
      const JournalRecord& record = stored.journal[i];
      OrganizationCommit commit;
      commit.organization_id = "acme";
      commit.expected_revision = revision;
      commit.new_revision = revision = record.last_sequence;
      commit.journal_record = record.record;
      commit.committed_at = record.committed_at;
      if (i + 1 == stored.journal.size()) {
        commit.puts.push_back({RecordKind::kHeader, "", stored.header});
        for (const RecordRow& row : stored.members) {
          commit.puts.push_back({RecordKind::kMember, row.id, row.value});
        }
        commit.dedupe = stored.dedupe;
        for (const OutboxRow& row : stored.outbox) {
          commit.outbox_puts.push_back({row.notice_id, row.value});
        }
        commit.next_due = stored.due;
      }
      EXPECT_TRUE(target->Commit({{commit}}).ok());
    }
    const auto report = VerifyLedger(*target, "", clock_.Now());
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : VerifyReport();
  }
  // Damage must be found, and its violation must say so.
  void ExpectFound(const std::string& rule, const std::string& words,
                   const std::function<void(Stored&)>& damage) {
    Stored stored = TakeOut();
    damage(stored);
    const VerifyReport report = Judge(stored);
    bool found = false;
    std::string all;
    for (const VerifyReport::Item& item : report.violations) {
      all += absl::StrCat(item.rule, " at ", item.sequence, ": ", item.message, "\n");
      found = found || (item.rule == rule && item.message.find(words) != std::string::npos);
    }
    EXPECT_TRUE(found) << "no " << rule << " \"" << words << "\" among\n" << all;
  }

  // The entries of a record, changed, with hashes that chain again from there on.
  static void Rewrite(Stored& stored, size_t place,
                      const std::function<void(std::vector<Entry>&)>& change) {
    std::string chain_hash = FirstChainHash("acme");
    for (size_t i = 0; i < stored.journal.size(); ++i) {
      DecodedJournal journal = DecodeJournal(stored.journal[i].record).value();
      if (i == place) change(journal.entries);
      const EncodedJournal encoded = EncodeJournal(chain_hash, journal.entries);
      stored.journal[i].record = encoded.bytes;
      chain_hash = encoded.chain_hash;
    }
    stored.header = EncodeHeader(DecodeHeader(stored.header)->header, chain_hash);
  }
  // The place of the last record that holds a charge, and that charge.
  static size_t LastCharge(const Stored& stored) {
    for (size_t i = stored.journal.size(); i > 0; --i) {
      const DecodedJournal journal = DecodeJournal(stored.journal[i - 1].record).value();
      if (CountOf<UsageCharged>(journal.entries) > 0) return i - 1;
    }
    return 0;
  }
  static UsageCharged& ChargeIn(std::vector<Entry>& entries) {
    for (Entry& entry : entries) {
      if (auto* charge = std::get_if<UsageCharged>(&entry.body)) return *charge;
    }
    BURSAR_CHECK(false);
    return std::get<UsageCharged>(entries[0].body);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, Verify, testing::Values(StoreKind::kMemory), StoreKindName);

// Rules: J1, J2
TEST_P(Verify, AHealthyLedgerPassesAndACopyOfItToo) {
  LiveALittle();
  ExpectVerified();
  const VerifyReport report = Judge(TakeOut());
  for (const auto& item : report.violations) ADD_FAILURE() << item.rule << ": " << item.message;
  EXPECT_EQ(report.violation_count, 0);
  EXPECT_EQ(report.organization_count, 1);
  EXPECT_EQ(report.charge_count, 7);
  EXPECT_EQ(report.entry_count, static_cast<int64_t>(Journal("acme").size()));
}

// Rules: J1
TEST_P(Verify, AChangedAmountInAStoredMemberIsFound) {
  LiveALittle();
  ExpectFound("J1", "record of member \"ann\"", [](Stored& stored) {
    Member ann = DecodeMember(stored.members.at(0).value).value();
    ASSERT_EQ(ann.member_id, "ann");
    ann.month.extra += Amount(Nanos(1));
    stored.members[0].value = EncodeMember(ann);
  });
}

// Rules: J1
TEST_P(Verify, MissingAndSurplusMembersAreFound) {
  LiveALittle();
  ExpectFound("J1", "members are stored", [](Stored& stored) { stored.members.pop_back(); });
  ExpectFound("J1", "member \"eve\" is not in the journal", [](Stored& stored) {
    Member eve;
    eve.member_id = "eve";
    stored.members.push_back({"eve", EncodeMember(eve)});
  });
  ExpectFound("J1", "member \"ann\"", [](Stored& stored) { stored.members[0].value = "\xff"; });
}

// Rules: J1
TEST_P(Verify, AChangedHeaderIsFound) {
  LiveALittle();
  ExpectFound("J1", "live credit", [](Stored& stored) {
    StoredHeader header = DecodeHeader(stored.header).value();
    header.header.grants.back().remaining.value += 1;
    stored.header = EncodeHeader(header.header, header.chain_hash);
  });
  ExpectFound("J1", "chain hash is not the journal's last", [](Stored& stored) {
    stored.header = EncodeHeader(DecodeHeader(stored.header)->header, FirstChainHash("acme"));
  });
  ExpectFound("J1", "header is damaged", [](Stored& stored) { stored.header.resize(7); });
}

// Rules: J1
TEST_P(Verify, ADroppedJournalRecordIsFound) {
  LiveALittle();
  ExpectFound("J1", "chain hash does not follow",
              [](Stored& stored) { stored.journal.erase(stored.journal.begin() + 4); });
  ExpectFound("J1", "holds other entries", [](Stored& stored) {
    // The store takes the sequences from the record behind it.
    stored.journal.erase(stored.journal.begin() + 4);
  });
}

// Rules: J1
TEST_P(Verify, ACutJournalIsFound) {
  LiveALittle();
  ExpectFound("J1", "stored header is not what the journal folds to",
              [](Stored& stored) { stored.journal.pop_back(); });
}

// Rules: J1
TEST_P(Verify, AFlippedBitInTheJournalIsFoundWhereverItIs) {
  LiveALittle();
  const Stored healthy = TakeOut();
  const std::string& record = healthy.journal[LastCharge(healthy)].record;
  for (size_t byte = 0; byte < record.size(); ++byte) {
    Stored stored = healthy;
    char& at = stored.journal[LastCharge(healthy)].record[byte];
    at = static_cast<char>(at ^ (1 << (byte % 8)));
    EXPECT_GT(Judge(stored).violation_count, 0) << "byte " << byte;
  }
}

// Rules: J1, B8
TEST_P(Verify, AChangedChargeIsFoundAlthoughItsHashesChain) {
  LiveALittle();
  ExpectFound("B8", "draws", [](Stored& stored) {
    Rewrite(stored, LastCharge(stored),
            [](std::vector<Entry>& entries) { ChargeIn(entries).cost.value += 1; });
  });
  ExpectFound("J1", "differs", [](Stored& stored) {
    Rewrite(stored, LastCharge(stored), [](std::vector<Entry>& entries) {
      UsageCharged& charge = ChargeIn(entries);
      charge.cost.value += 1;
      charge.included.value += 1;
    });
  });
  ExpectFound("X2", "from credit", [](Stored& stored) {
    Rewrite(stored, LastCharge(stored), [](std::vector<Entry>& entries) {
      ChargeIn(entries).grant_draws[0].amount.value -= 1;
    });
  });
}

// Rules: R2
TEST_P(Verify, ARequestIdThatWasChargedTwiceIsFound) {
  LiveALittle();
  ExpectFound("R2", "was used before", [](Stored& stored) {
    Rewrite(stored, LastCharge(stored), [](std::vector<Entry>& entries) {
      for (Entry& entry : entries) entry.cause.request_id = "r0";
    });
  });
  ExpectFound("R2", "no request id", [](Stored& stored) {
    Rewrite(stored, LastCharge(stored), [](std::vector<Entry>& entries) {
      for (Entry& entry : entries) entry.cause.request_id.clear();
    });
  });
}

// Rules: R2
TEST_P(Verify, AForgottenRequestIdIsFoundUnlessItIsOld) {
  LiveALittle();
  const auto forget = [](Stored& stored) {
    const auto is_r3 = [](const DedupePut& put) { return put.request_id == "r3"; };
    ASSERT_EQ(std::erase_if(stored.dedupe, is_r3), 1);
  };
  ExpectFound("R2", "\"r3\": it is not remembered", forget);
  ExpectFound("R2", "\"r3\" is remembered with entry 2", [](Stored& stored) {
    for (DedupePut& put : stored.dedupe) {
      if (put.request_id == "r3") put.value = EncodeRemembered({"content", 2, 3, ""});
    }
  });
  clock_.Advance(absl::Hours(24 * 37));
  Stored stored = TakeOut();
  forget(stored);
  EXPECT_EQ(Judge(stored).violation_count, 0);
}

// Rules: B4, B5
TEST_P(Verify, AWindowThatOverlapsIsFound) {
  LiveALittle();
  ExpectFound("B4", "does not contain the instant", [](Stored& stored) {
    for (size_t i = 0; i < stored.journal.size(); ++i) {
      if (CountOf<WindowOpened>(DecodeJournal(stored.journal[i].record)->entries) == 0) continue;
      Rewrite(stored, i, [](std::vector<Entry>& entries) {
        for (Entry& entry : entries) {
          auto* opened = std::get_if<WindowOpened>(&entry.body);
          if (opened != nullptr) opened->window.end = entry.recorded_at;
        }
      });
      return;
    }
  });
}

// Rules: T3
TEST_P(Verify, AnIndexOfDuesThatDisagreesIsFound) {
  LiveALittle();
  ExpectFound("T3", "index of what is due", [](Stored& stored) { stored.due.reset(); });
  ExpectFound("T3", "index of what is due",
              [](Stored& stored) { *stored.due += absl::Nanoseconds(1); });
}

// Rules: N1
TEST_P(Verify, ANoticeWithoutACauseIsFound) {
  LiveALittle();
  ExpectFound("N1", "no cause", [](Stored& stored) {
    ASSERT_FALSE(stored.outbox.empty());
    StoredNotice notice = DecodeNotice(stored.outbox[0].value).value();
    notice.sequence = 1;
    stored.outbox[0].value = EncodeNotice(notice);
  });
  ExpectFound("N1", "damaged", [](Stored& stored) { stored.outbox.at(0).value = "\xff"; });
}

// Rules: J2
TEST_P(Verify, OneOrganizationCanBeVerifiedAlone) {
  LiveALittle();
  CreateOrganization("globex", "usage");
  EXPECT_EQ(VerifyLedger(store(), "", clock_.Now())->organization_count, 2);
  const auto report = VerifyLedger(store(), "globex", clock_.Now());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->organization_count, 1);
  EXPECT_EQ(report->entry_count, 1);
  EXPECT_EQ(VerifyLedger(store(), "nobody", clock_.Now()).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace bursar
