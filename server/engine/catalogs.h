// The published documents: price books with their history, and the plan catalog. Versioned inputs
// of every decision (rules P1, P5, O1, J1).
//
// They are kept as published (docs/decisions): system records of the store, read at start,
// validated when they are published, in force as soon as they are durable.
//
// Thread rule: every method may be called from any thread. What a snapshot points to lives as long
// as the shared pointer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bursar/v1/plan_catalog.pb.h"
#include "bursar/v1/price_book.pb.h"
#include "server/ledger/plan.h"
#include "server/ledger/pricing.h"
#include "storage/store.h"

namespace bursar {

// System records that hold the price books and plan catalogs begin with these.
inline constexpr char kPriceBookPrefix[] = "price_book/";
inline constexpr char kPlanCatalogPrefix[] = "plan_catalog/";

// What is published into an empty store.
struct DefaultCatalogs {
  bursar::v1::PriceBook price_book;
  bursar::v1::PlanCatalog plan_catalog;
};

// The plan catalog as a ledger value, validated: INVALID_ARGUMENT names each field that is wrong.
absl::StatusOr<PlanCatalog> PlanCatalogFromProto(const bursar::v1::PlanCatalog& proto);

// A published document and since when it is in force.
template <typename Document>
struct Published {
  Document document;
  absl::Time published_at;
};

class Catalogs {
 public:
  // Reads what the store has; publishes `defaults` at `now` where it has none. DATA_LOSS where a
  // stored document cannot be read.
  static absl::StatusOr<std::unique_ptr<Catalogs>> Load(Store* store,
                                                        const DefaultCatalogs& defaults,
                                                        absl::Time now);
  virtual ~Catalogs() = default;

  // The plan catalog in force. Cheap: a reference count.
  virtual std::shared_ptr<const PlanCatalog> plans() const = 0;

  // The one that was in force at an instant: the last published by then, or the first ever.
  virtual std::shared_ptr<const PlanCatalog> PlansAt(absl::Time instant) const = 0;

  // Prices usage by the card in force at `occurred_at`, in an organization's currency: the book
  // for that instant in that currency (rules M4, P5). Errors as PriceUsage; FAILED_PRECONDITION
  // where no book of that currency is published.
  virtual absl::StatusOr<PricedUsage> Price(std::string_view currency_code,
                                            std::string_view provider, std::string_view model,
                                            const Usage& usage, absl::Time occurred_at) const = 0;
  // Whether a price book of that currency is published.
  virtual bool HasCurrency(std::string_view currency_code) const = 0;

  // Publishing. The version must be new (ALREADY_EXISTS); validated whole (INVALID_ARGUMENT);
  // `validate_only` stops there. FAILED_PRECONDITION where a plan of the catalog in force is
  // missing from the new one. Returns since when it is in force.
  virtual absl::StatusOr<absl::Time> PublishPriceBook(const bursar::v1::PriceBook& book,
                                                      absl::Time now, bool validate_only) = 0;
  virtual absl::StatusOr<absl::Time> PublishPlanCatalog(const bursar::v1::PlanCatalog& catalog,
                                                        absl::Time now, bool validate_only) = 0;

  // The documents as published. Empty version: the newest. NOT_FOUND for an unknown version.
  virtual absl::StatusOr<Published<bursar::v1::PriceBook>> PriceBookDocument(
      const std::string& version) const = 0;
  virtual Published<bursar::v1::PlanCatalog> PlanCatalogDocument() const = 0;
};

}  // namespace bursar
