// What a price book must satisfy before it is compiled (rules P1, P2, P4, P6), and the shape of the
// names that books and usage share. Used by price_book.cc and pricing.cc.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/ledger/price_book.h"

namespace bursar {

// Everything wrong with the book but for its matches, each as "path: what"; empty when nothing is.
// Stops after twenty.
std::vector<std::string> FindPriceBookProblems(const PriceBookSpec& spec);

// "models[3]": how a member of a list is named in messages.
std::string IndexedPath(std::string_view list, size_t index);

// 1 to 64 lower-case letters, digits and "._-".
bool IsMeterName(std::string_view name);

}  // namespace bursar
