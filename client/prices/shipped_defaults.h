// What public price lists leave open, and a book must say: modifiers and fallback prices.
//
// Thread rule: a pure function on its argument.
#pragma once

#include "bursar/v1/price_book.pb.h"

namespace bursar {

// Sets the book's service tiers, regions and fallback prices to those that are shipped (they are
// listed in client/prices/data/README.md). Prices are in the book's currency, whatever it is.
void AddShippedDefaults(v1::PriceBook& book);

}  // namespace bursar
