#include "server/service/admin_reads.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status.h"
#include "server/engine/queries.h"
#include "server/engine/scoped_id.h"
#include "server/service/actor_policy.h"
#include "server/service/burn_rate.h"
#include "server/service/conversion.h"
#include "server/service/journal_conversion.h"
#include "server/service/notice_conversion.h"
#include "server/service/payment_conversion.h"
#include "server/service/read_page.h"
#include "server/service/spend_limits.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

// How many members one ListSpendLimits looks at before it answers a short page.
constexpr int kMaxMembersScanned = 20000;

// The hold that an optional admission id names; a violation where it is none of this
// organization's.
AdmissionName ReadAdmission(const Engine& engine, const std::string& organization_id,
                            const std::string& admission_id, FieldViolations* violations) {
  const AdmissionName name = ParseAdmissionId(engine.epoch(), organization_id, admission_id);
  if (name.kind == AdmissionName::kUnknown || name.kind == AdmissionName::kForeign) {
    violations->Add("admission_id", "is no admission of this organization");
  }
  return name;
}

}  // namespace

absl::StatusOr<std::string> AdminReads::CurrencyOf(const std::string& organization_id) {
  std::string currency_code;
  const absl::Status status = engine_.Read(
      organization_id, {}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        currency_code = wallet.header.settings.currency_code;
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return currency_code;
}

absl::Status AdminReads::GetOrganization(const v1::GetOrganizationRequest& request,
                                         v1::GetOrganizationResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return engine_.Read(request.organization_id(), {},
                      [&](const Wallet& wallet, const Position& position, const DecisionContext&) {
                        WriteOrganization(wallet.header, response->mutable_organization());
                        WritePosition(position, engine_.epoch(), response->mutable_position());
                        return absl::OkStatus();
                      });
}

absl::Status AdminReads::AddIfVisible(const CallContext& call, const std::string& organization_id,
                                      v1::ListOrganizationsResponse* response) {
  const absl::Status authorized =
      AuthorizeActor(engine_, call, ActorNeed::kSeeSpend, organization_id);
  if (absl::IsPermissionDenied(authorized)) return absl::OkStatus();
  if (!authorized.ok()) return authorized;
  const absl::Status status = engine_.Read(
      organization_id, {}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        WriteOrganization(wallet.header, response->add_organizations());
        return absl::OkStatus();
      });
  // A token may be made before its organization.
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status AdminReads::ListCoveredOrganizations(const CallContext& call, const std::string& after,
                                                  size_t limit,
                                                  v1::ListOrganizationsResponse* response,
                                                  std::string* next) {
  for (const std::string& organization_id : call.credential->organization_ids) {
    if (organization_id <= after) continue;
    const int listed = response->organizations_size();
    if (static_cast<size_t>(listed) == limit) {
      *next = response->organizations(listed - 1).organization_id();
      break;
    }
    absl::Status status = AddIfVisible(call, organization_id, response);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status AdminReads::ListAllOrganizations(const CallContext& call, const std::string& after,
                                              size_t limit, v1::ListOrganizationsResponse* response,
                                              std::string* next) {
  const auto headers =
      bursar::ListOrganizations(engine_.store(), after, static_cast<int>(limit) + 1);
  if (!headers.ok()) return headers.status();
  for (size_t i = 0; i < std::min(headers->size(), limit); ++i) {
    const WalletHeader& header = (*headers)[i];
    if (!ActsForAPerson(call)) {
      WriteOrganization(header, response->add_organizations());
      continue;
    }
    absl::Status status = AddIfVisible(call, header.organization_id, response);
    if (!status.ok()) return status;
  }
  if (headers->size() > limit) *next = (*headers)[limit - 1].organization_id;
  return absl::OkStatus();
}

absl::Status AdminReads::ListOrganizations(const CallContext& call,
                                           const v1::ListOrganizationsRequest& request,
                                           v1::ListOrganizationsResponse* response) {
  FieldViolations violations;
  const Page page = ReadPage(request, "ListOrganizations", kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  std::string next;  // Where the next page begins; empty on the last.
  const absl::Status status =
      call.credential->all_organizations
          ? ListAllOrganizations(call, page.position, page.size, response, &next)
          : ListCoveredOrganizations(call, page.position, page.size, response, &next);
  if (!status.ok()) return status;
  if (!next.empty()) response->set_next_page_token(MakePageToken(page.scope, next));
  return absl::OkStatus();
}

namespace {

// The organization-wide bounds as a check of a default seat sees them.
void WriteOrganizationBounds(const WalletHeader& header, const DecisionContext& context,
                             v1::GetWalletResponse* response) {
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  if (plan == nullptr) return;
  const AdmissionState state =
      Evaluate(header, nullptr, AdmissionQuery{"", kDefaultSurface, ""}, context);
  for (const Evaluation& bound : state.bounds) {
    if (bound.scope != Scope::kOrganization || bound.each_member) continue;
    EvaluationLine line;
    line.bound = bound;
    line.scope_id = header.organization_id;
    line.bound.blocking = bound.limit.has_value() && !bound.Headroom().is_positive() &&
                          bound.bucket != Bucket::kIncluded;
    line.changeable_by = RolesThatCanChange(bound, *plan);
    WriteEvaluation(line, header.settings.currency_code, response->add_evaluations());
  }
  response->set_funding(ToProtoEnum<v1::Funding>(plan->funding));
  if (!plan->metered) WriteExtraUsage(header, response->mutable_extra_usage());
  // Credit of an earlier plan is drawn before anything accrues (rule O8).
  if (plan->funding == Funding::kPrepaid || !header.grants.empty()) {
    WriteMoney(header.Balance(), header.settings.currency_code, response->mutable_balance());
  }
}

}  // namespace

void WriteWallet(const Wallet& wallet, const DecisionContext& context,
                 v1::GetWalletResponse* response) {
  const WalletHeader& header = wallet.header;
  const std::string& currency_code = header.settings.currency_code;
  WriteOrganization(header, response->mutable_organization());
  WriteOrganizationBounds(header, context, response);
  WriteMoney(header.overdraft, currency_code, response->mutable_overdraft());
  WriteMoney(header.held_extra, currency_code, response->mutable_held());
  WriteMoney(wallet.held_included, currency_code, response->mutable_held_included());
  const MonthCounter month = FindCurrentMonth(header.month, header.settings, context).counter;
  WriteMoney(month.included, currency_code, response->mutable_included_month_to_date());
  WriteMoney(month.extra, currency_code, response->mutable_month_to_date());
  WriteTimestamp(month.month.start, response->mutable_month_start());
  const BurnRates rates = ComputeBurnRates(header.burn, context.now);
  v1::BurnRate* burn = response->mutable_burn_rate();
  WriteMoney(rates.last_hour, currency_code, burn->mutable_last_hour());
  WriteMoney(rates.last_day, currency_code, burn->mutable_last_day());
  WriteMoney(rates.last_week, currency_code, burn->mutable_last_week());
  const auto exhaustion = ProjectExhaustion(header, rates, context);
  if (exhaustion.has_value()) {
    WriteTimestamp(*exhaustion, burn->mutable_projected_exhaustion_time());
  }
  response->set_exhausted_episode_open(header.episode.has_value());
  response->set_open_request_count(header.open_request_count);
  for (const TierState& tier : header.tiers) {
    v1::SeatCount* seats = response->add_seats();
    seats->set_seat_tier(tier.tier_id);
    seats->set_count(tier.seats);
  }
}

absl::Status AdminReads::GetWallet(const v1::GetWalletRequest& request,
                                   v1::GetWalletResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return engine_.Read(
      request.organization_id(), {},
      [&](const Wallet& wallet, const Position& position, const DecisionContext& context) {
        WriteWallet(wallet, context, response);
        WriteWalletPayments(wallet.header, engine_.epoch(), context, response);
        WritePosition(position, engine_.epoch(), response->mutable_position());
        return absl::OkStatus();
      });
}

absl::Status AdminReads::ListSpendLimits(const v1::ListSpendLimitsRequest& request,
                                         v1::ListSpendLimitsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  const Page page = ReadPage(request, absl::StrCat("ListSpendLimits|", request.organization_id()),
                             kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;

  // Positions: "h" and how many of the header's limits were shown; then "m", how many limits of the
  // next member were shown, ":" and the member before it.
  const std::shared_ptr<const PlanCatalog> plans = engine_.catalogs().plans();
  const DecisionContext context{engine_.Now(), plans.get(), &engine_.zones()};
  const auto is_full = [&] { return static_cast<size_t>(response->limits_size()) == page.size; };
  const bool in_header = page.position.empty() || page.position[0] == 'h';
  const size_t colon = std::min(page.position.find(':'), page.position.size());
  std::string after =
      in_header || colon == page.position.size() ? "" : page.position.substr(colon + 1);
  int64_t of_member = in_header ? 0 : NumberIn(page.position.substr(1, colon - 1));
  int64_t skipped = page.position.size() > 1 && in_header ? NumberIn(page.position.substr(1)) : 0;
  bool header_done = !in_header;
  for (int scanned = 0; scanned < kMaxMembersScanned; scanned += static_cast<int>(kLargestPage)) {
    const auto members = bursar::ListMembers(engine_.store(), request.organization_id(), after,
                                             static_cast<int>(kLargestPage));
    if (!members.ok()) return members.status();
    const WalletHeader& header = members->header;
    WritePosition({header.revision, context.now}, engine_.epoch(), response->mutable_position());
    if (!header_done) {
      const std::vector<LimitLine> limits = HeaderLimits(header, context);
      for (; skipped < static_cast<int64_t>(limits.size()); ++skipped) {
        if (is_full()) {
          response->set_next_page_token(MakePageToken(page.scope, absl::StrCat("h", skipped)));
          return absl::OkStatus();
        }
        WriteLimit(header, limits[static_cast<size_t>(skipped)], context.now,
                   response->add_limits());
      }
      header_done = true;
    }
    for (const Member& member : members->members) {
      const std::vector<LimitLine> limits = MemberLimits(header, member, context);
      for (; of_member < static_cast<int64_t>(limits.size()); ++of_member) {
        if (is_full()) {
          response->set_next_page_token(
              MakePageToken(page.scope, absl::StrCat("m", of_member, ":", after)));
          return absl::OkStatus();
        }
        WriteLimit(header, limits[static_cast<size_t>(of_member)], context.now,
                   response->add_limits());
      }
      of_member = 0;
      after = member.member_id;
    }
    if (!members->more) return absl::OkStatus();
  }
  response->set_next_page_token(MakePageToken(page.scope, absl::StrCat("m0:", after)));
  return absl::OkStatus();
}

absl::Status AdminReads::ListHolds(const v1::ListHoldsRequest& request,
                                   v1::ListHoldsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("member_id", request.member_id(), &violations);
  const Page page = ReadPage(request,
                             absl::StrCat("ListHolds|", request.organization_id(), "|",
                                          request.member_id(), "|", request.admission_id()),
                             kDefaultPage, kLargestPage, &violations);
  const AdmissionName named =
      ReadAdmission(engine_, request.organization_id(), request.admission_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return engine_.Read(
      request.organization_id(), {},
      [&](const Wallet& wallet, const Position& position, const DecisionContext&) {
        const std::string& currency_code = wallet.header.settings.currency_code;
        // Positions: the sequence of the last hold shown.
        const int64_t last = page.position.empty() ? 0 : NumberIn(page.position);
        const bool one = named.sequence != 0;
        auto at = wallet.holds.lower_bound(one ? named.sequence : last + 1);
        const auto end = one ? wallet.holds.upper_bound(named.sequence) : wallet.holds.end();
        for (; at != end; ++at) {
          const Hold& hold = at->second;
          if (!request.member_id().empty() && hold.member_id != request.member_id()) continue;
          if (static_cast<size_t>(response->holds_size()) == page.size) {
            response->set_next_page_token(
                MakePageToken(page.scope, absl::StrCat(std::prev(at)->first)));
            break;
          }
          WriteOpenHold(hold, AdmissionId(engine_.epoch(), request.organization_id(), at->first),
                        currency_code, response->add_holds());
        }
        WriteMoney(wallet.header.held_extra, currency_code, response->mutable_held_extra());
        WriteMoney(wallet.held_included, currency_code, response->mutable_held_included());
        WritePosition(position, engine_.epoch(), response->mutable_position());
        return absl::OkStatus();
      });
}

absl::Status AdminReads::ListCredits(const v1::ListCreditsRequest& request,
                                     v1::ListCreditsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  const Page page = ReadPage(request, absl::StrCat("ListCredits|", request.organization_id()),
                             kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return engine_.Read(
      request.organization_id(), {},
      [&](const Wallet& wallet, const Position& position, const DecisionContext&) {
        // Positions: expiry and sequence of the last grant shown, which is the order of drawing.
        const std::vector<std::string> parts = absl::StrSplit(page.position, ':');
        std::pair<absl::Time, int64_t> last{absl::InfinitePast(), 0};
        if (parts.size() == 2) {
          last = {parts[0] == "never" ? absl::InfiniteFuture()
                                      : absl::FromUnixNanos(NumberIn(parts[0])),
                  NumberIn(parts[1])};
        }
        const CreditGrant* shown = nullptr;
        for (const CreditGrant& grant : wallet.header.grants) {
          if (std::pair(grant.expires_at, grant.sequence) <= last) continue;
          if (static_cast<size_t>(response->grants_size()) == page.size) {
            const std::string expiry = shown->expires_at == absl::InfiniteFuture()
                                           ? "never"
                                           : absl::StrCat(absl::ToUnixNanos(shown->expires_at));
            response->set_next_page_token(
                MakePageToken(page.scope, absl::StrCat(expiry, ":", shown->sequence)));
            break;
          }
          WriteCreditGrant(grant, wallet.header.settings.currency_code, response->add_grants());
          shown = &grant;
        }
        WritePosition(position, engine_.epoch(), response->mutable_position());
        return absl::OkStatus();
      });
}

absl::Status AdminReads::ListJournalEntries(const v1::ListJournalEntriesRequest& request,
                                            v1::ListJournalEntriesResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("member_id", request.member_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (!v1::JournalEntryKind_IsValid(request.kind())) {
    violations.Add("kind", "is a value that is not known");
  }
  const AdmissionName named =
      ReadAdmission(engine_, request.organization_id(), request.admission_id(), &violations);
  JournalFilter filter;
  ReadTimeRange(request, &filter.start, &filter.end, &violations);
  const Page page = ReadPage(
      request,
      absl::StrCat("ListJournalEntries|", request.organization_id(), "|", request.member_id(), "|",
                   request.request_id(), "|", static_cast<int>(request.kind()), "|",
                   TimeRangeKey(request), "|", request.ascending(), "|", request.admission_id()),
      kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto currency_code = CurrencyOf(request.organization_id());
  if (!currency_code.ok()) return currency_code.status();
  if (!request.admission_id().empty()) {
    filter.admission = {named.sequence, request.admission_id()};
  }
  filter.member_id = request.member_id();
  filter.request_id = request.request_id();
  filter.body_index = BodyIndexOf(request.kind());
  filter.ascending = request.ascending();
  filter.after_sequence = NumberIn(page.position);
  filter.limit = static_cast<int>(page.size);
  const auto journal = bursar::ReadJournal(engine_.store(), request.organization_id(), filter);
  if (!journal.ok()) return journal.status();
  const JournalWords words{request.organization_id(), engine_.epoch(), *currency_code};
  for (const JournalPage::Item& item : journal->items) {
    WriteJournalEntry(item, words, response->add_entries());
  }
  if (journal->more && !journal->items.empty()) {
    response->set_next_page_token(
        MakePageToken(page.scope, absl::StrCat(journal->items.back().entry.sequence)));
  }
  WritePosition({journal->revision, journal->as_of}, engine_.epoch(), response->mutable_position());
  return absl::OkStatus();
}

absl::Status AdminReads::ListNotices(const CallContext& call, const v1::ListNoticesRequest& request,
                                     v1::ListNoticesResponse* response) {
  FieldViolations violations;
  CheckOptionalId("organization_id", request.organization_id(), &violations);
  const Page page = ReadPage(request, absl::StrCat("ListNotices|", request.organization_id()),
                             kDefaultPage, kLargestPage, &violations);
  const bool may_see_all =
      call.credential->all_organizations && call.credential->role != ServiceRole::kAdmin;
  if (request.organization_id().empty() && !may_see_all) {
    violations.Add("organization_id", "is required: the caller does not see all organizations");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (!request.organization_id().empty()) {
    const auto currency_code = CurrencyOf(request.organization_id());
    if (!currency_code.ok()) return currency_code.status();
  }
  const auto notices = bursar::ListNotices(engine_.store(), request.organization_id(),
                                           page.position, static_cast<int>(page.size));
  if (!notices.ok()) return notices.status();
  for (const PendingNotice& notice : notices->notices) {
    WriteNotice(notice, response->add_notices());
  }
  if (!notices->next.empty()) {
    response->set_next_page_token(MakePageToken(page.scope, notices->next));
  }
  return absl::OkStatus();
}

}  // namespace bursar
