// Where webhooks may go.
#include "server/notify/network_guard.h"

#include <gtest/gtest.h>

#include "server/notify/curl_transport.h"

namespace bursar {
namespace {

// Rules: N2
TEST(NetworkGuard, KnowsPublicFromPrivateAddresses) {
  for (const char* address :
       {"8.8.8.8", "1.1.1.1", "172.32.0.1", "172.15.255.255", "192.169.0.1", "100.128.0.1",
        "169.253.1.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_EQ(KindOfAddress(address), AddressKind::kPublic) << address;
  }
  for (const char* address : {"10.0.0.1",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "0.1.2.3",
                              "192.0.2.1",
                              "198.18.0.1",
                              "198.51.100.7",
                              "203.0.113.9",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1",
                              "::ffff:10.0.0.1",
                              "::ffff:169.254.169.254",
                              "64:ff9b::a00:1",
                              "2002:a00:1::1",
                              "2001::1",
                              "2001:db8::1",
                              "100::1",
                              "no address",
                              "",
                              "127.1"}) {
    EXPECT_EQ(KindOfAddress(address), AddressKind::kPrivate) << address;
  }
  for (const char* address :
       {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"}) {
    EXPECT_EQ(KindOfAddress(address), AddressKind::kLoopback) << address;
  }
}

// Rules: N2
TEST(NetworkGuard, ConnectsToPublicAddressesUnlessToldOtherwise) {
  const NetworkPolicy closed;
  EXPECT_TRUE(closed.Allows(AddressKind::kPublic));
  EXPECT_FALSE(closed.Allows(AddressKind::kLoopback));
  EXPECT_FALSE(closed.Allows(AddressKind::kPrivate));
  const NetworkPolicy local = {true, false};
  EXPECT_TRUE(local.Allows(AddressKind::kLoopback));
  EXPECT_FALSE(local.Allows(AddressKind::kPrivate));
}

// Rules: N2
TEST(NetworkGuard, LoopbackIsKnownByNameAndByAddress) {
  for (const char* host : {"localhost", "127.0.0.1", "::1", "[::1]"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"localhost.example.com", "10.0.0.1", "mail.example.com", "", "[]"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

// Rules: N2
TEST(CurlTransport, TakesNoSmtpUrlWithCredentialsOrAnotherScheme) {
  for (const char* url : {"smtp://mail.example.com:587", "smtps://mail.example.com:465",
                          "smtp://127.0.0.1:25", "smtp://[::1]:25"}) {
    EXPECT_TRUE(CheckSmtpUrl(url).ok()) << url;
  }
  for (const char* url : {"http://mail.example.com", "mail.example.com:25", "smtp://u@mail:25",
                          "smtp://u:p@mail:25", "", "smtp://"}) {
    EXPECT_FALSE(CheckSmtpUrl(url).ok()) << url;
  }
}

}  // namespace
}  // namespace bursar
