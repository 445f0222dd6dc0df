// bursar notices …, bursar channels …
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

struct NoticeOptions {
  std::string organization;
  std::string notice_id;
  std::string state;
  std::string request_id;
  Paging paging;
};

struct ChannelOptions {
  std::string organization;
  std::string mail;  // "on" or "off".
  std::string target_id;
  std::string url;
  std::vector<std::string> events;
  bool off = false;
  std::string request_id;
};

// ---- Notices ----------------------------------------------------------------------------------

// Whom a notice is for.
std::string ReadersInWords(const v1::Notice& notice) {
  if (!notice.recipient_member_id().empty()) return notice.recipient_member_id();
  if (notice.kind() == v1::NOTICE_KIND_PAYMENT_REQUESTED) return "the payment system";
  return RolesInWords(notice.recipients());
}

absl::StatusOr<ExitStatus> RunNotices(Session& session, const NoticeOptions& options) {
  v1::ListNoticesRequest request;
  request.set_organization_id(options.organization);
  const auto reply = CallPaged(session, &Admin::ListNotices, request, options.paging);
  return Show(session, reply, [&](const v1::ListNoticesResponse& list) {
    for (const v1::Notice& notice : list.notices()) {
      Table facts({{""}, {""}});
      facts.Add({"notice", notice.notice_id()});
      facts.Add({"organization", notice.organization_id()});
      facts.Add({"kind", Spaced(Word(notice.kind()))});
      facts.Add({"written", FormatTimeField(notice, "create_time")});
      facts.Add({"to", ReadersInWords(notice)});
      facts.Add({"subject", notice.subject()});
      if (!notice.payment_id().empty()) facts.Add({"payment", notice.payment_id()});
      facts.Add({"journal entry", absl::StrCat(notice.sequence())});
      session.out() << facts.Text() << "  " << notice.summary() << "\n\n";
    }
    if (list.notices().empty()) session.out() << "No notices wait for delivery.\n";
    TellOfFurtherPages(session, list.next_page_token());
  });
}

// When a recipient is tried next: an instant that is over means with the next round.
std::string NextAttempt(const v1::DeliveryRecipient& recipient) {
  const bool is_over =
      recipient.has_next_attempt_time() && FromProto(recipient.next_attempt_time()) <= absl::Now();
  return is_over ? "due now" : FormatTimeField(recipient, "next_attempt_time");
}

void PrintDelivery(const v1::NoticeDelivery& delivery, std::ostream& out) {
  const v1::Notice& notice = delivery.notice();
  out << notice.notice_id() << "  " << notice.organization_id() << "  " << delivery.event() << "  "
      << FormatTimeField(notice, "create_time") << "  "
      << (delivery.state() == v1::DELIVERY_STATE_DEAD ? "DEAD" : Word(delivery.state())) << "\n";
  if (delivery.recipients().empty()) {
    out << (delivery.state() == v1::DELIVERY_STATE_DEAD
                ? "  nobody was there to be told: no channel, or nobody with an address\n"
                : "  nobody to tell yet\n");
  }
  Table table({{"  TO"}, {"STATE"}, {"ATTEMPTS", Align::kRight}, {"LAST"}, {"NEXT"}, {"ERROR"}});
  for (const v1::DeliveryRecipient& recipient : delivery.recipients()) {
    table.Add({absl::StrCat("  ", Word(recipient.channel()), " ", recipient.address()),
               Word(recipient.state()), FormatCount(recipient.attempt_count()),
               FormatTimeField(recipient, "last_attempt_time"), NextAttempt(recipient),
               recipient.last_error()});
  }
  if (!delivery.recipients().empty()) out << table.Text();
  out << "\n";
}

absl::StatusOr<ExitStatus> ListDeliveries(Session& session, const NoticeOptions& options,
                                          v1::DeliveryState state) {
  v1::ListDeliveriesRequest request;
  request.set_organization_id(options.organization);
  request.set_state(state);
  const auto reply = CallPaged(session, &Admin::ListDeliveries, request, options.paging);
  return Show(session, reply, [&](const v1::ListDeliveriesResponse& list) {
    for (const v1::NoticeDelivery& delivery : list.deliveries()) {
      PrintDelivery(delivery, session.out());
    }
    if (list.deliveries().empty()) {
      session.out() << (state == v1::DELIVERY_STATE_DEAD ? "No dead letters.\n"
                                                         : "No notices are on their way.\n");
    }
    TellOfFurtherPages(session, list.next_page_token());
  });
}

absl::StatusOr<ExitStatus> RunDeliveries(Session& session, const NoticeOptions& options) {
  return ListDeliveries(session, options, v1::DELIVERY_STATE_UNSPECIFIED);
}

