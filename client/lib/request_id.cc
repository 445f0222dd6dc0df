#include "client/lib/request_id.h"

#include <algorithm>
#include <random>

#include "absl/time/clock.h"

namespace bursar {

std::string MakeRequestId() {
  thread_local std::random_device device;
  std::array<uint8_t, 10> random_bytes;
  for (uint8_t& byte : random_bytes) byte = static_cast<uint8_t>(device() & 0xff);
  return FormatRequestId(absl::Now(), random_bytes);
}

std::string FormatRequestId(absl::Time time, const std::array<uint8_t, 10>& random_bytes) {
  std::array<uint8_t, 16> bytes;
  const uint64_t milliseconds =
      static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixMillis(time)));
  for (int i = 0; i < 6; ++i) {
    bytes[i] = static_cast<uint8_t>(milliseconds >> (40 - 8 * i));
  }
  std::copy(random_bytes.begin(), random_bytes.end(), bytes.begin() + 6);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x70);  // version 7
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);  // the RFC's variant
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 0x0f];
  }
  return text;
}

}  // namespace bursar
