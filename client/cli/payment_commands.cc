// bursar credit buy, complete, chargeback, payments, payment, reload …
#include <optional>

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

struct BuyOptions {
  std::string organization;
  std::string amount;
  std::string reference;
  std::string request_id;
};

struct VerdictOptions {
  std::string organization;
  std::string payment;
  std::string result;
  std::string code;
  std::string message;
  std::string reference;
};

struct ChargebackOptions {
  std::string organization;
  std::string payment;
  std::string amount;
  std::string reason;
  std::string request_id;
};

struct PaymentsOptions {
  std::string organization;
  std::string payment;
  bool open_only = false;
  Paging paging;
};

struct ReloadOptions {
  std::string organization;
  std::string threshold;
  std::string amount;
  std::string monthly_cap;
  std::string cool_down;
  std::optional<int64_t> max_attempts_a_day;
  std::optional<int64_t> failures_before_pause;
  std::string request_id;
};

// What a payment says beyond its columns.
std::string RemarksOn(const v1::Payment& payment) {
  std::string remarks;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) absl::StrAppend(&remarks, remarks.empty() ? "" : "; ", text);
  };
  if (payment.cause() != v1::RELOAD_CAUSE_UNSPECIFIED) add(Spaced(Word(payment.cause())));
  if (payment.attempt() > 1) add(absl::StrCat("attempt ", payment.attempt()));
  add(payment.code());
  add(payment.message());
  if (NanosOf(payment.charged_back()) != 0) {
    add(absl::StrCat(FormatMoney(payment.charged_back()), " charged back"));
  }
  add(payment.payment_system_reference().empty() ? payment.reference()
                                                 : payment.payment_system_reference());
  return remarks;
}

void PrintPayments(const google::protobuf::RepeatedPtrField<v1::Payment>& payments,
                   std::ostream& out) {
  Table table({{"PAYMENT"},
               {"KIND"},
               {"STATE"},
               {"AMOUNT", Align::kRight},
               {"REQUESTED"},
               {"ENDED"},
               {"REMARKS"}});
  for (const v1::Payment& payment : payments) {
    table.Add({payment.payment_id(), Word(payment.kind()), Word(payment.state()),
               FormatMoney(payment.amount()), FormatTimeField(payment, "request_time"),
               FormatTimeField(payment, "finish_time"), RemarksOn(payment)});
  }
  out << table.Text();
}

