// AdminService: the wallet, extra usage, spend limits, credit.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/service/admin_service.h"
#include "server/service/validation.h"
#include "server/service/wallet_conversion.h"

namespace bursar {

namespace {

constexpr size_t kMaxSelectedMembers = 1000;
constexpr size_t kMaxPageSize = 1000;
constexpr size_t kDefaultPageSize = 100;
constexpr size_t kMaxReferenceBytes = 200;
constexpr int kSecondsPerHour = 3600;

// Spend over the trailing `span` buckets of a length, the oldest prorated by what of it still lies
// in the span, per hour.
Amount RatePerHour(const std::vector<BurnCounters::Bucket>& buckets, absl::Time now,
                   int64_t bucket_seconds, int64_t span) {
  const int64_t now_seconds = absl::ToUnixSeconds(now);
  const int64_t current = now_seconds / bucket_seconds;
  const int64_t into_current = now_seconds - current * bucket_seconds;
  absl::int128 sum = 0;
  for (const BurnCounters::Bucket& bucket : buckets) {
    if (bucket.index > current - span && bucket.index <= current) {
      sum += bucket.spent.nanos();
    } else if (bucket.index == current - span) {
      sum += bucket.spent.nanos() * (bucket_seconds - into_current) / bucket_seconds;
    }
  }
  return Amount(sum * kSecondsPerHour / (bucket_seconds * span));
}

void WriteBurnRate(const WalletHeader& header, const std::optional<Amount>& headroom,
                   absl::Time now, v1::BurnRate* proto) {
  const std::string& currency = header.settings.currency_code;
  const Amount last_day = RatePerHour(header.burn.hours, now, kSecondsPerHour, 24);
  WriteMoney(RatePerHour(header.burn.hours, now, kSecondsPerHour, 1), currency,
             proto->mutable_last_hour());
  WriteMoney(last_day, currency, proto->mutable_last_day());
  WriteMoney(RatePerHour(header.burn.days, now, 24 * kSecondsPerHour, 7), currency,
             proto->mutable_last_week());
  if (!headroom.has_value() || !last_day.is_positive() || !headroom->is_positive()) return;
  const absl::int128 seconds = headroom->nanos() * kSecondsPerHour / last_day.nanos();
  // A century from now is as good as never.
  constexpr int64_t kCenturySeconds = int64_t{100} * 366 * 24 * kSecondsPerHour;
  if (seconds > kCenturySeconds) return;
  WriteTimestamp(now + absl::Seconds(static_cast<int64_t>(seconds)),
                 proto->mutable_projected_exhaustion_time());
}

void WriteWallet(const Wallet& wallet, const DecisionContext& context,
                 v1::GetWalletResponse* reply) {
  const WalletHeader& header = wallet.header;
  const std::string& currency = header.settings.currency_code;
  WriteOrganization(header, reply->mutable_organization());
  // A virtual member sees what is the organization's: pool, limit, balance.
  const AdmissionState state = Evaluate(header, nullptr, AdmissionQuery{"", kDefaultSurface, ""},
                                        context);
  reply->set_funding(static_cast<v1::Funding>(state.plan->funding));
  if (!state.plan->metered) WriteExtraUsage(header, reply->mutable_extra_usage());
  if (state.plan->funding == Funding::kPrepaid) {
    WriteMoney(header.Balance(), currency, reply->mutable_balance());
    WriteMoney(header.overdraft, currency, reply->mutable_overdraft());
  }
  WriteMoney(header.held_extra, currency, reply->mutable_held());
  const CurrentMonth month = FindCurrentMonth(header.month, header.settings, context);
  WriteMoney(month.counter.included, currency, reply->mutable_included_month_to_date());
  WriteMoney(month.counter.extra, currency, reply->mutable_month_to_date());
  WriteTimestamp(month.counter.month.start, reply->mutable_month_start());
  std::optional<Amount> headroom;
  for (const Evaluation& bound : state.bounds) {
    if (bound.scope != Scope::kOrganization) continue;
    EvaluationLine line{bound, std::string(bound.scope_id),
                        RolesThatCanChange(bound, *state.plan)};
    WriteEvaluation(line, currency, reply->add_evaluations());
    if (bound.bucket == Bucket::kIncluded || !bound.limit.has_value()) continue;
    headroom = headroom.has_value() ? Min(*headroom, bound.Headroom()) : bound.Headroom();
  }
  WriteBurnRate(header, headroom, context.now, reply->mutable_burn_rate());
  reply->set_exhausted_episode_open(header.episode.has_value());
  for (const TierState& tier : header.tiers) {
    v1::SeatCount* seats = reply->add_seats();
    seats->set_seat_tier(tier.tier_id);
    seats->set_count(tier.seats);
  }
}

// The scope and limit that a request sets.
SetSpendLimitCommand ReadSetLimit(const v1::SetSpendLimitRequest& request,
                                  FieldViolations* violations) {
  SetSpendLimitCommand command;
  switch (request.scope_case()) {
    case v1::SetSpendLimitRequest::kOrganization:
      command.scope = Scope::kOrganization;
      if (!request.organization()) violations->Add("organization", "must be true where it is set");
      break;
    case v1::SetSpendLimitRequest::kSeatTier:
      command.scope = Scope::kSeatTier;
      command.scope_id = request.seat_tier();
      CheckRequiredId("seat_tier", request.seat_tier(), violations);
      break;
    case v1::SetSpendLimitRequest::kMemberId:
      command.scope = Scope::kMember;
      command.scope_id = request.member_id();
      CheckRequiredId("member_id", request.member_id(), violations);
      break;
    case v1::SetSpendLimitRequest::SCOPE_NOT_SET:
      violations->Add("scope", "is required: organization, seat_tier or member_id");
      break;
  }
  switch (request.value_case()) {
    case v1::SetSpendLimitRequest::kAmount:
      command.limit.amount =
          ReadMoney("amount", request.amount(), MoneySign::kNotNegative, violations);
      command.currency_code = request.amount().currency_code();
      break;
    case v1::SetSpendLimitRequest::kUnlimited:
      if (!request.unlimited()) {
        violations->Add("unlimited", "must be true where it is set; otherwise set an amount");
      }
      break;
    case v1::SetSpendLimitRequest::VALUE_NOT_SET:
      violations->Add("value", "is required: an amount, or unlimited");
      break;
  }
  if (request.period() != v1::LIMIT_PERIOD_UNSPECIFIED &&
      request.period() != v1::LIMIT_PERIOD_MONTH) {
    violations->Add("period", "must be a month; other periods are not offered yet");
  }
  if (request.has_expire_time()) {
    violations->Add("expire_time", "is not offered yet; set the limit again when it should end");
  }
  if (request.basis() != v1::LIMIT_BASIS_UNSPECIFIED && command.scope != Scope::kSeatTier) {
    violations->Add("basis", "goes only with a seat tier");
  }
  if (request.basis() == v1::LIMIT_BASIS_TIER_TOTAL) command.limit.basis = LimitBasis::kTierTotal;
  return command;
}

// What is spent of a limit and when that ends.
void WriteLimitState(const Wallet& wallet, const SetSpendLimitCommand& command,
                     const DecisionContext& context, v1::SpendLimit* proto) {
  const WalletHeader& header = wallet.header;
  static const MonthCounter kNever;
  const MonthCounter* stored = &header.month;
  std::string scope_id = header.organization_id;
  std::optional<Amount> spent;
  if (command.scope == Scope::kSeatTier) {
    const TierState* tier = header.FindTier(command.scope_id);
    stored = tier == nullptr ? &kNever : &tier->month;
    scope_id = command.scope_id;
  } else if (command.scope == Scope::kMember) {
    const Member* member = wallet.FindMember(command.scope_id);
    stored = member == nullptr ? &kNever : &member->month;
    scope_id = command.scope_id;
  }
  const CurrentMonth month = FindCurrentMonth(*stored, header.settings, context);
  const bool shared = command.scope != Scope::kSeatTier ||
                      command.limit.basis == LimitBasis::kTierTotal;
  if (shared) spent = month.counter.extra;
  WriteSpendLimit(command.scope, scope_id, command.limit, spent, month.counter.month.end,
                  header.settings.currency_code, proto);
}

}  // namespace

grpc::Status AdminServiceHandlers::GetWallet(grpc::ServerContext* context,
                                             const v1::GetWalletRequest* request,
                                             v1::GetWalletResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/GetWallet");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return engine_.Read(request->organization_id(), {},
                        [&](const Wallet& wallet, const Position& position,
                            const DecisionContext& decision) {
                          WriteWallet(wallet, decision, reply);
                          WritePosition(position, engine_.epoch(), reply->mutable_position());
                          return absl::OkStatus();
                        });
  });
}

