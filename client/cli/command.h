// How the commands are put together: every group of commands adds itself to the program's parser;
// parsing picks one and sets the action that runs it.
//
// Thread rule: one thread.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "client/cli/session.h"

namespace bursar::cli {

// Adds the commands of one group below `root`. Each sets `*action` when it is the one that was
// typed. Requires: `action` outlives the parser.
void AddOrganizationCommands(CLI::App& root, Action* action);
void AddMemberCommands(CLI::App& root, Action* action);
void AddMoneyCommands(CLI::App& root, Action* action);
// Those of the group `credit` that are about payments and auto-reload; `credit` is that group.
void AddPaymentCommands(CLI::App& credit, Action* action);
void AddLimitCommands(CLI::App& root, Action* action);
void AddRequestCommands(CLI::App& root, Action* action);
void AddHoldCommands(CLI::App& root, Action* action);
void AddIncreaseCommands(CLI::App& root, Action* action);
void AddReportCommands(CLI::App& root, Action* action);
void AddUsageCommand(CLI::App& root, Action* action);
void AddStatementCommands(CLI::App& root, Action* action);
void AddDenialCommands(CLI::App& root, Action* action);
void AddJournalCommands(CLI::App& root, Action* action);
void AddDeliveryCommands(CLI::App& root, Action* action);
void AddWatchCommand(CLI::App& root, Action* action);
void AddWhyCommand(CLI::App& root, Action* action);
void AddCatalogCommands(CLI::App& root, Action* action);
void AddOperatorCommands(CLI::App& root, Action* action);
void AddBackupCommands(CLI::App& root, Action* action);
void AddReplayCommand(CLI::App& root, Action* action);

// A group such as `org` that only leads to its own commands.
CLI::App* AddGroup(CLI::App& root, const std::string& name, const std::string& description);

// A command whose options are kept in a `Options` of its own and that runs `run(session, options)`.
// Returns parser and options, to be tied together by the caller.
template <class Options>
struct Command {
  CLI::App* app;
  std::shared_ptr<Options> options;
};
template <class Options>
Command<Options> AddCommand(CLI::App& parent, const std::string& name,
                            const std::string& description, Action* action,
                            absl::StatusOr<ExitStatus> (*run)(Session&, const Options&)) {
  CLI::App* app = parent.add_subcommand(name, description);
  auto options = std::make_shared<Options>();
  app->callback([action, run, options] {
    *action = [run, options](Session& session) { return run(session, *options); };
  });
  return {app, options};
}

// Accepts digits only: no sign, no octal or hexadecimal, no exponent.
CLI::Validator WholeNumber();

// Which page of a list is wanted.
struct Paging {
  int32_t page_size = 0;
  std::string page_token;
  bool all = false;
};
void AddPagingOptions(CLI::App* app, Paging* paging);

// Calls a paged method; with `all` again and again until the last page, and joins the pages.
template <class Stub, class Request, class Response>
absl::StatusOr<Response> CallPaged(Session& session,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                                   Request request, const Paging& paging) {
  request.set_page_size(paging.page_size);
  request.set_page_token(paging.page_token);
  absl::StatusOr<Response> joined = session.Call(method, request);
  while (paging.all && joined.ok() && !joined->next_page_token().empty()) {
    request.set_page_token(joined->next_page_token());
    const absl::StatusOr<Response> page = session.Call(method, request);
    if (!page.ok()) return page.status();
    joined->clear_next_page_token();
    joined->MergeFrom(*page);
  }
  return joined;
}

// Says that a table is not the whole of it.
void TellOfFurtherPages(Session& session, const std::string& next_page_token);

}  // namespace bursar::cli
