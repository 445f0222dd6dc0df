// What the edge tells the program's log: the few things that callers are not told, or that an
// operator should know. Never per request, never a secret.
//
// Thread rule: every method may be called from any thread, and must not block.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace bursar {

class EventLog {
 public:
  virtual ~EventLog() = default;
  // An error whose message the caller does not get to see (INTERNAL, DATA_LOSS).
  virtual void HiddenError(const char* rpc, const absl::Status& status) = 0;
  // A call showed no valid credential. `what` tells from where, and what was wrong with the one it
  // showed, which callers are not told; it is asked for only where the log says it.
  virtual void RefusedCredential(const char* rpc, absl::FunctionRef<std::string()> what) = 0;
  // Usage was charged at fallback prices, because the price book lacks the model or a meter (P6).
  virtual void PriceFallback(const std::string& provider, const std::string& model) = 0;
};

}  // namespace bursar
