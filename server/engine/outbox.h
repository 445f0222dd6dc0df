// The outbox as delivery works on it: which notices are new, what became of each.
//
// The engine writes a notice in the commit that causes it and announces it here when it is durable;
// what becomes of it afterwards is noted outside the journal, by one writer at a time.
//
// Thread rule: every method may be called from any thread. Announce is called on the commit thread:
// it takes one short lock, copies names into a bounded list and never waits for anybody.
//
// Source: rule N1 (docs/rules.md).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/notice.h"
#include "storage/store.h"

namespace bursar {

// Names a notice.
struct NoticeName {
  std::string organization_id;
  std::string notice_id;

  friend auto operator<=>(const NoticeName&, const NoticeName&) = default;
};

class Outbox {
 public:
  // More news than that are not kept by name: the outbox is then to be read whole.
  static constexpr size_t kMaxNews = 4096;

  explicit Outbox(Store* store) : store_(store) {}
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // What is new since it was last taken.
  struct News {
    std::vector<NoticeName> notices;
    bool missed = false;  // There were more.
  };
  // That notice is durable, or is to be looked at again.
  void Announce(NoticeName name);
  // The notices of an organization are to be looked at again: its channels changed.
  void AnnounceAll();
  // Waits until there is news or Wake is called, but not longer than `most`.
  News WaitForNews(absl::Duration most);
  // Lets whoever waits go on; the next WaitForNews returns at once.
  void Wake();

  // A notice as it is kept.
  struct Item {
    NoticeName name;
    StoredNotice notice;
  };
  // At most `limit` notices after that one in order of (organization, id); an empty name is before
  // the first. Notices that cannot be read are left out: verification names them.
  struct Page {
    std::vector<Item> items;
    NoticeName last;    // Where to go on.
    bool more = false;  // There may be more.
  };
  // `organization_id` empty: of all organizations.
  absl::StatusOr<Page> List(const std::string& organization_id, const NoticeName& after,
                            size_t limit) const;
  // The notice; none where it is not there any more. DATA_LOSS where it cannot be read.
  absl::StatusOr<std::optional<StoredNotice>> Find(const NoticeName& name) const;

  enum class Fate { kKeep, kRemove };
  // Reads the notice, lets `change` have it, and keeps or removes it as that says; durable on
  // return. A change that returns an error, or leaves the notice as it is, writes nothing.
  // NOT_FOUND where it is not there any more.
  absl::Status Change(const NoticeName& name,
                      const std::function<absl::StatusOr<Fate>(StoredNotice&)>& change);
  // Writes a notice that no journal entry causes, unless it is there; announces it.
  absl::Status Add(const NoticeName& name, const StoredNotice& notice);

 private:
  Store* const store_;
  std::mutex change_mutex_;  // One change at a time; taken before nothing else.
  std::mutex mutex_;         // Guards the rest.
  std::condition_variable ready_;
  News news_;
  bool woken_ = false;
};

}  // namespace bursar
