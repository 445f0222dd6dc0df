// ListMembers (seeing_reads.h).
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/engine/queries.h"
#include "server/service/conversion.h"
#include "server/service/read_page.h"
#include "server/service/seeing_reads.h"
#include "server/service/spend_limits.h"

namespace bursar {
namespace {

// A member's place in the order by spend: less is earlier.
struct SpendPlace {
  Amount extra;
  Amount included;
  std::string member_id;

  friend bool operator<(const SpendPlace& a, const SpendPlace& b) {
    return std::tie(b.extra, b.included, a.member_id) < std::tie(a.extra, a.included, b.member_id);
  }
};

struct RankedMember {
  SpendPlace place;
  Member member;

  friend bool operator<(const RankedMember& a, const RankedMember& b) { return a.place < b.place; }
};

SpendPlace PlaceOf(const WalletHeader& header, const Member& member,
                   const DecisionContext& context) {
  const MonthCounter month = FindScopeMonth(member.month, CurrentMonthOf(header, context)).counter;
  return {month.extra, month.included, member.member_id};
}

// A place as a position in a page token, and back: nothing for "".
std::string ToPosition(const SpendPlace& place) {
  std::string text;
  for (const Amount* amount : {&place.extra, &place.included}) {
    const absl::int128 nanos = amount->nanos();
    absl::StrAppend(&text, absl::Int128High64(nanos), ",", absl::Int128Low64(nanos), ",");
  }
  return text + place.member_id;
}

std::optional<SpendPlace> FromPosition(const std::string& position) {
  const std::vector<std::string> parts = absl::StrSplit(position, absl::MaxSplits(',', 4));
  if (parts.size() != 5) return std::nullopt;
  const auto amount = [&](size_t at) {
    uint64_t low = 0;
    static_cast<void>(absl::SimpleAtoi(parts[at + 1], &low));
    return Amount(absl::MakeInt128(NumberIn(parts[at]), low));
  };
  return SpendPlace{amount(0), amount(2), parts[4]};
}

// The first `limit` members behind `after` in the order by spend. Every member is looked at, but no
// more than a page of them is kept.
absl::StatusOr<MemberPage> RankMembers(Store& store, const std::string& organization_id,
                                       const std::optional<SpendPlace>& after, size_t limit,
                                       const DecisionContext& context) {
  std::set<RankedMember> best;
  MemberPage ranked;
  std::string last;
  bool any_left_out = false;
  do {
    absl::StatusOr<MemberPage> page =
        ListMembers(store, organization_id, last, static_cast<int>(kLargestPage));
    if (!page.ok()) return page.status();
    ranked.header = std::move(page->header);
    ranked.more = page->more;
    for (Member& member : page->members) {
      last = member.member_id;
      SpendPlace place = PlaceOf(ranked.header, member, context);
      if (after.has_value() && !(*after < place)) continue;
      best.insert({std::move(place), std::move(member)});
      if (best.size() <= limit) continue;
      best.erase(std::prev(best.end()));
      any_left_out = true;
    }
  } while (ranked.more);
  ranked.more = any_left_out;
  for (const RankedMember& one : best) ranked.members.push_back(one.member);
  return ranked;
}

}  // namespace

absl::Status SeeingReads::ListMembers(const v1::ListMembersRequest& request,
                                      v1::ListMembersResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  if (!v1::MemberOrder_IsValid(request.order())) {
    violations.Add("order", "is a value that is not known");
  }
  const bool by_spend = request.order() == v1::MEMBER_ORDER_SPEND;
  const Page page = ReadPage(
      request, absl::StrCat("ListMembers|", request.organization_id(), by_spend ? "|spend" : ""),
      kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const std::shared_ptr<const PlanCatalog> plans = engine_.catalogs().plans();
  const DecisionContext context{engine_.Now(), plans.get(), &engine_.zones()};
  const auto members = by_spend ? RankMembers(engine_.store(), request.organization_id(),
                                              FromPosition(page.position), page.size, context)
                                : bursar::ListMembers(engine_.store(), request.organization_id(),
                                                      page.position, static_cast<int>(page.size));
  if (!members.ok()) return members.status();
  for (const Member& member : members->members) {
    WriteMemberSummary(members->header, member, context, response->add_members());
  }
  if (members->more && !members->members.empty()) {
    const Member& last = members->members.back();
    response->set_next_page_token(
        MakePageToken(page.scope, by_spend ? ToPosition(PlaceOf(members->header, last, context))
                                           : last.member_id));
  }
  WritePosition({members->header.revision, context.now}, engine_.epoch(),
                response->mutable_position());
  return absl::OkStatus();
}

}  // namespace bursar
