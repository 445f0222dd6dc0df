// bursar completion
#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/operator_service.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "client/cli/completion.h"
#include "client/cli/format.h"
#include "client/cli/further_commands.h"

namespace bursar::cli {
namespace {

template <class Enum>
OptionWords WordsFor(const char* path, const char* option) {
  return {path, option, WordsOf(*google::protobuf::GetEnumDescriptor<Enum>())};
}

// The options that are read by ParseWord.
std::vector<OptionWords> EnumOptions() {
  std::vector<OptionWords> words = {WordsFor<v1::IncreaseKind>("requests create", "--kind"),
                                    WordsFor<v1::IncreaseRequestState>("requests list", "--state"),
                                    WordsFor<v1::JournalEntryKind>("journal", "--kind"),
                                    WordsFor<v1::ExtraUsageAudience>("extra enable", "--for"),
                                    WordsFor<v1::CreditKind>("credit grant", "--kind"),
                                    WordsFor<v1::LimitBasis>("limits set", "--basis"),
                                    WordsFor<v1::ServiceRole>("tokens create", "--role"),
                                    WordsFor<v1::UsageDimension>("usage", "--group-by"),
                                    {"limits set", "--scope", {"organization", "tier", "member"}},
                                    {"org update", "--status", {"active", "suspended"}},
                                    {"check", "--mode", {"check", "hold", "hold_up_to_available"}}};
  for (const char* path : {"org create", "org update"}) {
    words.push_back(WordsFor<v1::IncludedScope>(path, "--included-scope"));
    words.push_back(WordsFor<v1::HoldExpiryPolicy>(path, "--hold-expiry-policy"));
    words.push_back(WordsFor<v1::CrossingPolicy>(path, "--crossing-policy"));
  }
  for (const char* path : {"members add", "members set"}) {
    words.push_back(WordsFor<v1::MemberRole>(path, "--role"));
    words.push_back(WordsFor<v1::AccountStatus>(path, "--status"));
  }
  return words;
}

struct CompletionOptions {
  std::string shell;
};

}  // namespace

void AddCompletionCommand(CLI::App& root, Action* action) {
  CLI::App* app =
      root.add_subcommand("completion", "A script that completes this command line in a shell");
  auto options = std::make_shared<CompletionOptions>();
  app->add_option("shell", options->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->footer(
      "bash: source <(bursar completion bash)\n"
      "zsh:  source <(bursar completion zsh)\n"
      "fish: bursar completion fish | source");
  app->callback([action, options, &root] {
    *action = [options, &root](Session& session) -> absl::StatusOr<ExitStatus> {
      const std::vector<OptionWords> words = EnumOptions();
      session.out() << (options->shell == "bash"  ? BashCompletion(root, words)
                        : options->shell == "zsh" ? ZshCompletion(root, words)
                                                  : FishCompletion(root, words));
      return ExitStatus::kDone;
    };
  });
}

}  // namespace bursar::cli
