// What a notice looks like on its way: the two forms of its mail, and the body of its webhook.
//
// The same notice always looks the same, so that an attempt a day later is the first one repeated.
//
// Thread rule: pure functions.
//
// Source: rules N3 and N4; docs/notices.md describes the webhook's body.
#pragma once

#include <string>
#include <string_view>

#include "server/engine/outbox.h"

namespace bursar {

struct MailContent {
  std::string subject;
  std::string text;
  std::string html;
};
MailContent RenderMail(const NoticeName& name, const StoredNotice& notice);

// JSON, in one line.
std::string RenderWebhook(const NoticeName& name, const StoredNotice& notice);

// A text as a JSON string, quotes included.
std::string JsonString(std::string_view text);

}  // namespace bursar
