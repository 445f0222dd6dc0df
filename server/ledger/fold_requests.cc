#include "server/ledger/fold_requests.h"

#include <utility>

namespace bursar {

namespace {

Member* Find(Wallet& wallet, const std::string& member_id) {
  auto found = wallet.members.find(member_id);
  return found == wallet.members.end() ? nullptr : &found->second;
}

}  // namespace

const char* FoldRequest(Wallet& wallet, const Entry& entry, const IncreaseRequested& body) {
  Member* member = Find(wallet, body.request.member_id);
  if (member == nullptr || member->OpenRequest() != nullptr) {
    return "a request for more is made by nobody, or beside an open one";
  }
  IncreaseRequest request = body.request;
  request.sequence = entry.sequence;
  request.created_at = entry.recorded_at;
  wallet.requests[entry.sequence] = request;
  member->requests.GetOrMake().open = std::move(request);
  ++wallet.header.open_request_count;
  return nullptr;
}

const char* FoldRequest(Wallet& wallet, const Entry& entry, const IncreaseDecided& body) {
  Member* member = Find(wallet, body.member_id);
  const IncreaseRequest* open = member == nullptr ? nullptr : member->OpenRequest();
  if (open == nullptr || open->sequence != body.request_sequence ||
      body.state == IncreaseState::kPending) {
    return "a request for more is decided that is not open";
  }
  IncreaseRequest request = *open;
  request.state = body.state;
  request.decided_at = entry.recorded_at;
  request.decided_by = entry.cause.actor;
  request.note = body.note;
  request.granted_amount = body.granted_amount;
  request.granted_until = body.granted_until;
  wallet.requests[request.sequence] = request;
  MemberRequests& requests = *member->requests;
  if (IsOpen(body.state)) {
    requests.open = std::move(request);
    return nullptr;
  }
  requests.open.reset();
  --wallet.header.open_request_count;
  if (body.state == IncreaseState::kDenied) {
    requests.denied_sequence = body.request_sequence;
    requests.denied_at = entry.recorded_at;
    requests.denied_note = body.note;
  }
  if (requests.denied_sequence == 0) member->requests.reset();
  return nullptr;
}

const char* FoldRequest(Wallet& wallet, const MemberSelected& body) {
  WalletHeader& header = wallet.header;
  Member* member = Find(wallet, body.member_id);
  if (member == nullptr || header.selection_generation == 0 ||
      member->selection_generation == header.selection_generation) {
    return "a member is selected that is missing or selected already";
  }
  member->selection_generation = header.selection_generation;
  ++header.selected_count;
  return nullptr;
}

const char* FoldRequest(Wallet& wallet, const Entry& entry, const EpisodeAnswered& body) {
  std::optional<Episode>& episode = wallet.header.episode;
  if (!episode.has_value() || episode->sequence != body.episode_sequence) {
    return "an episode is answered that is not open";
  }
  episode->answer = EpisodeAnswer{body.kind, body.note, entry.recorded_at, entry.cause.actor};
  return nullptr;
}

}  // namespace bursar
