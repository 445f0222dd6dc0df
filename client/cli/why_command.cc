// bursar why: the present state of a member in words, or why it was denied.
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/denials.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

// How far from the moment a denial may lie that is meant by it.
constexpr absl::Duration kNear = absl::Minutes(10);
// How many of the recent ones are told of with the present state.
constexpr int kRecent = 3;

struct WhyOptions {
  std::string organization;
  std::string member;
  std::string named_member;  // The same, as an option.
  std::string at;
};

// "included month" or "spend limit of organization acme", with what is left of it.
std::string EvaluationInWords(const v1::Evaluation& one) {
  std::string text =
      absl::StrCat(SourceInWords(one), " of ", ScopeInWords(one.scope(), one.scope_id()), ": ");
  if (!one.has_limit()) {
    absl::StrAppend(&text, "unlimited, ", FormatMoneyField(one, "spent", "nothing"), " spent");
  } else if (one.source() == "balance") {
    absl::StrAppend(&text, FormatMoneyField(one, "remaining", "nothing"), " left");
    if (NanosOf(one.spent()) != 0) {
      absl::StrAppend(&text, ", ", FormatMoney(one.spent()), " overdrawn");
    }
    if (NanosOf(one.held()) != 0) absl::StrAppend(&text, ", ", FormatMoney(one.held()), " held");
  } else {
    absl::StrAppend(&text, FormatMoneyField(one, "remaining", "nothing"), " left of ",
                    FormatMoney(one.limit()), " (", FormatMoneyField(one, "spent", "nothing"),
                    " spent");
    if (NanosOf(one.held()) != 0) absl::StrAppend(&text, ", ", FormatMoney(one.held()), " held");
    absl::StrAppend(&text, ")");
  }
  if (one.has_reset_time()) {
    absl::StrAppend(&text, ", starts anew ", FormatTimeField(one, "reset_time"));
  }
  if (one.blocking()) {
    absl::StrAppend(&text, "  <- this blocks");
    const std::string roles = RolesInWords(one.changeable_by());
    if (!roles.empty()) absl::StrAppend(&text, "; can be changed by ", roles);
  }
  return text;
}

void PrintWhy(const WhyOptions& options, const v1::GetMemberUsageResponse& usage,
              std::ostream& out) {
  const bool admitted = usage.decision() == v1::DECISION_ADMITTED;
  out << options.member;
  if (!usage.seat_tier().empty()) out << " (seat " << usage.seat_tier() << ")";
  out << (admitted ? " can work now.\n" : " is blocked now.\n");
  if (usage.has_denial()) {
    out << "\n";
    PrintDenial(usage.denial(), out);
  }
  out << "\nWhat a check looks at, as of " << FormatTimeField(usage.position(), "as_of") << ":\n";
  for (const v1::Evaluation& one : usage.evaluations()) {
    out << "  " << EvaluationInWords(one) << "\n";
  }
  if (usage.evaluations().empty()) out << "  nothing bounds this member\n";
  out << "\nThis month " << options.member << " used "
      << FormatMoneyField(usage, "included_month_to_date", "nothing") << " of included usage and "
      << FormatMoneyField(usage, "month_to_date", "nothing") << " beyond it.\n";
}

// "2026-11-22 02:40:07 UTC (12 times in a minute): message".
void PrintDeniedCheck(const v1::DeniedCheck& check, std::ostream& out) {
  out << "  " << FormatTimeField(check, "first_time");
  if (check.count() > 1) out << " (" << FormatCount(check.count()) << " times in a minute)";
  if (!check.surface().empty()) out << ", " << check.surface();
  out << ": " << Spaced(Word(check.denial().reason())) << " of "
      << ScopeInWords(check.denial().scope(), check.denial().scope_id()) << "\n    "
      << check.denial().message() << "\n";
}

