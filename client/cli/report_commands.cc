// bursar wallet
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

struct WalletOptions {
  std::string organization;
};

void PrintWallet(const v1::GetWalletResponse& wallet, std::ostream& out) {
  const v1::Organization& organization = wallet.organization();
  Table facts({{""}, {""}});
  facts.Add({"organization", organization.display_name().empty()
                                 ? organization.organization_id()
                                 : absl::StrCat(organization.display_name(), " (",
                                                organization.organization_id(), ")")});
  facts.Add({"plan", absl::StrCat(organization.plan(), ", ", Word(wallet.funding()))});
  facts.Add({"status", Word(organization.status())});
  if (wallet.has_extra_usage()) {
    const v1::ExtraUsage& extra = wallet.extra_usage();
    std::string state = "off";
    if (extra.enabled()) {
      state =
          extra.audience() == v1::EXTRA_USAGE_AUDIENCE_SELECTED
              ? absl::StrCat("on for ", FormatCount(extra.selected_count()), " selected members")
              : "on for everyone";
    }
    facts.Add({"extra usage", state});
  }
  if (wallet.has_balance()) facts.Add({"balance", FormatMoney(wallet.balance())});
  if (NanosOf(wallet.overdraft()) != 0) {
    facts.Add({"overdraft", FormatMoney(wallet.overdraft())});
  }
  if (NanosOf(wallet.held()) != 0) facts.Add({"held", FormatMoney(wallet.held())});
  if (NanosOf(wallet.held_included()) != 0) {
    facts.Add({"held, included", FormatMoney(wallet.held_included())});
  }
  if (wallet.has_auto_reload()) {
    facts.Add({"auto-reload", absl::StrCat(Spaced(Word(wallet.auto_reload().state())), ": ",
                                           wallet.auto_reload().explanation())});
  }
  for (const v1::Payment& payment : wallet.open_purchases()) {
    facts.Add({"purchase", absl::StrCat(FormatMoney(payment.amount()), " waits for its verdict (",
                                        payment.payment_id(), ")")});
  }
  facts.Add({"month began", FormatTimeField(wallet, "month_start")});
  facts.Add({"included, month", FormatMoneyField(wallet, "included_month_to_date", "-")});
  facts.Add({"extra or metered, month", FormatMoneyField(wallet, "month_to_date", "-")});
  if (wallet.has_burn_rate()) {
    const v1::BurnRate& rate = wallet.burn_rate();
    const std::string& currency = rate.last_hour().currency_code();
    facts.Add({"burn rate per hour",
               absl::StrCat(FormatCents(NanosOf(rate.last_hour()), currency), " (1 h), ",
                            FormatCents(NanosOf(rate.last_day()), currency), " (24 h), ",
                            FormatCents(NanosOf(rate.last_week()), currency), " (7 d)")});
    facts.Add({"runs out at this rate", rate.has_projected_exhaustion_time()
                                            ? FormatTimeField(rate, "projected_exhaustion_time")
                                            : "not foreseen"});
  }
  for (const v1::SeatCount& seat : wallet.seats()) {
    facts.Add({absl::StrCat("seats, ", seat.seat_tier()), FormatCount(seat.count())});
  }
  facts.Add(
      {"pool", wallet.exhausted_episode_open() ? "RAN OUT; administrators are told" : "open"});
  AddHoldPolicy(organization, &facts);
  if (wallet.open_request_count() != 0) {
    facts.Add({"open requests", FormatCount(wallet.open_request_count())});
  }
  facts.Add({"revision", absl::StrCat(wallet.position().revision(), " as of ",
                                      FormatTimeField(wallet.position(), "as_of"))});
  out << facts.Text();
  if (!wallet.evaluations().empty()) out << "\n";
  PrintEvaluations(wallet.evaluations(), out);
}

absl::StatusOr<ExitStatus> RunWallet(Session& session, const WalletOptions& options) {
  v1::GetWalletRequest request;
  request.set_organization_id(options.organization);
  return Show(session, session.Call(&Admin::GetWallet, request),
              [&](const auto& wallet) { PrintWallet(wallet, session.out()); });
}

}  // namespace

void AddReportCommands(CLI::App& root, Action* action) {
  const auto wallet = AddCommand(root, "wallet", "The whole wallet: buckets, balance, limits, burn",
                                 action, &RunWallet);
  wallet.app->add_option("organization", wallet.options->organization, "The organization")
      ->required()
      ->type_name("ORG");
}

}  // namespace bursar::cli
