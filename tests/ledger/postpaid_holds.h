// What the tests of holds begin with.
#pragma once

#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {

// "ann" on the postpaid plan: 25 included in the month, extra on, the organization limited to 100.
class PostpaidHolds : public testing::Test {
 protected:
  PostpaidHolds() : wallet_("seats") {
    wallet_.AddMember("ann").ExtraForEveryone().LimitOrganization(Dollars(100));
  }
  TestWallet wallet_;
};

}  // namespace bursar
