// Long reads of requests for more: the review list, and one request. As queries.h: on a snapshot of
// the store, durable state only.
//
// Thread rule: free functions; each call takes its own snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/ledger/increase_request.h"
#include "server/ledger/state.h"
#include "storage/store.h"

namespace bursar {

// Which requests are wanted.
struct RequestFilter {
  bool open = true;                   // Those that are open, or ...
  bool decided = false;               // ... those that are not; both may be wanted.
  std::vector<IncreaseState> states;  // Of them, those in these states; empty: all.
  std::string member_id;              // Empty: any.
  int64_t after_sequence = 0;         // Where the page before ended.
  int limit = 100;
};

struct RequestPage {
  struct Item {
    IncreaseRequest request;
    Member member;  // Who asks, as of the same moment.
  };
  WalletHeader header;
  std::vector<Item> items;  // Oldest first.
  // Where the next page begins; zero on the last. A page may be short before: a filter is looked
  // for among a bounded number of requests at a time.
  int64_t next_after = 0;
};
// NOT_FOUND for an unknown organization.
absl::StatusOr<RequestPage> ListRequests(Store& store, const std::string& organization_id,
                                         const RequestFilter& filter);

// The request that the entry made, open or decided. NOT_FOUND (INCREASE_REQUEST_NOT_FOUND), also
// for another member's.
struct FoundRequest {
  WalletHeader header;
  IncreaseRequest request;
};
absl::StatusOr<FoundRequest> FindRequest(Store& store, const std::string& organization_id,
                                         const std::string& member_id, int64_t sequence);

}  // namespace bursar