grpc::Status AdminServiceHandlers::UpdateExtraUsage(grpc::ServerContext* context,
                                                    const v1::UpdateExtraUsageRequest* request,
                                                    v1::UpdateExtraUsageResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/UpdateExtraUsage");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    CheckOptionalId("request_id", request->request_id(), &violations);
    if (!request->has_enabled()) violations.Add("enabled", "is required: true or false");
    UpdateExtraUsageCommand command;
    command.enabled = request->enabled();
    if (request->audience() < 0 || request->audience() > v1::EXTRA_USAGE_AUDIENCE_SELECTED) {
      violations.Add("audience", "is no value of this enum");
    } else if (request->audience() != v1::EXTRA_USAGE_AUDIENCE_UNSPECIFIED) {
      command.audience = static_cast<ExtraUsageAudience>(request->audience());
    }
    if (request->selected_member_ids_size() > static_cast<int>(kMaxSelectedMembers)) {
      violations.Add("selected_member_ids",
                     absl::StrCat("must be at most ", kMaxSelectedMembers));
    } else if (request->selected_member_ids_size() > 0) {
      std::vector<std::string> selected(request->selected_member_ids().begin(),
                                        request->selected_member_ids().end());
      std::sort(selected.begin(), selected.end());
      if (std::adjacent_find(selected.begin(), selected.end()) != selected.end()) {
        violations.Add("selected_member_ids", "must name each member once");
      }
      command.selected_member_ids = std::move(selected);
    }
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return Administer(
        call, request->organization_id(), command, *request, request->request_id(),
        [this](const Wallet& wallet, const AdministrationOutcome& outcome,
               const Position& position, const DecisionContext& decision) {
          v1::UpdateExtraUsageResponse rendered;
          WriteExtraUsage(wallet.header, rendered.mutable_extra_usage());
          for (const std::string& step : outcome.next_steps) rendered.add_next_steps(step);
          WriteBlockers(OrganizationBlockers(wallet.header, decision),
                        rendered.mutable_still_blocked_by());
          WritePosition(position, engine_.epoch(), rendered.mutable_position());
          return rendered.SerializeAsString();
        },
        reply);
  });
}