// Why the member was denied around a moment: what is remembered, and where nothing is, what a check
// would have said.
absl::StatusOr<ExitStatus> RunWhyThen(Session& session, const WhyOptions& options) {
  session.set_default_deadline(absl::Minutes(5));
  const auto at = ReadMoment(session, options.organization, options.at, absl::Now());
  if (!at.ok()) return at.status();
  v1::ListDenialsRequest denials;
  denials.set_organization_id(options.organization);
  denials.set_member_id(options.member);
  *denials.mutable_start_time() = ToProto(*at - kNear);
  *denials.mutable_end_time() = ToProto(*at + kNear);
  const auto list = session.Call(&v1::AdminService::Stub::ListDenials, denials);
  if (!list.ok()) return list.status();
  if (!list->denials().empty()) {
    return Show(session, list, [&](const v1::ListDenialsResponse& found) {
      session.out() << options.member << " was denied around " << FormatInstant(*at) << ":\n";
      for (const v1::DeniedCheck& check : found.denials()) {
        PrintDeniedCheck(check, session.out());
        for (const v1::Evaluation& one : check.evaluations()) {
          session.out() << "      " << EvaluationInWords(one) << "\n";
        }
        session.out() << "    rule by rule: bursar explain " << options.organization << " --denial "
                      << check.denial_id() << "\n";
      }
    });
  }
  v1::ExplainDecisionRequest moment;
  moment.set_organization_id(options.organization);
  moment.mutable_moment()->set_member_id(options.member);
  *moment.mutable_moment()->mutable_time() = ToProto(*at);
  return Show(session, session.Call(&v1::AdminService::Stub::ExplainDecision, moment),
              [&](const v1::ExplainDecisionResponse& reply) {
                session.out() << "No denial of " << options.member << " is remembered around "
                              << FormatInstant(*at) << ". A check then would have been "
                              << (reply.has_denial() ? "denied" : "admitted") << ":\n";
                for (const v1::ExplainedStep& step : reply.steps()) {
                  session.out() << "  " << step.rule() << "  " << step.text() << "\n";
                }
              });
}

// Recent denials below the present state. Who may not list them is not told of them.
void PrintRecentDenials(Session& session, const WhyOptions& options) {
  v1::ListDenialsRequest denials;
  denials.set_organization_id(options.organization);
  denials.set_member_id(options.member);
  denials.set_page_size(kRecent);
  const auto list = session.Call(&v1::AdminService::Stub::ListDenials, denials);
  if (!list.ok() || list->denials().empty()) return;
  session.out() << "\nLately denied:\n";
  for (const v1::DeniedCheck& check : list->denials()) PrintDeniedCheck(check, session.out());
}

absl::StatusOr<ExitStatus> RunWhy(Session& session, const WhyOptions& typed) {
  WhyOptions options = typed;
  if (typed.member.empty() == typed.named_member.empty()) {
    return UsageError("Name one member: bursar why acme ann, or --member ann.");
  }
  if (options.member.empty()) options.member = options.named_member;
  if (!options.at.empty()) return RunWhyThen(session, options);
  v1::GetMemberUsageRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  return Show(session, session.Call(&v1::QuotaService::Stub::GetMemberUsage, request),
              [&](const auto& usage) {
                PrintWhy(options, usage, session.out());
                PrintRecentDenials(session, options);
              });
}

}  // namespace

void AddWhyCommand(CLI::App& root, Action* action) {
  const auto why = AddCommand(
      root, "why", "Explain in words why a member can work, is or was blocked", action, &RunWhy);
  why.app->add_option("organization", why.options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  why.app->add_option("name", why.options->member, "The member")->type_name("MEMBER");
  why.app->add_option("--member", why.options->named_member, "The same");
  why.app
      ->add_option(
          "--at", why.options->at,
          "Why it was denied then: an instant such as 2026-01-31T10:00:00Z, or the last 02:40 "
          "by the clocks of the organization's zone")
      ->type_name("INSTANT");
}

}  // namespace bursar::cli
