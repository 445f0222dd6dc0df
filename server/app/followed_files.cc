#include "server/app/followed_files.h"

#include <utility>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/files.h"
#include "server/base/strings.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(5);

}  // namespace

absl::Status FollowedFiles::Read(Followed& followed) {
  std::vector<std::string> texts;
  for (const std::string& path : followed.paths) {
    absl::StatusOr<std::string> text = ReadFile(path);
    if (!text.ok()) return text.status();
    texts.push_back(*std::move(text));
  }
  if (texts == followed.texts) return absl::OkStatus();
  if (absl::Status s = followed.apply(texts); !s.ok()) return s;
  followed.texts = std::move(texts);
  return absl::OkStatus();
}

absl::Status FollowedFiles::Follow(std::string what, std::vector<std::string> paths, Apply apply) {
  Followed followed;
  followed.what = std::move(what);
  followed.paths = std::move(paths);
  followed.apply = std::move(apply);
  if (absl::Status s = Read(followed); !s.ok()) return s;
  files_.push_back(std::move(followed));
  return absl::OkStatus();
}

void FollowedFiles::Refresh() {
  const absl::Duration now = SystemClock().Monotonic();
  if (now < next_look_) return;
  next_look_ = now + kLookInterval;
  for (Followed& followed : files_) {
    const std::vector<std::string> before = followed.texts;
    const absl::Status status = Read(followed);
    // Said once for each outcome.
    const bool is_news = status != followed.status || followed.texts != before;
    followed.status = status;
    if (!is_news) continue;
    if (status.ok()) {
      spdlog::info("{}: read again", followed.what);
    } else {
      spdlog::error("{}: stays as it was: {}", followed.what, ToStd(status.message()));
    }
  }
}

}  // namespace bursar
