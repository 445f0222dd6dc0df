// Usage as comma-separated values: in our own columns, or in those of FOCUS, the FinOps Open Cost
// and Usage Specification (docs/seeing.md says what each column holds).
//
// Thread rule: pure functions.
#pragma once

#include <string>

#include "bursar/v1/admin_service.pb.h"

namespace bursar::cli {

// A heading and a line for each row. The columns are the request's dimensions, in its order, then
// the figures; amounts are plain decimal numbers.
std::string UsageAsCsv(const v1::QueryUsageRequest& request, const v1::QueryUsageResponse& usage);

// The dimensions of a FOCUS export by day, or by hour.
void AskForFocus(bool by_hour, v1::QueryUsageRequest* request);
// A heading and a line for each row of the answer to such a request.
std::string UsageAsFocus(const v1::Organization& organization, const v1::QueryUsageResponse& usage);

// "12.5": units and nanos as a decimal number without trailing zeros.
std::string PlainAmount(const v1::Money& money);

}  // namespace bursar::cli
