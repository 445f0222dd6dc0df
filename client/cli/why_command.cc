// bursar why: the present state of a member in words.
#include "absl/strings/str_cat.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

struct WhyOptions {
  std::string organization;
  std::string member;
};

// "included month" or "spend limit of organization acme", with what is left of it.
std::string EvaluationInWords(const v1::Evaluation& one) {
  std::string text =
      absl::StrCat(Spaced(one.source()), " of ", ScopeInWords(one.scope(), one.scope_id()), ": ");
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

absl::StatusOr<ExitStatus> RunWhy(Session& session, const WhyOptions& options) {
  v1::GetMemberUsageRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  return Show(session, session.Call(&v1::QuotaService::Stub::GetMemberUsage, request),
              [&](const auto& usage) { PrintWhy(options, usage, session.out()); });
}

}  // namespace

void AddWhyCommand(CLI::App& root, Action* action) {
  const auto why = AddCommand(root, "why", "Explain in words why a member can work or is blocked",
                              action, &RunWhy);
  why.app->add_option("organization", why.options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  why.app->add_option("member", why.options->member, "The member")->required()->type_name("MEMBER");
}

}  // namespace bursar::cli
