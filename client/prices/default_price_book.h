// The price book that is shipped, as it was generated from the public price list at build time.
//
// Thread rule: a pure function.
#pragma once

#include <string_view>

namespace bursar {

// A serialized bursar.v1.PriceBook; lives as long as the program.
std::string_view DefaultPriceBook();

}  // namespace bursar
