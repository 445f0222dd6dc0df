#include "server/service/delivery_handlers.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/delivery_control.h"
#include "server/engine/notice_events.h"
#include "server/service/administer.h"
#include "server/service/conversion.h"
#include "server/service/notice_conversion.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

constexpr size_t kDefaultPage = 100;
constexpr size_t kLargestPage = 1000;
constexpr size_t kMaxNoticeIdBytes = 200;
// Organization ids hold no slash.
constexpr char kPlaceSeparator = '/';

// ---- Reading ----------------------------------------------------------------------------------

bool IsUrlCharacter(char c) {
  return c > ' ' && c <= '~' && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

// The host and port of "host:port/path?query".
std::string_view AuthorityOf(std::string_view rest) {
  return rest.substr(0, rest.find_first_of("/?#"));
}

std::string_view HostOf(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[') {
    const size_t close = authority.find(']');
    return close == std::string_view::npos ? std::string_view() : authority.substr(1, close - 1);
  }
  return authority.substr(0, authority.find(':'));
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (absl::StartsWith(ToAbsl(host), "127.") &&
          std::all_of(host.begin(), host.end(),
                      [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

// A filter that lets nothing through is a typing error, of which nobody would ever hear.
void CheckEvents(const std::string& field,
                 const google::protobuf::RepeatedPtrField<std::string>& filters,
                 FieldViolations* violations) {
  // How many there may be is the ledger's affair, and so is what is no filter at all.
  for (int i = 0; i < std::min(filters.size(), static_cast<int>(kMaxEventFilters)); ++i) {
    if (!IsEventFilter(filters[i])) continue;
    const auto& events = AllNoticeEvents();
    const bool is_known = std::any_of(events.begin(), events.end(), [&](const NoticeEvent& event) {
      return EventPasses({filters[i]}, event.name);
    });
    if (is_known) continue;
    std::vector<std::string> names;
    for (const NoticeEvent& event : events) names.push_back(event.name);
    violations->Add(absl::StrCat(field, "[", i, "]"),
                    absl::StrCat("is no event; there are ", absl::StrJoin(names, ", ")));
  }
}

WebhookTarget ReadTarget(const std::string& field, const v1::WebhookTarget& proto,
                         FieldViolations* violations) {
  CheckRequiredId(field + ".target_id", proto.target_id(), violations);
  CheckWebhookUrl(field + ".url", proto.url(), violations);
  CheckEvents(field + ".events", proto.events(), violations);
  WebhookTarget target;
  target.target_id = proto.target_id();
  target.url = proto.url();
  target.enabled = !proto.disabled();
  target.events.assign(proto.events().begin(), proto.events().end());
  return target;
}

// ---- Writing ----------------------------------------------------------------------------------

void WriteChannels(const WalletHeader& header, absl::Time now, v1::NotificationChannels* proto) {
  const NotificationChannels& channels = header.channels;
  proto->mutable_mail()->set_disabled(!channels.mail_enabled);
  for (const std::string& event : channels.mail_events) proto->mutable_mail()->add_events(event);
  for (const WebhookTarget& target : channels.webhooks) {
    v1::WebhookTarget* row = proto->add_webhooks();
    row->set_target_id(target.target_id);
    row->set_url(target.url);
    row->set_disabled(!target.enabled);
    for (const std::string& event : target.events) row->add_events(event);
    if (target.previous_secret_sequence != 0 && target.previous_secret_until > now) {
      WriteTimestamp(target.previous_secret_until, row->mutable_previous_secret_until());
    }
  }
  proto->set_etag(MakeEtag(header.channels_version));
}

v1::DeliveryState StateOf(const StoredNotice& notice) {
  const bool is_dead = notice.delivery.has_value() && notice.delivery->IsDead();
  return is_dead ? v1::DELIVERY_STATE_DEAD : v1::DELIVERY_STATE_PENDING;
}

void WriteDelivery(const NoticeName& name, const StoredNotice& notice, v1::NoticeDelivery* proto) {
  WriteNotice(name.organization_id, name.notice_id, notice, proto->mutable_notice());
  proto->set_event(EventOf(notice.kind).name);
  proto->set_state(StateOf(notice));
  if (!notice.delivery.has_value()) return;
  for (const Recipient& recipient : notice.delivery->recipients) {
    v1::DeliveryRecipient* row = proto->add_recipients();
    row->set_channel(ToProtoEnum<v1::DeliveryChannel>(recipient.channel));
    row->set_address(recipient.address);
    row->set_member_id(recipient.member_id);
    row->set_state(ToProtoEnum<v1::DeliveryState>(recipient.state));
    row->set_attempt_count(recipient.attempts);
    row->set_last_error(recipient.last_error);
    WriteTimestamp(recipient.last_attempt_at, row->mutable_last_attempt_time());
    if (recipient.last_attempt_at == absl::InfinitePast()) row->clear_last_attempt_time();
    if (recipient.state == RecipientState::kPending) {
      WriteTimestamp(recipient.next_attempt_at, row->mutable_next_attempt_time());
    }
  }
}

}  // namespace

void CheckWebhookUrl(const std::string& field, const std::string& url,
                     FieldViolations* violations) {
  if (url.empty() || url.size() > kMaxWebhookUrlBytes ||
      !std::all_of(url.begin(), url.end(), IsUrlCharacter)) {
    violations->Add(field, absl::StrCat("is required: an https address of at most ",
                                        kMaxWebhookUrlBytes, " bytes"));
    return;
  }
  const bool is_https = absl::StartsWith(url, "https://");
  if (!is_https && !absl::StartsWith(url, "http://")) {
    violations->Add(field, "must begin with https://");
    return;
  }
  const std::string_view rest = std::string_view(url).substr(is_https ? 8 : 7);
  const std::string_view authority = AuthorityOf(rest);
  const std::string_view host = HostOf(authority);
  if (host.empty()) {
    violations->Add(field, "must name a host");
  } else if (authority.find('@') != std::string_view::npos ||
             rest.find('#') != std::string_view::npos) {
    violations->Add(field, "must not hold a user, a password or a fragment");
  } else if (!is_https && !IsLoopback(host)) {
    violations->Add(field, "must be https: plain http is for this machine's loopback only");
  }
}

absl::StatusOr<SetNotificationChannelsCommand> ReadCommand(
    const v1::SetNotificationChannelsRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (!request.has_channels()) violations.Add("channels", "is required");
  SetNotificationChannelsCommand command;
  const v1::NotificationChannels& channels = request.channels();
  command.channels.mail_enabled = !channels.mail().disabled();
  command.channels.mail_events.assign(channels.mail().events().begin(),
                                      channels.mail().events().end());
  CheckEvents("channels.mail.events", channels.mail().events(), &violations);
  // How many there may be is the ledger's affair, but nobody's time is taken by more than that.
  const int count = std::min(channels.webhooks_size(), static_cast<int>(kMaxWebhookTargets) + 1);
  for (int i = 0; i < count; ++i) {
    command.channels.webhooks.push_back(
        ReadTarget(absl::StrCat("channels.webhooks[", i, "]"), channels.webhooks(i), &violations));
  }
  command.rotated_ids.assign(request.rotate_secret_target_ids().begin(),
                             request.rotate_secret_target_ids().end());
  command.expected_version = ReadEtag(channels.etag());
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

// A server with credentials posts to https alone: what it would never reach is refused here.
absl::Status CheckPlainTargets(const CallContext& call, const v1::NotificationChannels& channels) {
  FieldViolations violations;
  for (int i = 0; !call.credential->is_insecure && i < channels.webhooks_size(); ++i) {
    if (!absl::StartsWith(channels.webhooks(i).url(), "http://")) continue;
    violations.Add(absl::StrCat("channels.webhooks[", i, "].url"),
                   "must begin with https://: plain http is posted to only by a server that runs "
                   "with --insecure");
  }
  return violations.ToStatus();
}

absl::Status DeliveryHandlers::CheckExists(const std::string& organization_id) {
  return engine_.Read(
      organization_id, {},
      [](const Wallet&, const Position&, const DecisionContext&) { return absl::OkStatus(); });
}

absl::Status DeliveryHandlers::GetNotificationChannels(
    const v1::GetNotificationChannelsRequest& request,
    v1::GetNotificationChannelsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return engine_.Read(
      request.organization_id(), {},
      [&](const Wallet& wallet, const Position& position, const DecisionContext& context) {
        WriteChannels(wallet.header, context.now, response->mutable_channels());
        WritePosition(position, engine_.epoch(), response->mutable_position());
        return absl::OkStatus();
      });
}

absl::Status DeliveryHandlers::SetNotificationChannels(
    const CallContext& call, const v1::SetNotificationChannelsRequest& request,
    v1::SetNotificationChannelsResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  if (absl::Status s = CheckPlainTargets(call, request.channels()); !s.ok()) return s;
  const std::string& organization_id = request.organization_id();
  const absl::Status done =
      Administer(engine_, call, organization_id, request, *std::move(command), response,
                 [](const Rendering& rendering, v1::SetNotificationChannelsResponse* reply) {
                   const WalletHeader& header = rendering.wallet.header;
                   WriteChannels(header, rendering.context.now, reply->mutable_channels());
                   rendering.WriteWalletPosition(reply);
                   // What this call brought a secret to, marked for the answer; the reply that is
                   // kept with the request id holds the place of the secret and not the secret.
                   for (const WebhookTarget& target : header.channels.webhooks) {
                     if (target.secret_sequence != rendering.outcome.first_sequence) continue;
                     v1::WebhookSecret* secret = reply->add_new_secrets();
                     secret->set_target_id(target.target_id);
                     secret->set_secret(absl::StrCat(target.secret_sequence));
                   }
                 });
  if (!done.ok()) return done;
  for (v1::WebhookSecret& secret : *response->mutable_new_secrets()) {
    int64_t sequence = 0;
    if (!absl::SimpleAtoi(secret.secret(), &sequence)) {
      return absl::DataLossError("a remembered reply cannot be read");
    }
    secret.set_secret(
        engine_.webhook_secrets().Secret(organization_id, secret.target_id(), sequence));
  }
  return absl::OkStatus();
}

absl::Status DeliveryHandlers::ListDeliveries(const CallContext& call,
                                              const v1::ListDeliveriesRequest& request,
                                              v1::ListDeliveriesResponse* response) {
  FieldViolations violations;
  const std::string& organization_id = request.organization_id();
  CheckOptionalId("organization_id", organization_id, &violations);
  const size_t size =
      ReadPageSize("page_size", request.page_size(), kDefaultPage, kLargestPage, &violations);
  const std::string scope = absl::StrCat("ListDeliveries|", organization_id, "|", request.state());
  const std::string position =
      ReadPageToken("page_token", scope, request.page_token(), &violations);
  if (request.state() != v1::DELIVERY_STATE_UNSPECIFIED &&
      request.state() != v1::DELIVERY_STATE_PENDING && request.state() != v1::DELIVERY_STATE_DEAD) {
    violations.Add("state", "must be pending or dead, or left out");
  }
  const bool may_see_all =
      call.credential->all_organizations && call.credential->role != ServiceRole::kAdmin;
  if (organization_id.empty() && !may_see_all) {
    violations.Add("organization_id", "is required: the caller does not see all organizations");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (!organization_id.empty()) {
    if (absl::Status exists = CheckExists(organization_id); !exists.ok()) return exists;
  }
  NoticeName after;
  if (const size_t slash = position.find(kPlaceSeparator); slash != std::string::npos) {
    after = {position.substr(0, slash), position.substr(slash + 1)};
  }
  const absl::StatusOr<Outbox::Page> page = engine_.outbox().List(organization_id, after, size);
  if (!page.ok()) return page.status();
  for (const Outbox::Item& item : page->items) {
    if (request.state() != v1::DELIVERY_STATE_UNSPECIFIED &&
        request.state() != StateOf(item.notice)) {
      continue;
    }
    WriteDelivery(item.name, item.notice, response->add_deliveries());
  }
  if (page->more) {
    response->set_next_page_token(
        MakePageToken(scope, absl::StrCat(page->last.organization_id, "/", page->last.notice_id)));
  }
  return absl::OkStatus();
}

absl::Status DeliveryHandlers::ResendNotice(const v1::ResendNoticeRequest& request,
                                            v1::ResendNoticeResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  if (request.notice_id().empty() || request.notice_id().size() > kMaxNoticeIdBytes) {
    violations.Add("notice_id", "is required: the id of a notice, ntc_…");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const NoticeName name = {request.organization_id(), request.notice_id()};
  const absl::StatusOr<StoredNotice> resent = bursar::ResendNotice(engine_, name);
  if (!resent.ok()) return resent.status();
  WriteDelivery(name, *resent, response->mutable_delivery());
  return absl::OkStatus();
}

absl::Status DeliveryHandlers::SendTestNotice(const CallContext& call,
                                              const v1::SendTestNoticeRequest& request,
                                              v1::SendTestNoticeResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("request_id", request.request_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  absl::StatusOr<std::string> notice_id =
      bursar::SendTestNotice(engine_, request.organization_id(), request.request_id(), call.actor);
  if (!notice_id.ok()) return notice_id.status();
  response->set_notice_id(*std::move(notice_id));
  return absl::OkStatus();
}

}  // namespace bursar
