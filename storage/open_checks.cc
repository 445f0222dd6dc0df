#include "storage/open_checks.h"

namespace bursar {
namespace {

constexpr char kRefusal[] = ". Nothing was changed: restore from a backup";
constexpr const char* kFamilyNames[kFamilies] = {kStateFamily, kJournalFamily, kDedupeFamily,
                                                 kOutboxFamily, kDueFamily};

}  // namespace

absl::StatusOr<GroupId> JoinTablesAndLog(const StoredGroups& tables,
                                         const std::vector<WalFile>& log) {
  // The newest run of groups without a gap; what is before a gap is left over.
  std::optional<GroupRow> first;
  std::optional<GroupRow> last;
  for (const WalFile& file : log) {
    if (!file.contents.first_group.has_value()) continue;
    if (!last.has_value() || file.contents.first_group->group != last->group + 1) {
      first = file.contents.first_group;
    }
    last = file.contents.last_group;
  }
  // What the tables must hold, for there is no log of it.
  FamilyGroups needed = tables.row.After();
  GroupId found = tables.row;
  if (last.has_value() && last->group >= tables.row.group) {
    needed = first->before;
    found = *last;
    if (tables.row.group < first->group - 1) {
      return absl::DataLossError("store: the log begins at group " + std::to_string(first->group) +
                                 ", and the tables end at group " +
                                 std::to_string(tables.row.group) + kRefusal);
    }
  }
  for (size_t i = 0; i < kFamilies; ++i) {
    if (tables.families[i] >= needed[i]) continue;
    return absl::DataLossError(std::string("store: the tables of ") + kFamilyNames[i] +
                               " end at group " + std::to_string(tables.families[i]) +
                               ", and there is no log of what followed up to group " +
                               std::to_string(needed[i]) + kRefusal);
  }
  return found;
}

absl::Status CheckWatermark(const std::string& where, const std::optional<GroupId>& vouched,
                            const GroupId& found) {
  if (!vouched.has_value()) {
    // Creation writes the watermark before the store is given to anyone.
    if (found.group <= 1) return absl::OkStatus();
    return absl::DataLossError("store: the file WATERMARK is missing from " + where +
                               ", so a log that was cut short could not be told" + kRefusal);
  }
  if (found.group < vouched->group) {
    return absl::DataLossError("store: acknowledged writes are missing from " + where +
                               ": it ends at group " + std::to_string(found.group) +
                               ", and group " + std::to_string(vouched->group) +
                               " had been made durable" + kRefusal);
  }
  if (found.group == vouched->group && found != *vouched) {
    return absl::DataLossError("store: group " + std::to_string(found.group) + " in " + where +
                               " is not the one that had been made durable" + kRefusal);
  }
  return absl::OkStatus();
}

}  // namespace bursar