absl::StatusOr<ExitStatus> RunBuy(Session& session, const BuyOptions& options) {
  v1::PurchaseCreditRequest request;
  request.set_organization_id(options.organization);
  absl::StatusOr<v1::Money> amount = ParseAmount(options.amount, "amount");
  if (!amount.ok()) return amount.status();
  *request.mutable_amount() = *std::move(amount);
  request.set_reference(options.reference);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::PurchaseCredit, request), [&](const auto& reply) {
    session.out() << (reply.replayed() ? "Bought before: " : "Bought: ")
                  << FormatMoney(reply.payment().amount()) << " as " << reply.payment().payment_id()
                  << ". It can be used when the payment system says that it succeeded.\n";
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunComplete(Session& session, const VerdictOptions& options) {
  v1::CompletePaymentRequest request;
  request.set_organization_id(options.organization);
  request.set_payment_id(options.payment);
  request.set_result(options.result == "succeeded" ? v1::CompletePaymentRequest::RESULT_SUCCEEDED
                                                   : v1::CompletePaymentRequest::RESULT_FAILED);
  request.set_code(options.code);
  request.set_message(options.message);
  request.set_reference(options.reference);
  return Show(session, session.Call(&Admin::CompletePayment, request), [&](const auto& reply) {
    session.out() << "The payment " << Word(reply.payment().state());
    if (reply.credited()) {
      session.out() << "; " << FormatMoney(reply.payment().amount()) << " was credited as "
                    << reply.grant().grant_id();
    } else {
      session.out() << "; nothing was credited by this";
    }
    session.out() << ".\n";
    if (NanosOf(reply.repaid_overdraft()) != 0) {
      session.out() << FormatMoney(reply.repaid_overdraft()) << " of it repaid overdraft.\n";
    }
    session.out() << "Balance: " << FormatMoney(reply.balance()) << ".\n";
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunChargeback(Session& session, const ChargebackOptions& options) {
  v1::RecordChargebackRequest request;
  request.set_organization_id(options.organization);
  request.set_payment_id(options.payment);
  if (!options.amount.empty()) {
    absl::StatusOr<v1::Money> amount = ParseAmount(options.amount, "amount");
    if (!amount.ok()) return amount.status();
    *request.mutable_amount() = *std::move(amount);
  }
  request.set_reason(options.reason);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::RecordChargeback, request), [&](const auto& reply) {
    session.out() << (reply.replayed() ? "Charged back before: " : "Charged back: ")
                  << FormatMoney(reply.taken_from_credit()) << " from credit, "
                  << FormatMoney(reply.taken_as_overdraft()) << " as overdraft, "
                  << FormatMoney(reply.billed()) << " on the statement.\n"
                  << "Balance: " << FormatMoney(reply.balance())
                  << ", overdraft: " << FormatMoney(reply.overdraft()) << ".\n";
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunPayments(Session& session, const PaymentsOptions& options) {
  v1::ListPaymentsRequest request;
  request.set_organization_id(options.organization);
  request.set_open_only(options.open_only);
  const auto reply = CallPaged(session, &Admin::ListPayments, request, options.paging);
  return Show(session, reply, [&](const v1::ListPaymentsResponse& list) {
    if (list.payments().empty()) {
      session.out() << "No payments.\n";
    } else {
      PrintPayments(list.payments(), session.out());
    }
    TellOfFurtherPages(session, list.next_page_token());
  });
}

absl::StatusOr<ExitStatus> RunPayment(Session& session, const PaymentsOptions& options) {
  v1::GetPaymentRequest request;
  request.set_organization_id(options.organization);
  request.set_payment_id(options.payment);
  return Show(session, session.Call(&Admin::GetPayment, request), [&](const auto& reply) {
    google::protobuf::RepeatedPtrField<v1::Payment> one;
    *one.Add() = reply.payment();
    PrintPayments(one, session.out());
  });
}

absl::StatusOr<ExitStatus> RunReloadShow(Session& session, const ReloadOptions& options) {
  v1::GetWalletRequest request;
  request.set_organization_id(options.organization);
  const auto wallet = session.Call(&Admin::GetWallet, request);
  if (!wallet.ok()) return wallet.status();
  if (session.json()) {
    session.PrintJson(wallet->auto_reload());
    return ExitStatus::kDone;
  }
  if (!wallet->has_auto_reload()) {
    session.out() << "The plan has no balance, so there is nothing to reload.\n";
    return ExitStatus::kDone;
  }
  PrintAutoReload(wallet->auto_reload(), session.out());
  return ExitStatus::kDone;
}

absl::StatusOr<ExitStatus> ChangeReload(Session& session, const ReloadOptions& options,
                                        const v1::AutoReloadChange& change) {
  v1::UpdateAutoReloadRequest request;
  request.set_organization_id(options.organization);
  *request.mutable_auto_reload() = change;
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::UpdateAutoReload, request), [&](const auto& reply) {
    PrintAutoReload(reply.auto_reload(), session.out());
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunReloadSet(Session& session, const ReloadOptions& options) {
  v1::AutoReloadChange change;
  change.set_enabled(true);
  const struct {
    const std::string& text;
    const char* option;
    v1::Money* (v1::AutoReloadChange::*field)();
  } kAmounts[] = {
      {options.threshold, "--threshold", &v1::AutoReloadChange::mutable_threshold},
      {options.amount, "--amount", &v1::AutoReloadChange::mutable_amount},
      {options.monthly_cap, "--monthly-cap", &v1::AutoReloadChange::mutable_monthly_cap}};
  for (const auto& one : kAmounts) {
    if (one.text.empty()) continue;
    absl::StatusOr<v1::Money> amount = ParseAmount(one.text, one.option);
    if (!amount.ok()) return amount.status();
    *(change.*one.field)() = *std::move(amount);
  }
  if (!options.cool_down.empty()) {
    const absl::StatusOr<absl::Duration> span = ParseSpan(options.cool_down, "--cool-down");
    if (!span.ok()) return span.status();
    *change.mutable_cool_down() = ToProto(*span);
  }
  if (options.max_attempts_a_day.has_value()) {
    change.set_max_attempts_a_day(*options.max_attempts_a_day);
  }
  if (options.failures_before_pause.has_value()) {
    change.set_failures_before_pause(*options.failures_before_pause);
  }
  return ChangeReload(session, options, change);
}

absl::StatusOr<ExitStatus> RunReloadOff(Session& session, const ReloadOptions& options) {
  v1::AutoReloadChange change;
  change.set_enabled(false);
  return ChangeReload(session, options, change);
}

absl::StatusOr<ExitStatus> RunReloadResume(Session& session, const ReloadOptions& options) {
  v1::AutoReloadChange change;
  change.set_resume(true);
  return ChangeReload(session, options, change);
}

void AddOrganization(CLI::App* app, std::string* organization) {
  app->add_option("organization", *organization, "The organization")->required()->type_name("ORG");
}

void AddPayment(CLI::App* app, std::string* payment) {
  app->add_option("payment", *payment, "The payment's id")->required()->type_name("pay_…");
}

void AddReload(CLI::App& credit, Action* action) {
  CLI::App* group = AddGroup(credit, "reload", "Auto-reload: show, set, off, resume");
  const auto show =
      AddCommand(*group, "show", "As it is set, and what it does", action, &RunReloadShow);
  const auto set = AddCommand(*group, "set", "Switch it on, or change it", action, &RunReloadSet);
  ReloadOptions* options = set.options.get();
  set.app->add_option("--threshold", options->threshold, "Reload at or below this")
      ->type_name("AMOUNT");
  set.app->add_option("--amount", options->amount, "How much each time")->type_name("AMOUNT");
  set.app
      ->add_option("--monthly-cap", options->monthly_cap,
                   "At most so much in a month; ten times the amount where never set")
      ->type_name("AMOUNT");
  set.app->add_option("--cool-down", options->cool_down, "From one request to the next: 1m")
      ->type_name("DURATION");
  set.app->add_option("--attempts-a-day", options->max_attempts_a_day, "1-100")
      ->check(WholeNumber());
  set.app->add_option("--failures-before-pause", options->failures_before_pause, "In a row, 1-20")
      ->check(WholeNumber());
  const auto off = AddCommand(*group, "off", "Switch it off; what was not sent is withdrawn",
                              action, &RunReloadOff);
  const auto resume =
      AddCommand(*group, "resume", "End a pause and forget failures", action, &RunReloadResume);
  for (const auto& command : {show, set, off, resume}) {
    AddOrganization(command.app, &command.options->organization);
  }
  for (const auto& command : {set, off, resume}) {
    command.app->add_option("--request-id", command.options->request_id,
                            "Names this call for retries");
  }
}

void AddLists(CLI::App& credit, Action* action) {
  const auto list = AddCommand(credit, "payments", "Payments, newest first", action, &RunPayments);
  AddOrganization(list.app, &list.options->organization);
  list.app->add_flag("--open", list.options->open_only, "Only those that wait for a verdict");
  AddPagingOptions(list.app, &list.options->paging);
  const auto one = AddCommand(credit, "payment", "One payment", action, &RunPayment);
  AddOrganization(one.app, &one.options->organization);
  AddPayment(one.app, &one.options->payment);
}

}  // namespace

void AddPaymentCommands(CLI::App& credit, Action* action) {
  const auto buy =
      AddCommand(credit, "buy", "Buy credit through the payment system", action, &RunBuy);
  AddOrganization(buy.app, &buy.options->organization);
  buy.app->add_option("amount", buy.options->amount, "How much, for example 25.00")
      ->required()
      ->type_name("AMOUNT");
  buy.app->add_option("--reference", buy.options->reference, "For example an order number");
  buy.app->add_option("--request-id", buy.options->request_id, "Names this purchase for ever");

  const auto complete =
      AddCommand(credit, "complete", "The payment system's verdict", action, &RunComplete);
  AddOrganization(complete.app, &complete.options->organization);
  AddPayment(complete.app, &complete.options->payment);
  complete.app->add_option("result", complete.options->result, "succeeded or failed")
      ->required()
      ->check(CLI::IsMember({"succeeded", "failed"}).description(""));
  complete.app->add_option("--code", complete.options->code, "Of a failure, such as card_declined");
  complete.app->add_option("--message", complete.options->message, "Of a failure, in words");
  complete.app->add_option("--reference", complete.options->reference,
                           "The payment system's own name for it");

  const auto back = AddCommand(credit, "chargeback", "Take credit back whose money is gone", action,
                               &RunChargeback);
  AddOrganization(back.app, &back.options->organization);
  AddPayment(back.app, &back.options->payment);
  back.app->add_option("amount", back.options->amount, "Default: all that is left of it")
      ->type_name("AMOUNT");
  back.app->add_option("--reason", back.options->reason, "In words");
  back.app->add_option("--request-id", back.options->request_id, "Names this chargeback for ever");

  AddLists(credit, action);
  AddReload(credit, action);
}

}  // namespace bursar::cli
