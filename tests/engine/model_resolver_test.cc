#include "server/engine/model_resolver.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/ledger/price_book_samples.h"

namespace bursar {
namespace {

std::shared_ptr<const PriceBook> MakeBook(const std::string& prefix) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].match = Match(NameMatchSpec::Kind::kStartsWith, prefix);
  auto book = PriceBook::Create(std::move(spec));
  EXPECT_TRUE(book.ok()) << book.status().message();
  return *book;
}

// Rules: P1, P7
TEST(ModelResolver, AnswersAsTheBookDoesFirstAndAgainUnknownNamesIncluded) {
  const auto book = MakeBook("plain");
  ModelResolver resolver;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(resolver.Resolve(book, "", "plain-1"), book->Resolve("", "plain-1"));
    EXPECT_EQ(resolver.Resolve(book, "maker", "plain-1"), book->Resolve("maker", "plain-1"));
    EXPECT_NE(resolver.Resolve(book, "", "plain-1"), nullptr);
    EXPECT_EQ(resolver.Resolve(book, "", "other"), nullptr);
    EXPECT_EQ(resolver.Resolve(book, "nobody", "plain-1"), nullptr);
    EXPECT_EQ(resolver.size(), 4U);
  }
}

// Rules: P5
TEST(ModelResolver, KeepsBooksApartAndAlive) {
  ModelResolver resolver;
  std::weak_ptr<const PriceBook> first;
  {
    const auto book = MakeBook("plain");
    first = book;
    EXPECT_NE(resolver.Resolve(book, "", "plain"), nullptr);
  }
  EXPECT_FALSE(first.expired());
  const auto other = MakeBook("elsewhere");
  EXPECT_EQ(resolver.Resolve(other, "", "plain"), nullptr);
}

// Rules: P1
TEST(ModelResolver, ForgetsTheOldestBeyondItsCapacityAndNeverRemembersOverlongNames) {
  const auto book = MakeBook("plain");
  ModelResolver resolver(8);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_NE(resolver.Resolve(book, "", "plain-" + std::to_string(i)), nullptr);
    EXPECT_NE(resolver.Resolve(book, "", "plain-hot"), nullptr);
    EXPECT_LE(resolver.size(), 8U);
  }
  const size_t before = resolver.size();
  EXPECT_EQ(resolver.Resolve(book, "", "plain" + std::string(kMaxModelNameBytes, 'x')), nullptr);
  EXPECT_EQ(resolver.size(), before);
}

// Rules: P1
TEST(ModelResolver, ManyThreadsGetTheSameAnswers) {
  const auto book = MakeBook("plain");
  ModelResolver resolver(16);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2'000; ++i) {
        const std::string name = (i % 3 == 0 ? "other-" : "plain-") + std::to_string(i % 50);
        if (resolver.Resolve(book, "", name) != book->Resolve("", name)) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace bursar
