#include "server/engine/catalogs.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bursar/storage/v1/price_book.pb.h"
#include "bursar/storage/v1/system.pb.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/model_resolver.h"
#include "server/engine/price_book_codec.h"

namespace bursar {
namespace {

// Keys sort by number, so that documents are read in the order of their publication.
std::string NumberedKey(const char* prefix, size_t number) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%010zu", number);
  return absl::StrCat(prefix, digits);
}

absl::Time Kept(absl::Time instant) { return absl::FromUnixNanos(absl::ToUnixNanos(instant)); }

// Everything published; replaced as a whole by the next publication.
struct Documents {
  std::map<std::string, PriceBookHistory, std::less<>> books;  // By currency.
  size_t book_count = 0;
  std::string newest_book_version;
  std::shared_ptr<const PlanCatalog> plans;
  Published<bursar::v1::PlanCatalog> plan_document;
  // Every catalog, by since when it is in force.
  std::map<absl::Time, std::shared_ptr<const PlanCatalog>> plan_history;
  std::set<std::string> plan_versions;

  const PriceBookHistory::Entry* FindBook(const std::string& version) const {
    for (const auto& [currency, history] : books) {
      for (const PriceBookHistory::Entry& entry : history.entries()) {
        if (entry.book->version() == version) return &entry;
      }
    }
    return nullptr;
  }
};

// A wallet may be on any plan and seat of the catalog in force: the next one must have them all, in
// the same currency and paid in the same way.
absl::Status CheckSuccessor(const PlanCatalog& before, const PlanCatalog& after) {
  for (const Plan& plan : before.plans) {
    const Plan* successor = after.Find(plan.id);
    if (successor == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("the plan \"", plan.id, "\" is in force and missing from the catalog"));
    }
    if (successor->currency_code != plan.currency_code) {
      return absl::FailedPreconditionError(
          absl::StrCat("the plan \"", plan.id, "\" is in force in ", plan.currency_code));
    }
    // Credit and month-end bills of wallets on the plan would change their meaning under them.
    if (successor->funding != plan.funding || successor->metered != plan.metered) {
      return absl::FailedPreconditionError(
          absl::StrCat("the plan \"", plan.id, "\" is in force as ",
                       plan.funding == Funding::kPrepaid ? "prepaid" : "postpaid",
                       plan.metered ? ", metered" : ", with included usage",
                       ": publish another plan for other terms, and keep this one as it is"));
    }
    for (const SeatTier& tier : plan.seat_tiers) {
      if (successor->FindTier(tier.id) != nullptr) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "the seat \"", tier.id, "\" of plan \"", plan.id, "\" is in force and missing from it"));
    }
  }
  return absl::OkStatus();
}

class StoredCatalogs final : public Catalogs {
 public:
  explicit StoredCatalogs(Store* store) : store_(store) {}

  absl::Status ReadBooks();
  absl::Status ReadPlans();
  absl::Status PublishDefaults(const DefaultCatalogs& defaults, absl::Time now);

  std::shared_ptr<const PlanCatalog> plans() const override { return documents()->plans; }

  std::shared_ptr<const PlanCatalog> PlansAt(absl::Time instant) const override {
    const std::shared_ptr<const Documents> now = documents();
    auto after = now->plan_history.upper_bound(instant);
    return after == now->plan_history.begin() ? now->plan_history.begin()->second
                                              : std::prev(after)->second;
  }