absl::StatusOr<ExitStatus> RunDead(Session& session, const NoticeOptions& options) {
  return ListDeliveries(session, options, v1::DELIVERY_STATE_DEAD);
}

absl::StatusOr<ExitStatus> RunResend(Session& session, const NoticeOptions& options) {
  v1::ResendNoticeRequest request;
  request.set_organization_id(options.organization);
  request.set_notice_id(options.notice_id);
  return Show(session, session.Call(&Admin::ResendNotice, request),
              [&](const v1::ResendNoticeResponse& reply) {
                PrintDelivery(reply.delivery(), session.out());
              });
}

absl::StatusOr<ExitStatus> RunTest(Session& session, const NoticeOptions& options) {
  v1::SendTestNoticeRequest request;
  request.set_organization_id(options.organization);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::SendTestNotice, request),
              [&](const v1::SendTestNoticeResponse& reply) {
                session.out() << "On its way: " << reply.notice_id()
                              << ". `bursar notices deliveries` shows what becomes of it.\n";
              });
}

// ---- Channels ---------------------------------------------------------------------------------

std::string EventsInWords(const google::protobuf::RepeatedPtrField<std::string>& events) {
  return events.empty() ? "every event" : absl::StrJoin(events, ", ");
}

void PrintChannels(const v1::NotificationChannels& channels, std::ostream& out) {
  out << "mail: " << (channels.mail().disabled() ? "off" : EventsInWords(channels.mail().events()))
      << "\n";
  if (channels.webhooks().empty()) {
    out << "webhooks: none\n";
    return;
  }
  Table table({{"WEBHOOK"}, {"ADDRESS"}, {"EVENTS"}, {"OLD SECRET UNTIL"}});
  for (const v1::WebhookTarget& target : channels.webhooks()) {
    table.Add({target.target_id(), target.url(),
               target.disabled() ? "off" : EventsInWords(target.events()),
               FormatTimeField(target, "previous_secret_until")});
  }
  out << table.Text();
}

absl::StatusOr<v1::NotificationChannels> ReadChannels(Session& session,
                                                      const std::string& organization) {
  v1::GetNotificationChannelsRequest request;
  request.set_organization_id(organization);
  auto reply = session.Call(&Admin::GetNotificationChannels, request);
  if (!reply.ok()) return reply.status();
  return *std::move(reply->mutable_channels());
}

// Sets what was read and changed; its etag sees to it that nobody else changed it meanwhile.
absl::StatusOr<ExitStatus> SetChannels(Session& session, const ChannelOptions& options,
                                       v1::NotificationChannels channels,
                                       const std::string& rotated_id = "") {
  v1::SetNotificationChannelsRequest request;
  request.set_organization_id(options.organization);
  *request.mutable_channels() = std::move(channels);
  if (!rotated_id.empty()) request.add_rotate_secret_target_ids(rotated_id);
  request.set_request_id(options.request_id);
  return Show(session, session.Call(&Admin::SetNotificationChannels, request),
              [&](const v1::SetNotificationChannelsResponse& reply) {
                PrintChannels(reply.channels(), session.out());
                for (const v1::WebhookSecret& secret : reply.new_secrets()) {
                  session.out() << "\nThe secret of " << secret.target_id()
                                << ", which is not shown again:\n"
                                << secret.secret() << "\n";
                }
              });
}

absl::StatusOr<ExitStatus> RunShowChannels(Session& session, const ChannelOptions& options) {
  v1::GetNotificationChannelsRequest request;
  request.set_organization_id(options.organization);
  return Show(session, session.Call(&Admin::GetNotificationChannels, request),
              [&](const v1::GetNotificationChannelsResponse& reply) {
                PrintChannels(reply.channels(), session.out());
              });
}

absl::StatusOr<ExitStatus> RunMail(Session& session, const ChannelOptions& options) {
  auto channels = ReadChannels(session, options.organization);
  if (!channels.ok()) return channels.status();
  v1::MailChannel* mail = channels->mutable_mail();
  mail->set_disabled(options.mail == "off");
  mail->clear_events();
  for (const std::string& event : options.events) mail->add_events(event);
  return SetChannels(session, options, *std::move(channels));
}

v1::WebhookTarget* FindTarget(v1::NotificationChannels& channels, const std::string& target_id) {
  for (v1::WebhookTarget& target : *channels.mutable_webhooks()) {
    if (target.target_id() == target_id) return &target;
  }
  return nullptr;
}

absl::Status NoTarget(const std::string& target_id) {
  return UsageError(absl::StrCat("There is no webhook \"", target_id, "\"."));
}

