// Callers that show a certificate (mutual TLS): which identity has which role, by a table that the
// operator writes.
//
// The table is JSON: {"identities": [{"name": "chat-backend", "san": "spiffe://example/chat",
// "role": "frontend", "organizations": ["acme"]}]}; `organizations` is ["*"] for all. A caller is
// who one of its certificate's subject alternative names (URI or DNS) says, exactly; common names
// do not count. In the journal it is called "cert:" and the row's name, which is no token's. A
// certificate that names two rows is nobody's: it would be left to chance which one it is. That the
// certificate is valid and of the configured authority the transport has seen to.
//
// Thread rule: immutable once made.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/service/authorization.h"

namespace bursar {

class PeerIdentities {
 public:
  // INVALID_ARGUMENT naming the row and field that is wrong.
  static absl::StatusOr<std::shared_ptr<const PeerIdentities>> Parse(const std::string& text);

  // The credential of a certificate with these subject alternative names, or null.
  std::shared_ptr<const Credential> Find(const std::vector<std::string>& names) const;

 private:
  std::map<std::string, std::shared_ptr<const Credential>> by_name_;
};

}  // namespace bursar
