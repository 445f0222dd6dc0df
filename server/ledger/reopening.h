// When what a check was denied would be admitted by time alone: windows and months begin anew, and
// live holds expire (rule D2).
//
// Thread rule: pure functions of their arguments.
#pragma once

#include <string_view>

#include "absl/time/time.h"
#include "server/ledger/admission.h"

namespace bursar {

// The first instant after now at which the ask would be admitted if nobody did anything until then:
// nothing is used, settled, released, extended or changed. InfiniteFuture where there is none, as
// for an empty balance, a limit of zero, an estimate that is larger than what is left even then,
// and for whoever is suspended. What holds reserve comes free when they expire; where the
// organization's policy captures them it is used up then instead, and comes free with the window or
// month alone. Each bound counts to its next reset, and credit as if it did not expire.
//
// Open holds are gone through only where the answer hangs on them: where it would be admitted
// without them, or where a bound begins anew before the last of them expires.
absl::Time AdmittedAt(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
                      const AdmissionAsk& ask, absl::Time now);

}  // namespace bursar