grpc::Status AdminServiceHandlers::SetSpendLimit(grpc::ServerContext* context,
                                                 const v1::SetSpendLimitRequest* request,
                                                 v1::SetSpendLimitResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/SetSpendLimit");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    CheckOptionalId("request_id", request->request_id(), &violations);
    const SetSpendLimitCommand command = ReadSetLimit(*request, &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return Administer(
        call, request->organization_id(), command, *request, request->request_id(),
        [this, &command](const Wallet& wallet, const AdministrationOutcome& outcome,
                         const Position& position, const DecisionContext& decision) {
          v1::SetSpendLimitResponse rendered;
          WriteLimitState(wallet, command, decision, rendered.mutable_limit());
          rendered.set_spend_predates_limit(outcome.spend_predates_limit);
          WriteBlockers(OrganizationBlockers(wallet.header, decision),
                        rendered.mutable_still_blocked_by());
          WritePosition(position, engine_.epoch(), rendered.mutable_position());
          return rendered.SerializeAsString();
        },
        reply);
  });
}

grpc::Status AdminServiceHandlers::ListSpendLimits(grpc::ServerContext* context,
                                                   const v1::ListSpendLimitsRequest* request,
                                                   v1::ListSpendLimitsResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/ListSpendLimits");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultPageSize,
                                      kMaxPageSize, &violations);
    const std::string scope = absl::StrCat("limits/", request->organization_id());
    std::string after = ReadPageToken("page_token", scope, request->page_token(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    const bool first_page = request->page_token().empty();
    const std::shared_ptr<const PlanCatalog> plans = engine_.catalogs().plans();
    while (true) {
      absl::StatusOr<MemberPage> page =
          bursar::ListMembers(engine_.store(), request->organization_id(), after, kMaxPageSize);
      if (!page.ok()) return page.status();
      const DecisionContext decision{engine_.Now(), plans.get(), &engine_.zones()};
      Wallet wallet;
      wallet.header = page->header;
      if (first_page && reply->limits_size() == 0 && after.empty()) {
        if (page->header.limit.has_value()) {
          WriteLimitState(wallet, {Scope::kOrganization, "", *page->header.limit, ""}, decision,
                          reply->add_limits());
        }
        for (const TierState& tier : page->header.tiers) {
          if (!tier.limit.has_value()) continue;
          WriteLimitState(wallet, {Scope::kSeatTier, tier.tier_id, *tier.limit, ""}, decision,
                          reply->add_limits());
        }
      }
      WriteSnapshotPosition(page->header.revision, decision.now, reply->mutable_position());
      for (const Member& member : page->members) {
        after = member.member_id;
        if (!member.limit.has_value()) continue;
        wallet.members[member.member_id] = member;
        WriteLimitState(wallet, {Scope::kMember, member.member_id, *member.limit, ""}, decision,
                        reply->add_limits());
        if (reply->limits_size() >= static_cast<int>(limit)) {
          reply->set_next_page_token(MakePageToken(scope, after));
          return absl::OkStatus();
        }
      }
      if (!page->more) return absl::OkStatus();
    }
  });
}

