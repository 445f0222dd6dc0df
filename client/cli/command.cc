#include "client/cli/command.h"

#include <algorithm>

namespace bursar::cli {

CLI::App* AddGroup(CLI::App& root, const std::string& name, const std::string& description) {
  CLI::App* group = root.add_subcommand(name, description);
  group->require_subcommand(1);
  return group;
}

CLI::Validator WholeNumber() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const bool digits =
            !text.empty() && text.size() <= 18 &&
            std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!digits) return "\"" + text + "\" is not a whole number of zero or more";
        // CLI11 would read a leading zero as octal.
        text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
        return "";
      },
      "");
}

void AddPagingOptions(CLI::App* app, Paging* paging) {
  app->add_option("--page-size", paging->page_size, "At most this many (the server's default: 100)")
      ->transform(WholeNumber());
  app->add_option("--page-token", paging->page_token, "Go on where the previous page ended");
  app->add_flag("--all", paging->all, "All pages");
}

void TellOfFurtherPages(Session& session, const std::string& next_page_token) {
  if (next_page_token.empty()) return;
  session.err() << "More: --page-token " << next_page_token << ", or --all for everything.\n";
}

}  // namespace bursar::cli
