#include "server/engine/epoch.h"

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "bursar/storage/v1/system.pb.h"

namespace bursar {
namespace {

constexpr size_t kEpochBytes = 16;

std::string DrawEpoch() {
  std::random_device random;
  std::string bytes;
  while (bytes.size() < kEpochBytes) bytes.push_back(static_cast<char>(random() & 0xFF));
  return absl::StrCat("epc_", absl::BytesToHexString(bytes));
}

}  // namespace

absl::StatusOr<std::string> FindOrBeginEpoch(Store& store, absl::Time now) {
  absl::StatusOr<std::optional<std::string>> stored = store.GetSystem(kEpochKey);
  if (!stored.ok()) return stored.status();
  storage::v1::EpochRecord record;
  if (stored->has_value()) {
    if (!record.ParseFromString(**stored) || record.epoch().empty()) {
      return absl::DataLossError("the store's epoch is damaged");
    }
    return record.epoch();
  }
  record.set_epoch(DrawEpoch());
  record.set_started_unix_nanos(absl::ToUnixNanos(now));
  const absl::Status put = store.PutSystem({{kEpochKey, record.SerializeAsString()}});
  if (!put.ok()) return put;
  return record.epoch();
}

absl::Status ForgetEpoch(Store& store) { return store.PutSystem({{kEpochKey, std::nullopt}}); }

}  // namespace bursar
