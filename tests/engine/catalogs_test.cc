// Published documents: read back as published, validated, and in force from their instant on.
#include "server/engine/catalogs.h"

#include <gtest/gtest.h>

#include "server/base/status.h"
#include "storage/memory_store.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class CatalogsTest : public testing::Test {
 protected:
  CatalogsTest() : store_(NewMemoryStore()) { Load(); }

  void Load() {
    absl::StatusOr<std::unique_ptr<Catalogs>> catalogs =
        Catalogs::Load(store_.get(), TestCatalogs(), TestStart());
    ASSERT_TRUE(catalogs.ok()) << catalogs.status();
    catalogs_ = *std::move(catalogs);
  }
  // A book in which model-a costs that much per million of input.
  static v1::PriceBook Book(const std::string& version, int64_t units,
                            const std::string& currency = "USD") {
    v1::PriceBook book = TestCatalogs().price_book;
    book.set_version(version);
    book.set_currency_code(currency);
    book.mutable_models(0)->mutable_cards(0)->mutable_prices()->set_input_nanos_per_million(
        units * kNanosPerUnit);
    return book;
  }
  static v1::PlanCatalog Plans(const std::string& version) {
    v1::PlanCatalog plans = TestCatalogs().plan_catalog;
    plans.set_version(version);
    return plans;
  }
  Nanos PriceOfAMillion(absl::Time occurred_at) {
    Usage usage;
    usage.input = 1'000'000;
    const auto priced = catalogs_->Price("USD", "maker", "model-a", usage, occurred_at);
    EXPECT_TRUE(priced.ok()) << priced.status();
    return priced.ok() ? priced->cost : Nanos();
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalogs> catalogs_;
};

// Rules: O1, P7
TEST_F(CatalogsTest, AnEmptyStoreGetsTheDefaultsAndAFilledOneKeepsItsOwn) {
  EXPECT_EQ(catalogs_->plans()->version, "plans-1");
  EXPECT_EQ(catalogs_->PlanCatalogDocument().published_at, TestStart());
  ASSERT_TRUE(catalogs_->PublishPlanCatalog(Plans("plans-2"), TestStart(), false).ok());
  Load();
  EXPECT_EQ(catalogs_->plans()->version, "plans-2");
  EXPECT_EQ(store_->ScanSystem("plan_catalog/").value().size(), 2);
  EXPECT_EQ(store_->ScanSystem("price_book/").value().size(), 1);
}

// Rules: P5
TEST_F(CatalogsTest, TheBookInForceWhenUsageOccurredPricesItAlsoAfterAReload) {
  const absl::Time second = TestStart() + absl::Hours(1);
  ASSERT_TRUE(catalogs_->PublishPriceBook(Book("book-2", 7), second, false).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(PriceOfAMillion(second), Nanos::Units(7));
    EXPECT_EQ(PriceOfAMillion(second - absl::Nanoseconds(1)), Nanos::Units(1));
    EXPECT_EQ(PriceOfAMillion(TestStart() - absl::Hours(24 * 30)), Nanos::Units(1));
    Load();
  }
}

// Rules: P5
TEST_F(CatalogsTest, ABookIsNeverInForceBeforeTheOnePublishedBeforeIt) {
  const absl::Time second = TestStart() + absl::Hours(1);
  ASSERT_EQ(catalogs_->PublishPriceBook(Book("book-2", 7), second, false).value(), second);
  // The clock stood back a little since.
  const auto third = catalogs_->PublishPriceBook(Book("book-3", 9), TestStart(), false);
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(*third, second);
  EXPECT_EQ(PriceOfAMillion(second), Nanos::Units(9));
  EXPECT_EQ(PriceOfAMillion(TestStart()), Nanos::Units(1));
}

