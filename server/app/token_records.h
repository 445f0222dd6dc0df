// Service tokens among the store's system records, under `token/<token id>`.
//
// Thread rule: as TokenStore: every method may be called from any thread.
//
// Source: rule A2 (docs/rules.md); the record: proto/bursar/storage/v1/token.proto.
#pragma once

#include <string>
#include <vector>

#include "server/service/credentials.h"
#include "storage/store.h"

namespace bursar {

class TokenRecords final : public TokenStore {
 public:
  // `store` outlives this.
  explicit TokenRecords(Store* store) : store_(store) {}

  absl::StatusOr<std::vector<StoredToken>> List() const override;
  absl::Status Put(const StoredToken& token) override;
  absl::Status Delete(const std::string& token_id) override;

 private:
  Store* const store_;
};

}  // namespace bursar
