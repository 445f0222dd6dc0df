// bursar prices …, bursar plans …
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"
#include "client/prices/price_list.h"

namespace bursar::cli {
namespace {

using Operator = v1::OperatorService::Stub;

struct ImportFileOptions {
  std::string file;
  std::string version;
  std::string format;
  bool dry_run = false;
  bool show_skipped = false;
};

struct ShowPricesOptions {
  std::string version;
  std::string provider;
  std::string model;
};

struct NoOptions {};

// The words of --format, which its parser has checked; none means: by content.
PriceListFormat FormatOf(const std::string& word) {
  if (word == "genai-prices") return PriceListFormat::kGenaiPrices;
  if (word == "litellm") return PriceListFormat::kLitellm;
  return PriceListFormat::kByContent;
}

absl::StatusOr<ExitStatus> RunImportPrices(Session& session, const ImportFileOptions& options) {
  session.set_default_deadline(absl::Minutes(1));
  const absl::StatusOr<std::string> text = ReadInputFile(options.file);
  if (!text.ok()) return text.status();
  ImportOptions import;
  import.version = options.version;
  absl::StatusOr<ImportResult> result = ImportPriceList(*text, FormatOf(options.format), import);
  if (!result.ok()) {
    return UsageError(absl::StrCat(options.file, ": ", std::string(result.status().message())));
  }
  v1::PublishPriceBookRequest request;
  *request.mutable_book() = std::move(result->book);
  request.set_validate_only(options.dry_run);
  const int64_t model_count = request.book().models_size();
  const int64_t provider_count = request.book().providers_size();
  if (options.show_skipped) {
    for (const std::string& line : result->skipped) session.err() << "skipped " << line << "\n";
  }
  const auto reply = session.Call(&Operator::PublishPriceBook, request, RetrySafety::kNever);
  return Show(session, reply, [&](const v1::PublishPriceBookResponse& published) {
    session.out() << (options.dry_run ? "The list is good; nothing was published: " : "Published: ")
                  << FormatCount(model_count) << " models of " << FormatCount(provider_count)
                  << " providers as version " << request.book().version();
    if (!options.dry_run) {
      session.out() << ", in force from " << FormatTimeField(published, "publish_time");
    }
    session.out() << ".\n";
    if (!result->skipped.empty()) {
      session.out() << FormatCount(static_cast<int64_t>(result->skipped.size()))
                    << " things of the list cannot be expressed and were skipped"
                    << (options.show_skipped ? ".\n" : " (--show-skipped names them).\n");
    }
  });
}

// A price per million (or thousand) in units: 3000000000 is "3.00".
std::string Price(bool has, int64_t nanos) { return has ? FormatNanos(nanos) : "-"; }

void AddPriceRow(const v1::ModelPrices& model, const v1::PriceCard& card, const std::string& prompt,
                 const v1::MeterPrices& prices, Table* table) {
  table->Add(
      {model.provider(), model.id(),
       card.has_effective_from() ? FormatTimeField(card, "effective_from") : "always", prompt,
       Price(prices.has_input_nanos_per_million(), prices.input_nanos_per_million()),
       Price(prices.has_output_nanos_per_million(), prices.output_nanos_per_million()),
       Price(prices.has_cache_read_nanos_per_million(), prices.cache_read_nanos_per_million()),
       Price(prices.has_cache_write_5m_nanos_per_million(),
             prices.cache_write_5m_nanos_per_million()),
       Price(prices.has_cache_write_1h_nanos_per_million(),
             prices.cache_write_1h_nanos_per_million()),
       Price(prices.has_web_search_nanos_per_thousand(), prices.web_search_nanos_per_thousand())});
}

void PrintBook(const v1::GetPriceBookResponse& reply, const ShowPricesOptions& options,
               std::ostream& out) {
  const v1::PriceBook& book = reply.book();
  Table table({{"PROVIDER"},
               {"MODEL"},
               {"FROM"},
               {"PROMPT"},
               {"INPUT", Align::kRight},
               {"OUTPUT", Align::kRight},
               {"CACHE READ", Align::kRight},
               {"WRITE 5M", Align::kRight},
               {"WRITE 1H", Align::kRight},
               {"SEARCH", Align::kRight}});
  for (const v1::ModelPrices& model : book.models()) {
    if (!options.provider.empty() && model.provider() != options.provider) continue;
    if (model.id().find(options.model) == std::string::npos) continue;
    for (const v1::PriceCard& card : model.cards()) {
      AddPriceRow(model, card, "any", card.prices(), &table);
      for (const v1::PriceTier& tier : card.tiers()) {
        AddPriceRow(model, card, absl::StrCat("> ", FormatCount(tier.prompt_tokens_above())),
                    tier.prices(), &table);
      }
    }
  }
  out << "Price book " << book.version() << ", " << book.currency_code()
      << " per million tokens and per thousand searches, in force since "
      << FormatTimeField(reply, "publish_time") << ".\n";
  out << (table.empty() ? "No model matches.\n" : "\n" + table.Text());
}

absl::StatusOr<ExitStatus> RunShowPrices(Session& session, const ShowPricesOptions& options) {
  v1::GetPriceBookRequest request;
  request.set_version(options.version);
  return Show(session, session.Call(&Operator::GetPriceBook, request),
              [&](const auto& reply) { PrintBook(reply, options, session.out()); });
}

absl::StatusOr<ExitStatus> RunImportPlans(Session& session, const ImportFileOptions& options) {
  const absl::StatusOr<std::string> text = ReadInputFile(options.file);
  if (!text.ok()) return text.status();
  v1::PublishPlanCatalogRequest request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(*text, request.mutable_catalog());
  if (!parsed.ok()) {
    return UsageError(absl::StrCat(options.file, " is not a plan catalog: ",
                                   std::string(parsed.message().data(), parsed.message().size())));
  }
  if (!options.version.empty()) request.mutable_catalog()->set_version(options.version);
  request.set_validate_only(options.dry_run);
  const auto reply = session.Call(&Operator::PublishPlanCatalog, request, RetrySafety::kNever);
  return Show(session, reply, [&](const v1::PublishPlanCatalogResponse& published) {
    session.out() << (options.dry_run ? "The catalog is good; nothing was published: "
                                      : "Published: ")
                  << FormatCount(request.catalog().plans_size()) << " plans as version "
                  << request.catalog().version();
    if (!options.dry_run) {
      session.out() << ", in force from " << FormatTimeField(published, "publish_time");
    }
    session.out() << ".\n";
  });
}

std::string WindowsInWords(const v1::SeatTier& tier) {
  std::vector<std::string> words;
  for (const v1::IncludedWindow& window : tier.windows()) {
    words.push_back(absl::StrCat(FormatMoney(window.amount()), " a ", Spaced(Word(window.kind()))));
  }
  return words.empty() ? "nothing" : absl::StrJoin(words, ", ");
}

absl::StatusOr<ExitStatus> RunShowPlans(Session& session, const NoOptions&) {
  const auto reply = session.Call(&Operator::GetPlanCatalog, v1::GetPlanCatalogRequest());
  return Show(session, reply, [&](const v1::GetPlanCatalogResponse& found) {
    session.out() << "Plan catalog " << found.catalog().version() << ", in force since "
                  << FormatTimeField(found, "publish_time") << ".\n\n";
    Table table({{"PLAN"},
                 {"SEAT"},
                 {"PRICE, MONTH", Align::kRight},
                 {"INCLUDES"},
                 {"BEYOND IT"},
                 {"MOST MEMBERS", Align::kRight},
                 {"LIMITS FOR"}});
    for (const v1::Plan& plan : found.catalog().plans()) {
      std::vector<std::string> scopes;
      for (const int scope : plan.limit_scopes()) {
        scopes.push_back(Spaced(Word(static_cast<v1::Scope>(scope))));
      }
      if (scopes.empty()) scopes = {"organization", "member"};
      for (const v1::SeatTier& tier : plan.seat_tiers()) {
        table.Add({plan.id(), tier.id(), FormatMoneyField(tier, "list_price", "-"),
                   WindowsInWords(tier),
                   absl::StrCat(plan.metered() ? "metered, " : "extra, ", Word(plan.funding())),
                   plan.max_members() == 0 ? "-" : FormatCount(plan.max_members()),
                   absl::StrJoin(scopes, ", ")});
      }
    }
    session.out() << table.Text();
  });
}

void AddImportOptions(CLI::App* app, ImportFileOptions* options) {
  app->add_option("file", options->file, "The file; - reads the standard input")
      ->required()
      ->type_name("FILE");
  app->add_option("--version", options->version, "Publish under this version");
  app->add_flag("--dry-run", options->dry_run, "Check only; publish nothing");
}

}  // namespace

void AddCatalogCommands(CLI::App& root, Action* action) {
  CLI::App* prices = AddGroup(root, "prices", "The price book: import, show");
  const auto import =
      AddCommand(*prices, "import", "Publish a public price list (genai-prices, LiteLLM)", action,
                 &RunImportPrices);
  AddImportOptions(import.app, import.options.get());
  import.app
      ->add_option("--format", import.options->format,
                   "Which list it is (default: as its content says)")
      ->check(CLI::IsMember({"genai-prices", "litellm"}));
  import.app->add_flag("--show-skipped", import.options->show_skipped,
                       "Name what of the list cannot be expressed");
  const auto show = AddCommand(*prices, "show", "Prices by model", action, &RunShowPrices);
  show.app->add_option("--version", show.options->version, "Default: the newest");
  show.app->add_option("--provider", show.options->provider, "Only this provider's");
  show.app->add_option("--model", show.options->model, "Only models whose name contains this");

  CLI::App* plans = AddGroup(root, "plans", "The plan catalog: import, show");
  const auto import_plans =
      AddCommand(*plans, "import", "Publish a plan catalog (JSON)", action, &RunImportPlans);
  AddImportOptions(import_plans.app, import_plans.options.get());
  AddCommand(*plans, "show", "Plans, seats and what they include", action, &RunShowPlans);
}

}  // namespace bursar::cli
