// BURSAR_CHECK(condition) ends the process when one of our own invariants is broken.
//
// For bugs only: never for input, never for what is read from disk (those are statuses). It is on
// in production, because a wallet that goes on after a broken invariant misplaces money.
#pragma once

#include <cstdio>
#include <cstdlib>

#define BURSAR_CHECK(condition)                                                           \
  do {                                                                                    \
    if (!(condition)) [[unlikely]] {                                                      \
      std::fprintf(stderr, "bursar: broken invariant at %s:%d: %s\n", __FILE__, __LINE__, \
                   #condition);                                                           \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
