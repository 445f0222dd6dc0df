#include "client/lib/request_id.h"

#include <gtest/gtest.h>

#include <set>

namespace bursar {
namespace {

TEST(RequestId, HasTheLayoutOfUuidVersionSeven) {
  // The time and the bits of RFC 9562's own example.
  const absl::Time time = absl::FromUnixMillis(0x017f22e279b0);
  const std::array<uint8_t, 10> bytes = {0x0c, 0xc3, 0x18, 0xc4, 0xdc,
                                         0x0c, 0x0c, 0x07, 0x39, 0x8f};
  EXPECT_EQ(FormatRequestId(time, bytes), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(RequestId, LaterIdsSortBehindEarlierOnes) {
  const std::array<uint8_t, 10> high = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  const std::array<uint8_t, 10> low = {};
  EXPECT_LT(FormatRequestId(absl::FromUnixMillis(1'000), high),
            FormatRequestId(absl::FromUnixMillis(1'001), low));
}

TEST(RequestId, ThousandsMadeAtOnceAllDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(MakeRequestId());
  EXPECT_EQ(ids.size(), 10'000u);
}

}  // namespace
}  // namespace bursar