  absl::StatusOr<PricedUsage> Price(std::string_view currency_code, std::string_view provider,
                                    std::string_view model, const Usage& usage,
                                    absl::Time occurred_at) const override {
    const std::shared_ptr<const Documents> now = documents();
    auto history = now->books.find(currency_code);
    if (history == now->books.end()) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            "no price book in ", ToAbsl(currency_code), " is published")),
                        "NO_PRICE_BOOK");
    }
    const std::shared_ptr<const PriceBook> book = history->second.At(occurred_at);
    return PriceUsage(*book, resolver_.Resolve(book, provider, model), usage, occurred_at);
  }

  bool HasCurrency(std::string_view currency_code) const override {
    const std::shared_ptr<const Documents> now = documents();
    return now->books.find(currency_code) != now->books.end();
  }

  absl::StatusOr<absl::Time> PublishPriceBook(const bursar::v1::PriceBook& book, absl::Time now,
                                              bool validate_only) override;
  absl::StatusOr<absl::Time> PublishPlanCatalog(const bursar::v1::PlanCatalog& catalog,
                                                absl::Time now, bool validate_only) override;

  absl::StatusOr<Published<bursar::v1::PriceBook>> PriceBookDocument(
      const std::string& version) const override {
    const std::shared_ptr<const Documents> now = documents();
    const std::string& wanted = version.empty() ? now->newest_book_version : version;
    const PriceBookHistory::Entry* entry = now->FindBook(wanted);
    if (entry == nullptr) {
      return absl::NotFoundError(absl::StrCat("there is no price book \"", wanted, "\""));
    }
    return Published<bursar::v1::PriceBook>{EncodePriceBook(*entry->book), entry->published};
  }

  Published<bursar::v1::PlanCatalog> PlanCatalogDocument() const override {
    return documents()->plan_document;
  }

 private:
  std::shared_ptr<const Documents> documents() const {
    std::lock_guard lock(mutex_);
    return documents_;
  }
  void Replace(std::shared_ptr<const Documents> documents) {
    std::lock_guard lock(mutex_);
    documents_ = std::move(documents);
  }
  static absl::Status AddBook(Documents& documents, std::shared_ptr<const PriceBook> book,
                              absl::Time published);

  Store* const store_;
  mutable ModelResolver resolver_;
  std::mutex publish_mutex_;  // One publication at a time; taken before mutex_.
  mutable std::mutex mutex_;
  std::shared_ptr<const Documents> documents_ = std::make_shared<Documents>();
};

absl::Status StoredCatalogs::AddBook(Documents& documents, std::shared_ptr<const PriceBook> book,
                                     absl::Time published) {
  const std::string version = book->version();
  PriceBookHistory& history = documents.books[book->currency_code()];
  if (absl::Status s = history.Publish(std::move(book), published); !s.ok()) return s;
  ++documents.book_count;
  documents.newest_book_version = version;
  return absl::OkStatus();
}

absl::Status StoredCatalogs::ReadBooks() {
  absl::StatusOr<std::vector<SystemRow>> rows = store_->ScanSystem(kPriceBookPrefix);
  if (!rows.ok()) return rows.status();
  auto documents = std::make_shared<Documents>(*documents_);
  for (const SystemRow& row : *rows) {
    storage::v1::PriceBookRecord record;
    absl::Status status;
    if (!record.ParseFromString(row.value)) {
      status = absl::DataLossError("its bytes are not a record");
    } else {
      absl::StatusOr<PriceBookHistory::Entry> entry = DecodePriceBookRecord(record);
      status = entry.ok() ? AddBook(*documents, entry->book, entry->published) : entry.status();
    }
    if (!status.ok()) {
      return absl::DataLossError(absl::StrCat("system record ", row.key, ": ", status.message()));
    }
  }
  Replace(std::move(documents));
  return absl::OkStatus();
}

absl::Status StoredCatalogs::ReadPlans() {
  absl::StatusOr<std::vector<SystemRow>> rows = store_->ScanSystem(kPlanCatalogPrefix);
  if (!rows.ok()) return rows.status();
  auto documents = std::make_shared<Documents>(*documents_);
  for (const SystemRow& row : *rows) {
    storage::v1::PlanCatalogRecord record;
    absl::StatusOr<PlanCatalog> plans = absl::DataLossError("its bytes are not a record");
    if (record.ParseFromString(row.value)) plans = PlanCatalogFromProto(record.catalog());
    if (!plans.ok()) {
      return absl::DataLossError(
          absl::StrCat("system record ", row.key, ": ", plans.status().message()));
    }
    documents->plan_versions.insert(plans->version);
    documents->plans = std::make_shared<const PlanCatalog>(*std::move(plans));
    documents->plan_document = {record.catalog(),
                                absl::FromUnixNanos(record.published_unix_nanos())};
    documents->plan_history[documents->plan_document.published_at] = documents->plans;
  }
  Replace(std::move(documents));
  return absl::OkStatus();
}

