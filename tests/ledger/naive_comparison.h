// Compares what a wallet and the naive model say at one instant.
//
// Thread rule: single-threaded.
#pragma once

#include "tests/ledger/naive_wallet.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {

// Expects that balances, sums of every period and scope, windows, seats, the episode and the open
// holds are the same.
void CompareState(const TestWallet& wallet, const NaiveWallet& naive);

}  // namespace bursar
