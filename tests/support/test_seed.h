// How randomized tests are repeated and made longer: by environment variables.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace bursar {

// The variable's number, or `otherwise` where it is not set.
inline uint64_t NumberFrom(const char* variable, uint64_t otherwise) {
  const char* const given = std::getenv(variable);
  return given == nullptr || *given == '\0' ? otherwise : std::strtoull(given, nullptr, 10);
}

// The seed of a randomized test: BURSAR_TEST_SEED, or one drawn anew. Printed, so that a failure
// can be repeated.
inline uint64_t TestSeed() {
  const uint64_t seed = NumberFrom("BURSAR_TEST_SEED", std::random_device()());
  std::printf("BURSAR_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

}  // namespace bursar