absl::Status StoredCatalogs::PublishDefaults(const DefaultCatalogs& defaults, absl::Time now) {
  if (documents()->plans == nullptr) {
    absl::Status s = PublishPlanCatalog(defaults.plan_catalog, now, false).status();
    if (!s.ok()) return Prefixed(s, "the default plan catalog");
  }
  if (documents()->book_count == 0) {
    absl::Status s = PublishPriceBook(defaults.price_book, now, false).status();
    if (!s.ok()) return Prefixed(s, "the default price book");
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> StoredCatalogs::PublishPriceBook(const bursar::v1::PriceBook& book,
                                                            absl::Time now, bool validate_only) {
  absl::StatusOr<std::shared_ptr<const PriceBook>> decoded = DecodePriceBook(book);
  if (!decoded.ok()) return decoded.status();
  std::lock_guard lock(publish_mutex_);
  auto next = std::make_shared<Documents>(*documents());
  if (next->FindBook((*decoded)->version()) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("a price book \"", (*decoded)->version(), "\" is published already"));
  }
  // Never before the last one of its currency: what was in force stays what was in force (P5).
  absl::Time published = Kept(now);
  auto history = next->books.find((*decoded)->currency_code());
  if (history != next->books.end()) {
    published = std::max(published, history->second.entries().back().published);
  }
  if (absl::Status s = AddBook(*next, *decoded, published); !s.ok()) return s;
  if (validate_only) return published;
  const storage::v1::PriceBookRecord record = EncodePriceBookRecord({published, *decoded});
  const absl::Status put = store_->PutSystem(
      {{NumberedKey(kPriceBookPrefix, next->book_count), record.SerializeAsString()}});
  if (!put.ok()) return put;
  Replace(std::move(next));
  return published;
}

absl::StatusOr<absl::Time> StoredCatalogs::PublishPlanCatalog(
    const bursar::v1::PlanCatalog& catalog, absl::Time now, bool validate_only) {
  absl::StatusOr<PlanCatalog> plans = PlanCatalogFromProto(catalog);
  if (!plans.ok()) return plans.status();
  std::lock_guard lock(publish_mutex_);
  auto next = std::make_shared<Documents>(*documents());
  if (!next->plan_versions.insert(plans->version).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("a plan catalog \"", plans->version, "\" is published already"));
  }
  absl::Time published = Kept(now);
  if (next->plans != nullptr) {
    if (absl::Status s = CheckSuccessor(*next->plans, *plans); !s.ok()) return s;
    published = std::max(published, next->plan_document.published_at);
  }
  if (validate_only) return published;
  storage::v1::PlanCatalogRecord record;
  record.set_published_unix_nanos(absl::ToUnixNanos(published));
  *record.mutable_catalog() = catalog;
  const absl::Status put = store_->PutSystem(
      {{NumberedKey(kPlanCatalogPrefix, next->plan_versions.size()), record.SerializeAsString()}});
  if (!put.ok()) return put;
  next->plans = std::make_shared<const PlanCatalog>(*std::move(plans));
  next->plan_document = {catalog, published};
  next->plan_history[published] = next->plans;
  Replace(std::move(next));
  return published;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Catalogs>> Catalogs::Load(Store* store,
                                                         const DefaultCatalogs& defaults,
                                                         absl::Time now) {
  auto catalogs = std::make_unique<StoredCatalogs>(store);
  if (absl::Status s = catalogs->ReadBooks(); !s.ok()) return s;
  if (absl::Status s = catalogs->ReadPlans(); !s.ok()) return s;
  if (absl::Status s = catalogs->PublishDefaults(defaults, now); !s.ok()) return s;
  return catalogs;
}

}  // namespace bursar
