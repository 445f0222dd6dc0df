#include "storage/rocksdb_status.h"

namespace bursar {

absl::Status FromRocksDb(const rocksdb::Status& status, const std::string& doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = "store: " + doing + ": " + status.ToString();
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) {
    return absl::UnavailableError("store: " + doing + ": the disk is full: " + status.ToString());
  }
  if (status.IsNotSupported() || status.IsInvalidArgument()) return absl::InternalError(message);
  return absl::UnavailableError(message);
}

}  // namespace bursar
