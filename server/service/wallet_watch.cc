#include "server/service/wallet_watch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/service/admin_reads.h"
#include "server/service/conversion.h"
#include "server/service/errors.h"
#include "server/service/journal_conversion.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

// How often a watch without news looks whether its client or the server is gone.
constexpr absl::Duration kPoll = absl::Milliseconds(250);
// What comes closer together than this is one push: a busy wallet is read so often and no oftener.
constexpr absl::Duration kPushInterval = absl::Milliseconds(50);
// Entries in one message, so that it stays far below what clients take.
constexpr int kMessageEntries = 200;
// Entries that are read from the journal at once.
constexpr int kReadEntries = 2000;

absl::Status TooManyWatches() {
  return WithReason(
      absl::ResourceExhaustedError("this server has as many watches as it takes; try again later"),
      "TOO_MANY_WATCHES");
}

absl::Status TooSlow(int64_t sent, int64_t revision) {
  absl::Status status = absl::ResourceExhaustedError(
      absl::StrCat("the watcher does not keep up: the wallet is at revision ", revision,
                   ", and the last one sent is ", sent, "; watch again with from_revision ", sent,
                   " and nothing is missed"));
  return WithMetadata(WithReason(std::move(status), "WATCHER_TOO_SLOW"), "from_revision",
                      absl::StrCat(sent));
}

absl::Status OtherEpoch(const std::string& epoch) {
  return WithMetadata(WithReason(absl::OutOfRangeError(
                                     "the wallet was restored since: its revisions are of another "
                                     "epoch; read it anew and watch from there"),
                                 "EPOCH_CHANGED"),
                      "epoch", epoch);
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

// The part of a wallet's whole answer that a watch shows.
v1::WalletSummary Summarize(v1::GetWalletResponse& wallet) {
  v1::WalletSummary summary;
  summary.set_funding(wallet.funding());
  if (wallet.has_balance()) summary.mutable_balance()->Swap(wallet.mutable_balance());
  summary.mutable_overdraft()->Swap(wallet.mutable_overdraft());
  summary.mutable_held()->Swap(wallet.mutable_held());
  summary.mutable_held_included()->Swap(wallet.mutable_held_included());
  summary.mutable_included_month_to_date()->Swap(wallet.mutable_included_month_to_date());
  summary.mutable_month_to_date()->Swap(wallet.mutable_month_to_date());
  summary.mutable_evaluations()->Swap(wallet.mutable_evaluations());
  summary.set_exhausted_episode_open(wallet.exhausted_episode_open());
  return summary;
}

}  // namespace

absl::Status WalletWatch::Run() {
  if (absl::Status status = gate_.Admit(context_, rule_, ActorUse::kRead, &call_); !status.ok()) {
    return status;
  }
  WalletWatches::Entry entry(&watches_, &context_);
  if (!entry.is_admitted()) return TooManyWatches();
  entry_ = &entry;
  if (!entry.Guarded([this] { return read_(&request_); })) {
    return absl::InvalidArgumentError("the request is not a valid message");
  }
  if (absl::Status status = AuthorizeRequest(call_, request_); !status.ok()) return status;
  if (absl::Status status = Validate(); !status.ok()) return status;
  watcher_ = engine_.signals().Watch(request_.organization_id());
  while (true) {
    if (absl::Status status = Authorize(); !status.ok()) return status;
    if (absl::Status status = Push(); !status.ok()) return status;
    if (absl::Status status = WaitForNews(); !status.ok()) return status;
  }
}

absl::Status WalletWatch::Validate() const {
  FieldViolations violations;
  CheckRequiredId("organization_id", request_.organization_id(), &violations);
  if (request_.from_revision() < 0) violations.Add("from_revision", "must not be negative");
  CheckOptionalId("epoch", request_.epoch(), &violations);
  return violations.ToStatus();
}

absl::Status WalletWatch::Authorize() {
  // What is pushed is not another call of the caller's rate.
  absl::Status status = gate_.AdmitMessage(context_, rule_, &call_);
  if (status.ok()) status = AuthorizeRequest(call_, request_);
  if (!status.ok()) return status;
  return gate_.AdmitActor(call_, rule_, request_.organization_id(), "");
}

