#include "server/engine/delivery_control.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/sha256.h"
#include "server/base/status.h"
#include "server/engine/scoped_id.h"

namespace bursar {
namespace {

constexpr size_t kRequestHashBytes = 8;

}  // namespace

absl::StatusOr<StoredNotice> ResendNotice(Engine& engine, const NoticeName& name) {
  const absl::Time now = engine.Now();
  StoredNotice resent;
  const absl::Status changed =
      engine.outbox().Change(name, [&](StoredNotice& notice) -> absl::StatusOr<Outbox::Fate> {
        bool any = notice.delivery.has_value() && notice.delivery->nobody;
        if (any) {
          notice.delivery->nobody = false;
          notice.delivery->replan_at = now;
        }
        if (notice.delivery.has_value()) {
          for (Recipient& recipient : notice.delivery->recipients) {
            if (recipient.state != RecipientState::kDead) continue;
            recipient.state = RecipientState::kPending;
            recipient.attempts = 0;
            recipient.next_attempt_at = now;
            any = true;
          }
        }
        if (!any) {
          return WithReason(
              absl::FailedPreconditionError("nobody was given up: the notice is still tried"),
              "NOTICE_NOT_DEAD");
        }
        notice.delivery->started_at = now;
        resent = notice;
        return Outbox::Fate::kKeep;
      });
  if (!changed.ok()) return changed;
  engine.outbox().Announce(name);
  return resent;
}

absl::StatusOr<std::string> SendTestNotice(Engine& engine, const std::string& organization_id,
                                           const std::string& request_id,
                                           const std::string& actor) {
  StoredNotice notice;
  notice.kind = NoticeKind::kTest;
  notice.member_id = actor;
  const absl::Status read =
      engine.Read(organization_id, {},
                  [&](const Wallet& wallet, const Position& position, const DecisionContext&) {
                    const OrganizationSettings& settings = wallet.header.settings;
                    notice.created_at = position.as_of;
                    notice.organization_name = settings.display_name;
                    notice.facts.push_back(WordsFact("time_zone", settings.time_zone));
                    if (!settings.settings_url.empty()) {
                      notice.facts.push_back(WordsFact("settings_url", settings.settings_url));
                    }
                    return absl::OkStatus();
                  });
  if (!read.ok()) return read;
  // No entry causes it; what does is the request.
  const std::string hash = Sha256({request_id}).substr(0, kRequestHashBytes);
  std::string notice_id =
      absl::StrCat(NoticeId(engine.epoch(), organization_id, 0), "t", absl::BytesToHexString(hash));
  const absl::Status added = engine.outbox().Add({organization_id, notice_id}, notice);
  if (!added.ok()) return added;
  return notice_id;
}

}  // namespace bursar
