// A small wallet service without a network, for the request fuzzer: the real services on the real
// engine, over a store in memory, with two organizations in which everything has happened once.
//
// Call claims, of every call:
// - it is answered, with a code that the RPCs document: never INTERNAL, UNKNOWN or DATA_LOSS;
// - an error tells its reason, and so does that of each item of a batch;
// - what was refused has changed nothing: no organization, no journal, no system record.
//
// The world is made anew, the same, where an input has changed it, so that an input that breaks a
// claim breaks it alone.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/zone.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/rpc_table.h"

namespace bursar::fuzz {

class WalletWorld {
 public:
  WalletWorld();
  ~WalletWorld();
  WalletWorld(const WalletWorld&) = delete;
  WalletWorld& operator=(const WalletWorld&) = delete;

  // Makes the world anew where it is not as it was in the beginning.
  void Begin();
  // One call. See above for what it claims.
  void Run(const Call& call);
  // Verifies every ledger as `bursar verify` does, where anything has changed since Begin.
  void End();

  // Texts that mean something here: ids of what there is, names of fields, words of plans.
  const std::vector<std::string>& words() const { return words_; }
  // What the making of the world was last told under that name of a field: "payment_id".
  std::string TextOf(const std::string& field) const;

  // What is durable: of every organization, of every journal.
  Store& store();

  // A call as a line of text: `NAME [ROLE[/ACTOR]] [+LATER] {JSON}`, where "@field" in the JSON is
  // TextOf(field); the operator's where it names no role. Ends the program where it is none.
  Call ParseCall(std::string_view line) const;

 private:
  struct Parts;
  struct Kept;
  // Tells the story once, and keeps what it left in the store.
  void TellStory();
  Answer CallAlone(const Call& call);
  std::string Fingerprint() const;
  void Learn(const google::protobuf::Message& message);

  ZoneDatabase zones_;
  std::unique_ptr<Kept> kept_;
  std::unique_ptr<Parts> parts_;
  std::string first_fingerprint_;
  bool has_later_ = false;
  std::vector<std::string> words_;
  std::map<std::string, std::string> texts_;
};

}  // namespace bursar::fuzz
