// Remembers which model a name resolved to, so that the request path pays for patterns once.
//
// Answers are those of PriceBook::Resolve, unknown models included (a book never changes, so an
// answer never grows stale). Memory is bounded: entries live in two generations of half the
// capacity each; when the young one is full it becomes the old one, whose entries are dropped
// unless they are asked for again.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "server/ledger/price_book.h"

namespace bursar {

class ModelResolver {
 public:
  // At most that many names are remembered (at least 2); each takes up to about 600 bytes.
  explicit ModelResolver(size_t capacity = 4096);

  ModelResolver(const ModelResolver&) = delete;
  ModelResolver& operator=(const ModelResolver&) = delete;

  // What book->Resolve(provider, model) answers; valid as long as the caller keeps the book. Books
  // are kept alive while names of theirs are remembered.
  // Requires: `book` is not null.
  const ModelPrices* Resolve(const std::shared_ptr<const PriceBook>& book,
                             std::string_view provider, std::string_view model);

  // How many names are remembered now; for metrics.
  size_t size() const;

 private:
  // A key that borrows its texts, so that a look-up copies nothing.
  struct View {
    const PriceBook* book;
    std::string_view provider;
    std::string_view model;
  };
  struct Key {
    std::shared_ptr<const PriceBook> book;
    std::string provider;
    std::string model;
    operator View() const { return {book.get(), provider, model}; }  // NOLINT: for hash and equal
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const View& view) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const View& a, const View& b) const;
  };
  using Generation = absl::flat_hash_map<Key, const ModelPrices*, Hash, Equal>;

  void Remember(Key key, const ModelPrices* model);

  const size_t generation_capacity_;
  mutable std::mutex mutex_;
  Generation young_;  // Guarded by mutex_.
  Generation old_;    // Guarded by mutex_.
};

}  // namespace bursar
