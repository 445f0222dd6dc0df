// Between bursar.v1.PriceBook, as it travels and is stored, and the ledger's price book.
//
// Decoding validates: the book must satisfy every bound that price_book.proto and the ledger state.
// Encoding gives back what a book was made from, so that decode(encode(book)) is the same book.
//
// Thread rule: pure functions.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bursar/storage/v1/price_book.pb.h"
#include "bursar/v1/price_book.pb.h"
#include "server/ledger/price_book.h"

namespace bursar {

// INVALID_ARGUMENT names every field that is wrong by its path in the message (the first twenty).
absl::StatusOr<std::shared_ptr<const PriceBook>> DecodePriceBook(const v1::PriceBook& message);

v1::PriceBook EncodePriceBook(const PriceBook& book);

// A record as it is kept on disk. DATA_LOSS when the book in it is not a valid one.
absl::StatusOr<PriceBookHistory::Entry> DecodePriceBookRecord(
    const storage::v1::PriceBookRecord& record);

storage::v1::PriceBookRecord EncodePriceBookRecord(const PriceBookHistory::Entry& entry);

}  // namespace bursar
