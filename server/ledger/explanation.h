// Why a decision came out as it did: the rules in the order in which they decided, with their
// figures. Made from the same evaluation that decides (rule S5).
//
// Thread rule: pure functions of their arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/ledger/ledger.h"

namespace bursar {

// One step: a rule of docs/rules.md, and what it said.
struct ExplainedStep {
  std::string rule;
  std::string text;
};

struct Explanation {
  std::vector<ExplainedStep> steps;
  std::vector<EvaluationLine> evaluations;  // In the order in which a decision looks.
  // Deciding again gave the journaled outcome. Always true of a check that is only evaluated.
  bool reproduced = false;
  bool admitted = false;  // Of checks.
  Bucket bucket = Bucket::kIncluded;
  std::optional<Denial> denial;  // Of checks that are denied.
};

// Explains a journaled charge on the wallet as it was before that entry, with the charge's member,
// and its hold or ended hold where it has one. `context` is that of the entry.
Explanation ExplainCharge(const Wallet& wallet, const UsageCharged& charge,
                          const DecisionContext& context);

// Explains a placed hold likewise.
Explanation ExplainHold(const Wallet& wallet, const Hold& hold, const DecisionContext& context);

// Explains what a check is, or was, answered. An unknown member that would not be provisioned is
// explained as a virtual one.
Explanation ExplainCheck(const Wallet& wallet, const CheckAdmissionCommand& command,
                         const DecisionContext& context);

}  // namespace bursar