grpc::Status AdminServiceHandlers::GrantCredit(grpc::ServerContext* context,
                                               const v1::GrantCreditRequest* request,
                                               v1::GrantCreditResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/GrantCredit");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    CheckRequiredId("request_id", request->request_id(), &violations);
    CheckText("reference", request->reference(), kMaxReferenceBytes, &violations);
    GrantCreditCommand command;
    command.amount = ReadMoney("amount", request->amount(), MoneySign::kPositive, &violations);
    command.currency_code = request->amount().currency_code();
    command.reference = request->reference();
    if (request->kind() < 0 || request->kind() > v1::CREDIT_KIND_ADJUSTMENT) {
      violations.Add("kind", "is no value of this enum");
    } else if (request->kind() != v1::CREDIT_KIND_UNSPECIFIED) {
      command.kind = static_cast<CreditKind>(request->kind());
    }
    if (request->has_expire_time()) {
      command.expires_at = ReadTimestamp("expire_time", request->expire_time(), &violations);
    }
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    bool replayed = false;
    absl::Status status = Administer(
        call, request->organization_id(), command, *request, request->request_id(),
        [this](const Wallet& wallet, const AdministrationOutcome& outcome,
               const Position& position, const DecisionContext& decision) {
          const WalletHeader& header = wallet.header;
          const std::string& code = header.settings.currency_code;
          v1::GrantCreditResponse rendered;
          WriteCredit(outcome.granted, code, rendered.mutable_grant());
          WriteMoney(outcome.repaid_overdraft, code, rendered.mutable_repaid_overdraft());
          WriteMoney(header.Balance(), code, rendered.mutable_balance());
          WriteBlockers(OrganizationBlockers(header, decision),
                        rendered.mutable_still_blocked_by());
          WritePosition(position, engine_.epoch(), rendered.mutable_position());
          return rendered.SerializeAsString();
        },
        reply, &replayed);
    reply->set_replayed(replayed);
    return status;
  });
}

grpc::Status AdminServiceHandlers::ListCredits(grpc::ServerContext* context,
                                               const v1::ListCreditsRequest* request,
                                               v1::ListCreditsResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/ListCredits");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultPageSize,
                                      kMaxPageSize, &violations);
    const std::string scope = absl::StrCat("credits/", request->organization_id());
    const std::string token =
        ReadPageToken("page_token", scope, request->page_token(), &violations);
    int64_t start = 0;
    if (!token.empty() && !absl::SimpleAtoi(token, &start)) {
      violations.Add("page_token", "is not one that this service returned");
    }
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return engine_.Read(
        request->organization_id(), {},
        [&](const Wallet& wallet, const Position& position, const DecisionContext&) {
          const std::vector<CreditGrant>& grants = wallet.header.grants;
          const size_t first = std::min(grants.size(), static_cast<size_t>(start));
          const size_t last = std::min(grants.size(), first + limit);
          for (size_t i = first; i < last; ++i) {
            WriteCredit(grants[i], wallet.header.settings.currency_code, reply->add_grants());
          }
          if (last < grants.size()) {
            reply->set_next_page_token(MakePageToken(scope, absl::StrCat(last)));
          }
          WritePosition(position, engine_.epoch(), reply->mutable_position());
          return absl::OkStatus();
        });
  });
}

}  // namespace bursar
