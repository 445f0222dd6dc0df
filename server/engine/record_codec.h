// Between the ledger's values and the bytes that the store keeps (proto/bursar/storage/v1).
//
// What is encoded decodes to an equal value, with instants to the nanosecond. Decoding takes any
// bytes: what is not a record of ours is DATA_LOSS, never a crash, because it came from a disk.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// ---- Wallets ----------------------------------------------------------------------------------

// A header as it is stored: with the chain hash of the last journal record.
struct StoredHeader {
  WalletHeader header;
  std::string chain_hash;  // 32 bytes.
};
std::string EncodeHeader(const WalletHeader& header, const std::string& chain_hash);
absl::StatusOr<StoredHeader> DecodeHeader(std::string_view bytes);

std::string EncodeMember(const Member& member);
absl::StatusOr<Member> DecodeMember(std::string_view bytes);

// Open holds, ended ones and reversed charges are records of their own, by sequence.
std::string EncodeHold(const Hold& hold);
absl::StatusOr<Hold> DecodeHold(std::string_view bytes);
std::string EncodeEndedHold(const EndedHold& hold);
absl::StatusOr<EndedHold> DecodeEndedHold(std::string_view bytes);
std::string EncodeReversal(const Reversal& reversal);
absl::StatusOr<Reversal> DecodeReversal(std::string_view bytes);
// The id of such a record: the sequence in eight bytes, most significant first, so that records
// sort by it.
std::string SequenceKey(int64_t sequence);

// ---- Journal ----------------------------------------------------------------------------------

// What the first record of an organization's journal chains to.
std::string FirstChainHash(const std::string& organization_id);

// The entries of one organization in one commit.
struct EncodedJournal {
  std::string bytes;
  std::string chain_hash;  // 32 bytes: SHA-256 over the previous one and the entries' bytes (J1).
};
// Requires: `entries` is not empty, and their sequences follow one another.
EncodedJournal EncodeJournal(const std::string& previous_chain_hash,
                             const std::vector<Entry>& entries);

// Whether readers will take the entry once it is written; INTERNAL when they would not, which is
// our own mistake. One that nobody can read must never reach the disk: it would lock its wallet for
// good.
absl::Status CheckReadable(const Entry& entry);

struct DecodedJournal {
  std::vector<Entry> entries;  // At least one.
  std::string chain_hash;      // As stored; nothing says yet that it is right.
};
absl::StatusOr<DecodedJournal> DecodeJournal(std::string_view bytes);

// The chain hash that a journal record should carry after `previous_chain_hash`.
absl::StatusOr<std::string> ExpectedChainHash(const std::string& previous_chain_hash,
                                              std::string_view bytes);

// ---- Request ids and notices --------------------------------------------------------------------

// What is remembered with a request id (rule R2).
struct RememberedRequest {
  std::string content_hash;  // As the caller of the engine made it: 16 bytes.
  // A record's charge; otherwise the command's last entry, or the wallet's where it changed
  // nothing.
  int64_t sequence = 0;
  int64_t revision = 0;  // Of the wallet after the command.
  std::string reply;     // Administration only.

  friend bool operator==(const RememberedRequest&, const RememberedRequest&) = default;
};
std::string EncodeRemembered(const RememberedRequest& request);
absl::StatusOr<RememberedRequest> DecodeRemembered(std::string_view bytes);

// A notice of the outbox (rules N1, N3).
struct StoredNotice {
  bool resolved = false;  // The pool was lifted; otherwise it ran out.
  bool balance = false;   // Ran out of balance; otherwise the organization's spend limit.
  absl::Time created_at;
  int64_t sequence = 0;   // Of the entry that caused it.
  std::string member_id;  // Who met it first, or crossed; empty when resolved.
  std::string organization_name;
  bool crossing = false;  // Neither: a member drew extra usage for the first time (rule B9).
  // None of these: a member, `member_id`, asked for more, or its request was decided (rule Q3).
  std::optional<RequestNotice> request;

  friend bool operator==(const StoredNotice&, const StoredNotice&) = default;
};
std::string EncodeNotice(const StoredNotice& notice);
absl::StatusOr<StoredNotice> DecodeNotice(std::string_view bytes);

}  // namespace bursar
