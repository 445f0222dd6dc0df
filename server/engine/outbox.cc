#include "server/engine/outbox.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace bursar {
namespace {

// An id that sorts before `notice_id` and behind every other id that does: ids are plain text.
std::string JustBefore(const std::string& notice_id) {
  std::string before = notice_id;
  before.back() = static_cast<char>(before.back() - 1);
  return before + "\xff";
}

}  // namespace

void Outbox::Announce(NoticeName name) {
  const std::lock_guard lock(mutex_);
  if (news_.notices.size() < kMaxNews) {
    news_.notices.push_back(std::move(name));
  } else {
    news_.missed = true;
  }
  ready_.notify_one();
}

void Outbox::AnnounceAll() {
  const std::lock_guard lock(mutex_);
  news_.missed = true;
  ready_.notify_one();
}

Outbox::News Outbox::WaitForNews(absl::Duration most) {
  std::unique_lock lock(mutex_);
  ready_.wait_for(lock, absl::ToChronoMicroseconds(most),
                  [this] { return woken_ || news_.missed || !news_.notices.empty(); });
  woken_ = false;
  return std::exchange(news_, {});
}

void Outbox::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  ready_.notify_all();
}

absl::StatusOr<Outbox::Page> Outbox::List(const std::string& organization_id,
                                          const NoticeName& after, size_t limit) const {
  absl::StatusOr<std::vector<OutboxRow>> rows =
      organization_id.empty()
          ? store_->ScanAllOutboxes(after.organization_id, after.notice_id, limit)
          : store_->ScanOutbox(organization_id, after.notice_id, limit);
  if (!rows.ok()) return rows.status();
  Page page;
  page.more = rows->size() >= limit;
  if (!rows->empty()) page.last = {rows->back().organization_id, rows->back().notice_id};
  for (OutboxRow& row : *rows) {
    absl::StatusOr<StoredNotice> notice = DecodeNotice(row.value);
    if (!notice.ok()) continue;
    page.items.push_back(
        {{std::move(row.organization_id), std::move(row.notice_id)}, *std::move(notice)});
  }
  return page;
}

absl::StatusOr<std::optional<StoredNotice>> Outbox::Find(const NoticeName& name) const {
  if (name.notice_id.empty()) return std::nullopt;
  absl::StatusOr<std::vector<OutboxRow>> rows =
      store_->ScanOutbox(name.organization_id, JustBefore(name.notice_id), 1);
  if (!rows.ok()) return rows.status();
  if (rows->empty() || rows->front().notice_id != name.notice_id) return std::nullopt;
  absl::StatusOr<StoredNotice> notice = DecodeNotice(rows->front().value);
  if (!notice.ok()) return notice.status();
  return *std::move(notice);
}

absl::Status Outbox::Change(const NoticeName& name,
                            const std::function<absl::StatusOr<Fate>(StoredNotice&)>& change) {
  const std::lock_guard lock(change_mutex_);
  absl::StatusOr<std::optional<StoredNotice>> found = Find(name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no notice \"", name.notice_id, "\""));
  }
  StoredNotice notice = **found;
  absl::StatusOr<Fate> fate = change(notice);
  if (!fate.ok()) return fate.status();
  OutboxChange written = {name.organization_id, name.notice_id, std::nullopt};
  if (*fate == Fate::kKeep) {
    if (notice == **found) return absl::OkStatus();
    written.value = EncodeNotice(notice);
  }
  return store_->ChangeOutbox({std::move(written)});
}

absl::Status Outbox::Add(const NoticeName& name, const StoredNotice& notice) {
  {
    const std::lock_guard lock(change_mutex_);
    absl::StatusOr<std::optional<StoredNotice>> found = Find(name);
    if (!found.ok()) return found.status();
    if (!found->has_value()) {
      absl::Status written =
          store_->ChangeOutbox({{name.organization_id, name.notice_id, EncodeNotice(notice)}});
      if (!written.ok()) return written;
    }
  }
  Announce(name);
  return absl::OkStatus();
}

}  // namespace bursar
