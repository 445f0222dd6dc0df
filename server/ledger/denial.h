// Denials: what a blocked person is told. Built from the same evaluation that denied.
//
// A denial says which bucket ran out and whose it is, when it ends, who can lift it and what can be
// done now; it carries a ready banner and says that no card failed and no session is lost
// (rules D1-D5).
//
// Thread rule: pure functions and plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/ledger/admission.h"

namespace bursar {

// The numbers are those of the public enum.
enum class RemedyKind : uint8_t {
  kWait = 1,
  kAskAdmin = 2,
  kBuyCredit = 3,
  kRaiseLimit = 4,
  kEnableExtra = 5,
  kHigherSeat = 6,
  kPersonalPlan = 7,
  kOwnApiKey = 8,
  kConfirmExtra = 9,
  kLiftSuspension = 10,
  kSmallerEstimate = 11,
};

// The numbers are those of the public enum.
enum class RemedyActor : uint8_t { kSelf = 1, kAdministrator = 2, kTime = 3 };

struct Remedy {
  RemedyKind kind = RemedyKind::kWait;
  std::string description;  // Ready to show.
  std::vector<MemberRole> roles;
  // What it costs at least, where that is known: of a higher seat what it costs more in a month, of
  // credit what is overdrawn or held (rounded up to cents), more than which is needed.
  std::optional<Nanos> cost;
  RemedyActor actor = RemedyActor::kAdministrator;
  absl::Time available_at = absl::InfinitePast();  // InfinitePast: at once.
  std::optional<Nanos> amount;  // Of a smaller estimate: how much fits. Unset where not known.
  // Of asking an admin: what to ask for; empty where no kind of request would lift the denial.
  std::optional<IncreaseKind> increase_kind;
  // The member's open request, or the denied one whose cool-down runs; zero for none. With its
  // state and what was said with it.
  int64_t request_sequence = 0;
  IncreaseState request_state = IncreaseState::kPending;
  std::string admin_note;
};

struct Denial {
  DenialReason reason = DenialReason::kNone;
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  Bucket bucket = Bucket::kExtra;
  std::string message;      // The banner, ready to show.
  std::string explanation;  // What did not happen, and whether to try again (rule D4).
  absl::Time ends_at = absl::InfiniteFuture();  // Infinite: not by time alone.
  // Worth trying again: it ends within kShortWait, or as soon as a running request ends.
  bool retry_helps = false;
  // Live holds alone are in the way; nothing is used up. It ends as they are settled or released,
  // by `ends_at` at the latest.
  bool held = false;
  std::vector<Remedy> remedies;  // Best first (rule D2).
  int http_status = 429;         // 402 empty wallet, 403 suspended, 429 limit.
  std::string settings_url;
  std::string admin_answer;  // To the open episode; empty where nobody answered (rule N6).
};

// A wait up to this long is worth a retry of the same call (rule D4).
inline constexpr absl::Duration kShortWait = absl::Minutes(1);

// Whether the denial means that the organization's pool ran out: an exhausted balance or the
// organization's spend limit, by what is used and not by what live holds keep. Only these open an
// episode (rules D3, N3).
bool IsPoolExhausted(const Verdict& verdict);

// The banner's second sentence, added once the notice to the admins is durable (rule D3).
inline constexpr char kAdminNotifiedSentence[] = " We let your admin know.";

// Builds the denial for a verdict that is not admitted. `admin_notified`: the episode and its
// notice are, or are being, committed, so that the banner may say so. Times in texts are in the
// member's zone, or the organization's, and never too early. `member` may be null (virtual). `ask`
// is what the verdict judged.
Denial BuildDenial(const Wallet& wallet, const Member* member, const AdmissionQuery& query,
                   const AdmissionState& state, const AdmissionAsk& ask, const Verdict& verdict,
                   const DecisionContext& context, bool admin_notified);

// Which member roles can change what a bound limits (rules H1, A3).
std::vector<MemberRole> RolesThatCanChange(const Evaluation& bound, const Plan& plan);

// Something that still denies after a change (rule X6).
struct Blocker {
  DenialReason reason = DenialReason::kNone;
  Scope scope = Scope::kOrganization;
  std::string message;
  bool held = false;  // Live holds alone: it ends with them.
};

// What would still deny usage of the whole organization beyond its included part.
std::vector<Blocker> OrganizationBlockers(const WalletHeader& header,
                                          const DecisionContext& context);

// Whether what is used, live holds left out, leaves nothing of the organization's spend limit or
// balance: what an episode lasts as long as (rule N3).
bool IsPoolUsedUp(const WalletHeader& header, const DecisionContext& context);

}  // namespace bursar
