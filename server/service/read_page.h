// What every list begins with: which page, of which query, over which time.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/service/validation.h"

namespace bursar {

inline constexpr size_t kDefaultPage = 100;
inline constexpr size_t kLargestPage = 1000;
inline constexpr size_t kDefaultUsagePage = 1000;
inline constexpr size_t kLargestUsagePage = 10000;

struct Page {
  size_t size = 0;
  std::string scope;     // Binds the token to the query.
  std::string position;  // Where the page before ended; empty on the first.
};

template <class Request>
Page ReadPage(const Request& request, std::string scope, size_t fallback, size_t largest,
              FieldViolations* violations) {
  Page page;
  page.size = ReadPageSize("page_size", request.page_size(), fallback, largest, violations);
  page.scope = std::move(scope);
  page.position = ReadPageToken("page_token", page.scope, request.page_token(), violations);
  return page;
}

// A number from a position that we made.
inline int64_t NumberIn(absl::string_view position) {
  int64_t number = 0;
  return absl::SimpleAtoi(position, &number) ? number : 0;
}

// Reads [start_time, end_time) where they are set.
template <class Request>
void ReadTimeRange(const Request& request, absl::Time* start, absl::Time* end,
                   FieldViolations* violations) {
  if (request.has_start_time()) {
    *start = ReadTimestamp("start_time", request.start_time(), violations).value_or(*start);
  }
  if (request.has_end_time()) {
    *end = ReadTimestamp("end_time", request.end_time(), violations).value_or(*end);
  }
  if (*end < *start) violations->Add("end_time", "must not be before start_time");
}

template <class Request>
std::string TimeRangeKey(const Request& request) {
  return absl::StrCat(request.start_time().seconds(), ".", request.start_time().nanos(), "-",
                      request.end_time().seconds(), ".", request.end_time().nanos());
}

}  // namespace bursar
