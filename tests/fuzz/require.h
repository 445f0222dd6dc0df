// What a fuzz target claims: Require(claim, words) ends the program where the claim does not hold,
// so that the fuzzer keeps the input that broke it.
//
// Thread rule: may be called from any thread.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bursar::fuzz {

inline void Require(bool claim, std::string_view words, std::string_view detail = "") {
  if (claim) [[likely]]
    return;
  std::fprintf(stderr, "BROKEN CLAIM: %.*s: %.*s\n", static_cast<int>(words.size()), words.data(),
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

}  // namespace bursar::fuzz
