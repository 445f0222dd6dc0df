// The summary at the end of a replay, for people and for programs.
//
// Thread rule: pure functions.
#pragma once

#include <ostream>

#include "client/cli/replay_tally.h"

namespace bursar::cli {

// Prints counts, denials with their banners, money and rates as aligned lines.
void PrintReplaySummary(const ReplayTally& tally, std::ostream& out);

// Prints the same as one JSON object: counts as numbers, money in the shape of `Money` with units
// as text, durations in seconds and rates per second as numbers.
void PrintReplaySummaryAsJson(const ReplayTally& tally, std::ostream& out);

}  // namespace bursar::cli