absl::StatusOr<ExitStatus> RunWebhook(Session& session, const ChannelOptions& options) {
  auto channels = ReadChannels(session, options.organization);
  if (!channels.ok()) return channels.status();
  v1::WebhookTarget* target = FindTarget(*channels, options.target_id);
  if (target == nullptr) target = channels->add_webhooks();
  target->set_target_id(options.target_id);
  target->set_url(options.url);
  target->set_disabled(options.off);
  target->clear_events();
  for (const std::string& event : options.events) target->add_events(event);
  return SetChannels(session, options, *std::move(channels));
}

absl::StatusOr<ExitStatus> RunRemove(Session& session, const ChannelOptions& options) {
  auto channels = ReadChannels(session, options.organization);
  if (!channels.ok()) return channels.status();
  auto& webhooks = *channels->mutable_webhooks();
  const auto found = std::find_if(webhooks.begin(), webhooks.end(), [&](const auto& target) {
    return target.target_id() == options.target_id;
  });
  if (found == webhooks.end()) return NoTarget(options.target_id);
  webhooks.erase(found);
  return SetChannels(session, options, *std::move(channels));
}

absl::StatusOr<ExitStatus> RunRotate(Session& session, const ChannelOptions& options) {
  auto channels = ReadChannels(session, options.organization);
  if (!channels.ok()) return channels.status();
  if (FindTarget(*channels, options.target_id) == nullptr) return NoTarget(options.target_id);
  return SetChannels(session, options, *std::move(channels), options.target_id);
}

// ---- The parser -------------------------------------------------------------------------------

CLI::Option* AddOrganization(CLI::App* app, std::string* organization) {
  return app->add_option("organization", *organization, "The organization")->type_name("ORG");
}

void AddNoticeCommands(CLI::App& root, Action* action) {
  CLI::App* notices = AddGroup(root, "notices", "What people are told, and what became of it");
  const auto list = AddCommand(
      *notices, "list", "Notices that wait for delivery or are dead letters", action, &RunNotices);
  const auto deliveries =
      AddCommand(*notices, "deliveries", "The same with every recipient, its attempts and errors",
                 action, &RunDeliveries);
  const auto dead =
      AddCommand(*notices, "dead", "Dead letters: whom nobody could tell", action, &RunDead);
  for (const auto& command : {list, deliveries, dead}) {
    AddOrganization(command.app, &command.options->organization);
    AddPagingOptions(command.app, &command.options->paging);
  }
  const auto resend = AddCommand(*notices, "resend", "Send a dead letter again, under the same id",
                                 action, &RunResend);
  AddOrganization(resend.app, &resend.options->organization)->required();
  resend.app->add_option("notice", resend.options->notice_id, "The notice")
      ->required()
      ->type_name("NOTICE");
  const auto test =
      AddCommand(*notices, "test", "Send a notice that tells nothing to every channel that is on",
                 action, &RunTest);
  AddOrganization(test.app, &test.options->organization)->required();
  test.app->add_option("--request-id", test.options->request_id, "Names this call for retries");
}

void AddChannelCommands(CLI::App& root, Action* action) {
  CLI::App* channels = AddGroup(root, "channels", "Where an organization's notices go");
  const auto show = AddCommand(*channels, "show", "Show them", action, &RunShowChannels);
  const auto mail = AddCommand(*channels, "mail", "Switch mail on or off, or choose its events",
                               action, &RunMail);
  const auto webhook =
      AddCommand(*channels, "webhook", "Add a webhook, which shows its secret, or change one",
                 action, &RunWebhook);
  const auto remove = AddCommand(*channels, "remove", "Remove a webhook", action, &RunRemove);
  const auto rotate = AddCommand(*channels, "rotate",
                                 "Give a webhook a new secret; the old one signs too for a day",
                                 action, &RunRotate);
  for (const auto& command : {show, mail, webhook, remove, rotate}) {
    AddOrganization(command.app, &command.options->organization)->required();
  }
  for (const auto& command : {mail, webhook, remove, rotate}) {
    command.app->add_option("--request-id", command.options->request_id,
                            "Names this call for retries");
  }
  for (const auto& command : {mail, webhook}) {
    command.app
        ->add_option("--events", command.options->events,
                     "Only these, such as extra_usage.exhausted,payment.*")
        ->delimiter(',');
  }
  mail.app->add_option("switch", mail.options->mail, "on or off")
      ->required()
      ->check(CLI::IsMember({"on", "off"}));
  for (const auto& command : {webhook, remove, rotate}) {
    command.app->add_option("target", command.options->target_id, "The webhook's name")
        ->required()
        ->type_name("TARGET");
  }
  webhook.app->add_option("url", webhook.options->url, "An https address")->required();
  webhook.app->add_flag("--off", webhook.options->off, "Keep it, but send nothing");
}

}  // namespace

void AddDeliveryCommands(CLI::App& root, Action* action) {
  AddNoticeCommands(root, action);
  AddChannelCommands(root, action);
}

}  // namespace bursar::cli