absl::StatusOr<WalletWatch::View> WalletWatch::ReadView() {
  View view;
  const absl::Status status = engine_.Read(
      request_.organization_id(), {},
      [&](const Wallet& wallet, const Position& position, const DecisionContext& context) {
        v1::GetWalletResponse whole;
        WriteWallet(wallet, context, &whole);
        view.position = position;
        view.currency_code = wallet.header.settings.currency_code;
        view.summary = Summarize(whole);
        view.next_change =
            std::min(wallet.header.NextDue(),
                     FindCurrentMonth(wallet.header.month, wallet.header.settings, context)
                         .counter.month.end);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  for (const v1::Evaluation& evaluation : view.summary.evaluations()) {
    if (!evaluation.has_reset_time()) continue;
    view.next_change = std::min(view.next_change, ToTime(evaluation.reset_time()));
  }
  return view;
}

absl::Status WalletWatch::FindStart(const Position& position) {
  if (!request_.epoch().empty() && request_.epoch() != engine_.epoch()) {
    return OtherEpoch(engine_.epoch());
  }
  if (request_.has_from_revision() && request_.from_revision() > position.revision) {
    return WithReason(
        absl::OutOfRangeError(absl::StrCat("the wallet is at revision ", position.revision,
                                           ", not yet at ", request_.from_revision())),
        "REVISION_AHEAD");
  }
  sent_ = request_.has_from_revision() ? request_.from_revision() : position.revision;
  return absl::OkStatus();
}

absl::Status WalletWatch::Push() {
  absl::StatusOr<View> view = ReadView();
  if (!view.ok()) return view.status();
  if (!has_begun_) {
    if (absl::Status status = FindStart(view->position); !status.ok()) return status;
    if (sent_ == view->position.revision) {
      v1::WatchWalletResponse response;
      Complete(*view, &response);
      if (absl::Status status = Send(response); !status.ok()) return status;
    }
    has_begun_ = true;
  }
  JournalFilter filter;
  filter.ascending = true;
  filter.limit = kReadEntries;
  while (sent_ < view->position.revision) {
    if (absl::Status status = CheckLag(view->position.revision); !status.ok()) return status;
    // All of it is durable: the engine answers a read only then.
    filter.after_sequence = sent_;
    const absl::StatusOr<JournalPage> page =
        ReadJournal(engine_.store(), request_.organization_id(), filter);
    if (!page.ok()) return page.status();
    if (page->items.empty()) return absl::DataLossError("the journal ends before its wallet");
    if (absl::Status status = PushEntries(*page, *view); !status.ok()) return status;
  }
  // Whoever resumes far behind gets the time it takes.
  if (watcher_->Latest() - sent_ <= watches_.limits().max_lag / 2) has_caught_up_ = true;
  return absl::OkStatus();
}

absl::Status WalletWatch::PushEntries(const JournalPage& page, View& view) {
  const JournalWords words{request_.organization_id(), engine_.epoch(), view.currency_code};
  size_t next = 0;
  while (next < page.items.size() && sent_ < view.position.revision) {
    v1::WatchWalletResponse response;
    int64_t revision = sent_;
    absl::Time as_of;
    while (next < page.items.size() && revision < view.position.revision &&
           response.entries_size() < kMessageEntries) {
      const JournalPage::Item& item = page.items[next++];
      AddEntry(item, words, &response);
      revision = item.entry.sequence;
      as_of = item.entry.recorded_at;
    }
    if (revision == view.position.revision) {
      Complete(view, &response);
    } else {
      WritePosition({revision, as_of}, engine_.epoch(), response.mutable_position());
    }
    if (absl::Status status = Send(response); !status.ok()) return status;
    sent_ = revision;
    if (absl::Status status = CheckLag(watcher_->Latest()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void WalletWatch::AddEntry(const JournalPage::Item& item, const JournalWords& words,
                           v1::WatchWalletResponse* response) const {
  v1::JournalEntry* entry = response->add_entries();
  // A frontend may learn that the wallet has changed, not what ListJournalEntries keeps from it.
  if (call_.credential->role == ServiceRole::kFrontend) return WriteJournalHead(item, entry);
  WriteJournalEntry(item, words, entry);
}

void WalletWatch::Complete(View& view, v1::WatchWalletResponse* response) const {
  WritePosition(view.position, engine_.epoch(), response->mutable_position());
  response->mutable_summary()->Swap(&view.summary);
  if (view.next_change != absl::InfiniteFuture()) {
    WriteTimestamp(view.next_change, response->mutable_next_change_time());
  }
}

absl::Status WalletWatch::Send(const v1::WatchWalletResponse& response) {
  if (watches_.is_stopping()) return ShuttingDownError();
  if (entry_->Guarded([&] { return write_(response); })) return absl::OkStatus();
  return absl::CancelledError("the client is gone, or took nothing for too long");
}

absl::Status WalletWatch::WaitForNews() {
  if (watcher_->Latest() <= sent_ || has_caught_up_) {
    // Nothing is beyond every revision: this only waits.
    watcher_->WaitBeyond(std::numeric_limits<int64_t>::max(), kPushInterval);
  }
  while (true) {
    if (watches_.is_stopping()) return ShuttingDownError();
    if (context_.IsCancelled()) return absl::CancelledError("the client is gone");
    // Who is revoked gives the watch's place back, also where there is never any news.
    if (absl::Status status = Authorize(); !status.ok()) return status;
    if (watcher_->WaitBeyond(sent_, kPoll) > sent_) return absl::OkStatus();
  }
}

absl::Status WalletWatch::CheckLag(int64_t revision) const {
  if (!has_caught_up_ || revision - sent_ <= watches_.limits().max_lag) return absl::OkStatus();
  return TooSlow(sent_, revision);
}

}  // namespace bursar
