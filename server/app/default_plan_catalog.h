// The plan catalog that is shipped, from default_plans.json. Its amounts are examples: no provider
// publishes its allowances as money. Operators publish their own (rule O1).
//
// Thread rule: a pure function.
#pragma once

#include <string_view>

namespace bursar {

// A bursar.v1.PlanCatalog as protobuf JSON; lives as long as the program.
std::string_view DefaultPlanCatalogJson();

}  // namespace bursar
