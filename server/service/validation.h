// What a well-formed request is: the shapes of ids, surfaces, money, instants, labels, quantities
// and page tokens. Whether what they name exists, or is in the right currency, is the engine's
// affair.
//
// Every check notes its violations under the field's path and goes on, so that one answer names all
// that is wrong with a request.
//
// Thread rule: pure functions.
//
// Source: rules M1, M2, T2 and R5, and "Identifiers" in docs/rules.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bursar/v1/common.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/map.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/base/money.h"
#include "server/base/status.h"
#include "server/ledger/usage.h"

namespace bursar {

inline constexpr size_t kMaxIdLength = 128;
inline constexpr size_t kMaxSurfaceLength = 64;
inline constexpr size_t kMaxModelBytes = 256;
inline constexpr size_t kMaxLabels = 16;
inline constexpr size_t kMaxLabelKeyBytes = 63;
inline constexpr size_t kMaxLabelValueBytes = 256;
inline constexpr size_t kMaxRequestMeters = 16;
inline constexpr size_t kMaxMeterNameLength = 64;

// Whether `id` is 1-128 of [A-Za-z0-9._:@-].
bool IsValidId(std::string_view id);
// Whether `surface` is a lower-case word: 1-64 of [a-z0-9_-], beginning with a letter or digit.
bool IsValidSurface(std::string_view surface);

// An id that must be there, or may be empty.
void CheckRequiredId(std::string_view field, std::string_view id, FieldViolations* violations);
void CheckOptionalId(std::string_view field, std::string_view id, FieldViolations* violations);
// A surface, or empty.
void CheckSurface(std::string_view field, std::string_view surface, FieldViolations* violations);
// Text of at most that many bytes without control characters, to which count line separators and
// the marks that turn the direction of text. (That it is UTF-8 the parser saw to.)
void CheckText(std::string_view field, std::string_view text, size_t max_bytes,
               FieldViolations* violations);
// A quantity of tokens or calls, 0 to 10^12.
void CheckQuantity(std::string_view field, int64_t quantity, FieldViolations* violations);
// Every field of a usage; `field` is the path of the usage itself.
void CheckUsage(std::string_view field, const v1::Usage& usage, FieldViolations* violations);
// At most 16 labels, keys 1-63 bytes, values up to 256.
void CheckLabels(std::string_view field,
                 const google::protobuf::Map<std::string, std::string>& labels,
                 FieldViolations* violations);
// A billing currency: three capital letters, or empty.
void CheckCurrencyCode(std::string_view field, std::string_view code, FieldViolations* violations);

// What an amount may be.
enum class MoneySign { kAny, kNotNegative, kPositive };

// The amount in nanos (rule M2), or zero after noting why it is none. The currency's shape is
// checked here, that it is the organization's is not.
Nanos ReadMoney(std::string_view field, const v1::Money& money, MoneySign sign,
                FieldViolations* violations);
// Fills `money`, which may already carry the currency. An amount beyond 64 bits of whole units,
// which no wallet can reach, is shown as the largest that fits.
void WriteMoney(Amount amount, std::string_view currency_code, v1::Money* money);

// The instant, or nothing after noting why it is none: nanos outside 0..999,999,999 or a year that
// is not between 1970 and 2261. Requires: the field is set.
std::optional<absl::Time> ReadTimestamp(std::string_view field,
                                        const google::protobuf::Timestamp& timestamp,
                                        FieldViolations* violations);
// An infinite instant leaves the field as it is.
void WriteTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp);

// The duration, or nothing after noting why it is none: nanos or seconds out of range, signs that
// differ, or one that is not from `least` to `most`. Requires: the field is set.
std::optional<absl::Duration> ReadDuration(std::string_view field,
                                           const google::protobuf::Duration& duration,
                                           absl::Duration least, absl::Duration most,
                                           FieldViolations* violations);
void WriteDuration(absl::Duration duration, google::protobuf::Duration* proto);

// The page size to use: `fallback` for zero; a negative one or one above `max` is noted.
size_t ReadPageSize(std::string_view field, int32_t page_size, size_t fallback, size_t max,
                    FieldViolations* violations);

// A page token: opaque to callers, good only for the query that it came from. `scope` is whatever
// must not change between pages (RPC, organization, filters); `position` is where to go on.
std::string MakePageToken(std::string_view scope, std::string_view position);
// The position in a token, "" for an empty token; notes one that we did not make for this scope.
std::string ReadPageToken(std::string_view field, std::string_view scope, std::string_view token,
                          FieldViolations* violations);

}  // namespace bursar