// Rules: P5
TEST_F(CatalogsTest, DocumentsComeBackAsPublished) {
  ASSERT_TRUE(catalogs_->PublishPriceBook(Book("book-2", 7), TestStart(), false).ok());
  Load();
  EXPECT_EQ(catalogs_->PriceBookDocument("book-1")->document.version(), "book-1");
  EXPECT_EQ(catalogs_->PriceBookDocument("")->document.SerializeAsString(),
            Book("book-2", 7).SerializeAsString());
  EXPECT_EQ(catalogs_->PriceBookDocument("book-9").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(catalogs_->PlanCatalogDocument().document.SerializeAsString(),
            Plans("plans-1").SerializeAsString());
}

// Rules: P5, O1
TEST_F(CatalogsTest, AVersionIsPublishedOnce) {
  EXPECT_EQ(catalogs_->PublishPriceBook(Book("book-1", 7), TestStart(), false).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(
      catalogs_->PublishPriceBook(Book("book-1", 7, "EUR"), TestStart(), false).status().code(),
      absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(catalogs_->PublishPlanCatalog(Plans("plans-1"), TestStart(), false).status().code(),
            absl::StatusCode::kAlreadyExists);
}

// Rules: P5, O1
TEST_F(CatalogsTest, ValidatingOnlyChangesNothing) {
  EXPECT_TRUE(catalogs_->PublishPriceBook(Book("book-2", 7), TestStart(), true).ok());
  EXPECT_TRUE(catalogs_->PublishPlanCatalog(Plans("plans-2"), TestStart(), true).ok());
  EXPECT_EQ(catalogs_->plans()->version, "plans-1");
  EXPECT_EQ(PriceOfAMillion(TestStart()), Nanos::Units(1));
  EXPECT_EQ(store_->ScanSystem("").value().size(), 2);
}

// Rules: M4
TEST_F(CatalogsTest, EachCurrencyHasItsOwnBooks) {
  EXPECT_TRUE(catalogs_->HasCurrency("USD"));
  EXPECT_FALSE(catalogs_->HasCurrency("EUR"));
  EXPECT_EQ(Reason(catalogs_->Price("EUR", "", "model-a", Usage(), TestStart()).status()),
            "NO_PRICE_BOOK");
  ASSERT_TRUE(catalogs_->PublishPriceBook(Book("book-eur", 3, "EUR"), TestStart(), false).ok());
  EXPECT_TRUE(catalogs_->HasCurrency("EUR"));
  EXPECT_EQ(PriceOfAMillion(TestStart()), Nanos::Units(1));
}

// Rules: O1
TEST_F(CatalogsTest, WhatWalletsMayBeOnCannotBePublishedAway) {
  v1::PlanCatalog without_plan = Plans("plans-2");
  without_plan.mutable_plans()->DeleteSubrange(1, 1);
  v1::PlanCatalog without_seat = Plans("plans-2");
  without_seat.mutable_plans(0)->mutable_seat_tiers()->DeleteSubrange(1, 1);
  without_seat.mutable_plans(0)->mutable_seat_tiers(0)->clear_upgrade_to();
  v1::PlanCatalog other_currency = Plans("plans-2");
  other_currency.mutable_plans(2)->set_currency_code("EUR");
  v1::PlanCatalog other_funding = Plans("plans-2");
  for (v1::Plan& plan : *other_funding.mutable_plans()) {
    plan.set_funding(plan.funding() == v1::FUNDING_PREPAID ? v1::FUNDING_POSTPAID
                                                           : v1::FUNDING_PREPAID);
  }
  v1::PlanCatalog now_metered = Plans("plans-2");
  for (v1::Plan& plan : *now_metered.mutable_plans()) {
    plan.set_metered(true);
    for (v1::SeatTier& tier : *plan.mutable_seat_tiers()) tier.clear_windows();
  }
  for (const v1::PlanCatalog& catalog :
       {without_plan, without_seat, other_currency, other_funding, now_metered}) {
    EXPECT_EQ(catalogs_->PublishPlanCatalog(catalog, TestStart(), false).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << catalog.ShortDebugString();
  }
}

struct WrongCatalog {
  std::string field;
  std::function<void(v1::PlanCatalog&)> spoil;
};

// Rules: O1, M2
TEST_F(CatalogsTest, EveryWrongFieldOfAPlanCatalogIsNamed) {
  const std::vector<WrongCatalog> cases = {
      {"version", [](auto& c) { c.set_version("a b"); }},
      {"plans", [](auto& c) { c.clear_plans(); }},
      {"plans[1].id", [](auto& c) { c.mutable_plans(1)->set_id("team"); }},
      {"plans[0].id", [](auto& c) { c.mutable_plans(0)->set_id("Team"); }},
      {"plans[0].display_name", [](auto& c) { c.mutable_plans(0)->clear_display_name(); }},
      {"plans[0].funding", [](auto& c) { c.mutable_plans(0)->clear_funding(); }},
      {"plans[0].currency_code", [](auto& c) { c.mutable_plans(0)->set_currency_code("usd"); }},
      {"plans[0].max_members", [](auto& c) { c.mutable_plans(0)->set_max_members(-1); }},
      {"plans[0].limit_scopes",
       [](auto& c) { c.mutable_plans(0)->add_limit_scopes(v1::SCOPE_SEAT_TIER); }},
      {"plans[0].seat_tiers", [](auto& c) { c.mutable_plans(0)->clear_seat_tiers(); }},
      {"plans[0].seat_tiers[1].id",
       [](auto& c) { c.mutable_plans(0)->mutable_seat_tiers(1)->set_id("standard"); }},
      {"plans[0].seat_tiers[1].upgrade_to",
       [](auto& c) { c.mutable_plans(0)->mutable_seat_tiers(1)->set_upgrade_to("gold"); }},
      {"plans[0].seat_tiers[0].windows",
       [](auto& c) { c.mutable_plans(0)->mutable_seat_tiers(0)->clear_windows(); }},
      {"plans[1].seat_tiers[0].windows",
       [](auto& c) {
         c.mutable_plans(1)->mutable_seat_tiers(0)->add_windows()->set_kind(v1::WINDOW_KIND_DAY);
       }},
      {"plans[0].seat_tiers[0].windows[0].kind",
       [](auto& c) {
         c.mutable_plans(0)->mutable_seat_tiers(0)->mutable_windows(0)->clear_kind();
       }},
      {"plans[0].seat_tiers[0].windows[0].amount",
       [](auto& c) {
         auto* money = c.mutable_plans(0)->mutable_seat_tiers(0)->mutable_windows(0);
         money->mutable_amount()->set_units(10'000'000'000);
       }},
      {"plans[0].seat_tiers[0].list_price.currency_code",
       [](auto& c) {
         auto* money = c.mutable_plans(0)->mutable_seat_tiers(0)->mutable_list_price();
         money->set_currency_code("EUR");
       }},
      {"plans[0].eligibility.excluded_model_prefixes[0]",
       [](auto& c) { c.mutable_plans(0)->mutable_eligibility()->add_excluded_model_prefixes(""); }},
  };
  for (const WrongCatalog& wrong : cases) {
    v1::PlanCatalog catalog = Plans("plans-2");
    wrong.spoil(catalog);
    const absl::Status status = catalogs_->PublishPlanCatalog(catalog, TestStart(), false).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong.field;
    bool named = false;
    for (const FieldViolation& violation : Violations(status)) {
      named = named || violation.field == wrong.field;
    }
    EXPECT_TRUE(named) << wrong.field << ": " << status;
  }
}

// Rules: O1
TEST_F(CatalogsTest, PlansBecomeWhatTheySay) {
  v1::PlanCatalog document = Plans("plans-2");
  document.mutable_plans(0)->mutable_eligibility()->add_excluded_surfaces("claude-code");
  const auto plans = PlanCatalogFromProto(document);
  ASSERT_TRUE(plans.ok()) << plans.status();
  const Plan* team = plans->Find("team");
  ASSERT_NE(team, nullptr);
  EXPECT_EQ(team->funding, Funding::kPrepaid);
  EXPECT_FALSE(team->metered);
  EXPECT_FALSE(team->tier_limits_allowed);
  EXPECT_FALSE(team->IsEligible("claude-code", "model-a"));
  ASSERT_EQ(team->seat_tiers.size(), 2);
  EXPECT_EQ(team->seat_tiers[0].upgrade_to, "premium");
  ASSERT_EQ(team->seat_tiers[1].windows.size(), 1);
  EXPECT_EQ(team->seat_tiers[1].windows[0].kind, WindowKind::kMonth);
  EXPECT_EQ(team->seat_tiers[1].windows[0].amount, Nanos::Units(50));
  EXPECT_TRUE(plans->Find("usage")->tier_limits_allowed);
  EXPECT_EQ(plans->Find("usage")->funding, Funding::kPostpaid);
}

// Rules: J1
TEST_F(CatalogsTest, ADamagedDocumentIsDataLoss) {
  for (const char* key : {"price_book/0000000001", "plan_catalog/0000000001"}) {
    const std::string good = store_->GetSystem(key).value().value();
    ASSERT_TRUE(store_->PutSystem({{key, "\xff\xff" + good}}).ok());
    EXPECT_EQ(Catalogs::Load(store_.get(), TestCatalogs(), TestStart()).status().code(),
              absl::StatusCode::kDataLoss);
    ASSERT_TRUE(store_->PutSystem({{key, good}}).ok());
  }
}

}  // namespace
}  // namespace bursar
