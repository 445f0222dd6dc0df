// One watch of a wallet: every durable change, in order and without a gap (rule N5).
//
// The journal itself is the queue. A watch remembers the revision it has sent; a signal (or many of
// them) makes it read the wallet, then the journal up to that revision, and send both. So writers
// never wait for it, nothing is kept for it, and it can resume at any revision.
//
// Thread rule: a watch is one thread's, and blocks it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "bursar/v1/quota_service.pb.h"
#include "grpcpp/server_context.h"
#include "server/engine/engine.h"
#include "server/engine/queries.h"
#include "server/service/journal_conversion.h"
#include "server/service/rpc/gate.h"
#include "server/service/wallet_watches.h"

namespace bursar {

class WalletWatch {
 public:
  // The request, once; false where it does not come or is no message.
  using Read = std::function<bool(v1::WatchWalletRequest* request)>;
  // A message to the client; false where it is gone.
  using Write = std::function<bool(const v1::WatchWalletResponse& response)>;

  // All outlive the watch. `rule` is the RPC's row of the authorization table.
  WalletWatch(Engine* engine, const Gate* gate, const RpcRule* rule, WalletWatches* watches,
              grpc::ServerContext* context, Read read, Write write)
      : engine_(*engine),
        gate_(*gate),
        rule_(*rule),
        watches_(*watches),
        context_(*context),
        read_(std::move(read)),
        write_(std::move(write)) {}

  // Reads the request, which it does for nobody who may not watch, and sends until something ends
  // it; never OK. See the RPC for the errors.
  absl::Status Run();

 private:
  // The wallet as a message shows it.
  struct View {
    Position position;
    std::string currency_code;
    v1::WalletSummary summary;
    absl::Time next_change;
  };

  absl::Status Validate() const;
  // Asked again before every push: a token that was revoked or an actor that lost its role sees
  // nothing more.
  absl::Status Authorize();
  absl::StatusOr<View> ReadView();
  // Where the watch begins.
  absl::Status FindStart(const Position& position);
  // Sends everything up to now.
  absl::Status Push();
  absl::Status PushEntries(const JournalPage& page, View& view);
  absl::Status Send(const v1::WatchWalletResponse& response);
  absl::Status WaitForNews();
  // Whether the client keeps up.
  absl::Status CheckLag(int64_t revision) const;
  void AddEntry(const JournalPage::Item& item, const JournalWords& words,
                v1::WatchWalletResponse* response) const;
  void Complete(View& view, v1::WatchWalletResponse* response) const;

  Engine& engine_;
  const Gate& gate_;
  const RpcRule& rule_;
  WalletWatches& watches_;
  grpc::ServerContext& context_;
  const Read read_;
  const Write write_;
  v1::WatchWalletRequest request_;

  CallContext call_;
  WalletWatches::Entry* entry_ = nullptr;
  std::unique_ptr<WalletSignals::Watcher> watcher_;
  bool has_begun_ = false;      // The first message is sent.
  bool has_caught_up_ = false;  // From then on a lag counts.
  int64_t sent_ = 0;            // The revision that the client knows.
};

}  // namespace bursar
