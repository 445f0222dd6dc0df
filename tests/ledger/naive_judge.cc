// The naive model's checks: what is in the way, and until when, tried instant by instant.
#include <algorithm>

#include "tests/ledger/naive_wallet.h"

namespace bursar {

using Kind = NaiveEvent::Kind;

void NaiveWallet::Measure(Situation& situation) {
  situation.included = Amount();
  for (std::vector<Bound>* bounds : {&situation.windows, &situation.bounds}) {
    for (Bound& bound : *bounds) {
      bound.headroom = bound.limit - bound.spent;
      for (const auto& [expires_at, reserved] : bound.holds) bound.headroom -= reserved;
    }
  }
  for (size_t i = 0; i < situation.windows.size(); ++i) {
    const Amount headroom = Max(situation.windows[i].headroom, Amount());
    situation.included = i == 0 ? headroom : Min(situation.included, headroom);
  }
}

bool NaiveWallet::Captures() const {
  bool captures = false;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kPolicy) captures = event.captures;
  }
  return captures;
}

NaiveWallet::Situation NaiveWallet::Later(const Situation& situation, absl::Time at) const {
  Situation later = situation;
  for (std::vector<Bound>* bounds : {&later.windows, &later.bounds}) {
    for (Bound& bound : *bounds) {
      if (at >= bound.reset) bound.spent = Amount();
      std::vector<std::pair<absl::Time, Amount>> live;
      for (const auto& [expires_at, reserved] : bound.holds) {
        if (expires_at > at) live.emplace_back(expires_at, reserved);
        // A captured hold counts in the window that it is captured in.
        const bool counts = at < bound.reset || expires_at >= bound.reset;
        if (expires_at <= at && Captures() && counts) bound.spent += reserved;
      }
      bound.holds = live;
    }
  }
  Measure(later);
  return later;
}

NaiveAnswer NaiveWallet::JudgeAsItIs(const Situation& situation, std::optional<Nanos> estimate,
                                     std::optional<Nanos> max_hold) const {
  const Bucket overflow = plan_.metered ? Bucket::kMetered : Bucket::kExtra;
  NaiveAnswer answer;
  answer.bucket = situation.included_applies ? Bucket::kIncluded : overflow;
  if (situation.refusal != DenialReason::kNone) {
    answer.reason = situation.refusal;
    return answer;
  }
  const Amount wanted = estimate.has_value() && estimate->value > 0 ? Amount(*estimate) : Nanos(1);
  if (situation.included < wanted) {
    if (situation.gate != DenialReason::kNone) {
      answer.reason = situation.gate;
      return answer;
    }
    if (!situation.included.is_positive()) answer.bucket = overflow;
    for (const Bound& bound : situation.bounds) {
      if (bound.headroom.is_positive() || answer.reason != DenialReason::kNone) continue;
      answer.reason = bound.reason;
    }
    for (const Bound& bound : situation.bounds) {
      const bool fits = bound.headroom >= wanted - situation.included;
      if (!fits && answer.reason == DenialReason::kNone) {
        answer.reason = DenialReason::kHoldDoesNotFit;
      }
    }
    if (answer.reason != DenialReason::kNone) {
      answer.bucket = overflow;
      return answer;
    }
  }
  answer.admitted = true;
  if (max_hold.has_value() && wanted > *max_hold) {
    answer.admitted = false;
    answer.reason = DenialReason::kHoldDoesNotFit;
  }
  return answer;
}

NaiveAnswer NaiveWallet::Judge(const Situation& situation, std::optional<Nanos> estimate,
                               std::optional<Nanos> max_hold) const {
  const NaiveAnswer as_it_is = JudgeAsItIs(situation, estimate, max_hold);
  if (as_it_is.admitted) return as_it_is;
  Situation without_holds = situation;
  std::vector<absl::Time> instants;
  for (std::vector<Bound>* bounds : {&without_holds.windows, &without_holds.bounds}) {
    for (Bound& bound : *bounds) {
      instants.push_back(bound.reset);
      for (const auto& [expires_at, reserved] : bound.holds) instants.push_back(expires_at);
      bound.holds.clear();
    }
  }
  Measure(without_holds);
  NaiveAnswer answer = JudgeAsItIs(without_holds, estimate, max_hold);
  if (answer.admitted) {
    answer = as_it_is;
    answer.held = true;
  }
  std::sort(instants.begin(), instants.end());
  for (const absl::Time instant : instants) {
    if (instant == absl::InfiniteFuture()) break;
    if (!JudgeAsItIs(Later(situation, instant), estimate, max_hold).admitted) continue;
    answer.ends_at = instant;
    break;
  }
  return answer;
}

NaiveAnswer NaiveWallet::Decide(const Situation& situation, std::optional<Nanos> estimate,
                                std::optional<Nanos> max_hold, bool validate_only) {
  const NaiveAnswer answer = Judge(situation, estimate, max_hold);
  if (!validate_only && !answer.held &&
      (answer.reason == DenialReason::kBalanceExhausted ||
       answer.reason == DenialReason::kOrganizationLimitReached)) {
    episode_open_ = true;
  }
  return answer;
}

}  // namespace bursar
