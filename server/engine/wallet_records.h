// A wallet's records as a commit brings them: holds, reversals, requests for more, payments and
// final statements, each a record of its own beside the header and the members.
//
// Thread rule: pure functions.
#pragma once

#include <variant>
#include <vector>

#include "server/engine/payment_codec.h"
#include "server/engine/record_codec.h"
#include "server/engine/request_codec.h"
#include "server/engine/statement_codec.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"
#include "storage/store.h"

namespace bursar {

// Those that a commit changes, as they are after it.
struct WalletRecords {
  std::vector<Member> members;
  std::vector<Hold> holds;
  std::vector<EndedHold> ended_holds;
  std::vector<Reversal> reversals;
  std::vector<IncreaseRequest> requests;
  std::vector<Payment> payments;  // Finished ones.
};

// Puts them into a commit, and takes out what they replace.
inline void PutRecords(const WalletRecords& records, OrganizationCommit& commit) {
  for (const Member& member : records.members) {
    commit.puts.push_back({RecordKind::kMember, member.member_id, EncodeMember(member)});
  }
  for (const Hold& hold : records.holds) {
    commit.puts.push_back({RecordKind::kHold, SequenceKey(hold.sequence), EncodeHold(hold)});
  }
  for (const EndedHold& hold : records.ended_holds) {
    const std::string key = SequenceKey(hold.sequence);
    commit.deletes.push_back({RecordKind::kHold, key});
    commit.puts.push_back({RecordKind::kEndedHold, key, EncodeEndedHold(hold)});
  }
  for (const Reversal& reversal : records.reversals) {
    commit.puts.push_back(
        {RecordKind::kReversal, SequenceKey(reversal.sequence), EncodeReversal(reversal)});
  }
  for (const IncreaseRequest& request : records.requests) {
    const std::string key = SequenceKey(request.sequence);
    if (IsOpen(request.state)) {
      commit.puts.push_back({RecordKind::kRequest, key, EncodeRequest(request)});
      continue;
    }
    commit.deletes.push_back({RecordKind::kRequest, key});
    commit.puts.push_back({RecordKind::kDecidedRequest, key, EncodeRequest(request)});
  }
  for (const Payment& payment : records.payments) {
    commit.puts.push_back(
        {RecordKind::kPayment, PaymentKey(payment.sequence), EncodePayment(payment)});
  }
}

// A final statement is a record besides its entry, so that lists need not read journals.
inline void PutStatements(const std::vector<Entry>& entries, OrganizationCommit& commit) {
  for (const Entry& entry : entries) {
    const auto* finalized = std::get_if<StatementFinalized>(&entry.body);
    if (finalized == nullptr) continue;
    commit.puts.push_back({RecordKind::kStatement, SequenceKey(entry.sequence),
                           EncodeStatement({*finalized, entry.sequence, entry.recorded_at})});
  }
}

}  // namespace bursar
