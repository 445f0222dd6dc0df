#include "server/engine/scoped_id.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

constexpr std::string_view kNoticePrefix = "ntc_";
constexpr std::string_view kAdmissionPrefix = "adm_";
constexpr std::string_view kDenialPrefix = "den_";
constexpr std::string_view kRequestPrefix = "inc_";
constexpr std::string_view kPaymentPrefix = "pay_";
// How much of a hash names an organization: 80 bits.
constexpr size_t kHashBytes = 10;
constexpr size_t kHashDigits = 2 * kHashBytes;
constexpr size_t kMinSequenceDigits = 12;

// "20 hexadecimal digits_", of the epoch and the organization.
std::string OrganizationTag(std::string_view epoch, std::string_view organization_id) {
  const std::string hash = Sha256({epoch, std::string_view("\0", 1), organization_id});
  return absl::StrCat(absl::BytesToHexString(absl::string_view(hash.data(), kHashBytes)), "_");
}

std::string ScopedId(std::string_view prefix, std::string_view epoch,
                     std::string_view organization_id, int64_t sequence) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%012lld", static_cast<long long>(sequence));
  return absl::StrCat(ToAbsl(prefix), OrganizationTag(epoch, organization_id), digits);
}

// As ParseAdmissionId, of ids with that prefix.
AdmissionName ParseScopedId(std::string_view prefix, std::string_view epoch,
                            std::string_view organization_id, std::string_view id) {
  if (id.empty()) return {AdmissionName::kNone, 0};
  const AdmissionName unknown = {AdmissionName::kUnknown, 0};
  const size_t scope_end = prefix.size() + kHashDigits + 1;
  if (id.size() < scope_end + kMinSequenceDigits || id.substr(0, prefix.size()) != prefix) {
    return unknown;
  }
  const std::string_view scope = id.substr(prefix.size(), kHashDigits + 1);
  const std::string_view digits = id.substr(scope_end);
  const auto is_hexadecimal = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  int64_t sequence = 0;
  if (scope.back() != '_' || !std::all_of(scope.begin(), scope.end() - 1, is_hexadecimal) ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      !absl::SimpleAtoi(ToAbsl(digits), &sequence)) {
    return unknown;
  }
  if (scope != OrganizationTag(epoch, organization_id)) return {AdmissionName::kForeign, 0};
  return {AdmissionName::kNamed, sequence};
}

}  // namespace

std::string NoticeId(std::string_view epoch, std::string_view organization_id, int64_t sequence) {
  return ScopedId(kNoticePrefix, epoch, organization_id, sequence);
}

std::string AdmissionId(std::string_view epoch, std::string_view organization_id,
                        int64_t sequence) {
  return ScopedId(kAdmissionPrefix, epoch, organization_id, sequence);
}

std::string PaymentId(std::string_view epoch, std::string_view organization_id, int64_t sequence) {
  return ScopedId(kPaymentPrefix, epoch, organization_id, sequence);
}

std::optional<int64_t> ParsePaymentId(std::string_view epoch, std::string_view organization_id,
                                      std::string_view payment_id) {
  const AdmissionName name = ParseScopedId(kPaymentPrefix, epoch, organization_id, payment_id);
  if (name.kind != AdmissionName::kNamed) return std::nullopt;
  return name.sequence;
}

AdmissionName ParseAdmissionId(std::string_view epoch, std::string_view organization_id,
                               std::string_view admission_id) {
  return ParseScopedId(kAdmissionPrefix, epoch, organization_id, admission_id);
}

std::string IncreaseRequestId(std::string_view epoch, std::string_view organization_id,
                              int64_t sequence) {
  return ScopedId(kRequestPrefix, epoch, organization_id, sequence);
}

int64_t ParseIncreaseRequestId(std::string_view epoch, std::string_view organization_id,
                               std::string_view request_id) {
  return ParseScopedId(kRequestPrefix, epoch, organization_id, request_id).sequence;
}

std::string DenialId(std::string_view epoch, std::string_view organization_id, int64_t number) {
  return ScopedId(kDenialPrefix, epoch, organization_id, number);
}

int64_t ParseDenialId(std::string_view epoch, std::string_view organization_id,
                      std::string_view denial_id) {
  const size_t digits_at = kDenialPrefix.size() + kHashDigits + 1;
  int64_t number = 0;
  if (denial_id.size() < digits_at ||
      !absl::SimpleAtoi(ToAbsl(denial_id.substr(digits_at)), &number)) {
    return 0;
  }
  // The one spelling of it, or none.
  return DenialId(epoch, organization_id, number) == denial_id ? number : 0;
}

}  // namespace bursar
