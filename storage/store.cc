#include "storage/store.h"

namespace bursar {

std::string OpenReport::Describe() const {
  if (created) return "created a new store in " + location;
  std::string text = std::string("opened the store in ") + location +
                     (read_only ? " for reading only" : "") + " at group " +
                     std::to_string(last_group);
  if (last_committed_at != absl::InfinitePast()) {
    text += ", last commit at " + absl::FormatTime(last_committed_at, absl::UTCTimeZone());
  }
  text += ".";
  if (torn_tail) {
    text += " The log " + torn_file + " ended in an unfinished write of " +
            std::to_string(torn_bytes) +
            " bytes, as a crash leaves it; it was never vouched for by the watermark (group " +
            std::to_string(watermark_group) + ") and was left out.";
  }
  return text;
}

}  // namespace bursar
