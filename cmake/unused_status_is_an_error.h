// Included before everything else in each of our translation units: it marks the Status types of
// the libraries we use as types whose value must be looked at, which those libraries forgot to do.
// With -Werror, calling rocksdb::DB::Write or a gRPC stub and ignoring the answer does not compile.
// (absl::Status is marked by Abseil itself.)
#pragma once

namespace rocksdb {
class [[nodiscard]] Status;
}  // namespace rocksdb

namespace grpc {
class [[nodiscard]] Status;
}  // namespace grpc
