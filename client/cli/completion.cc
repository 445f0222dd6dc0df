#include "client/cli/completion.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace bursar::cli {
namespace {

// What an option or argument takes.
struct Values {
  bool needs = false;              // Whether it takes a value at all.
  std::string place;               // "@files" or "@folders" where it names one.
  std::vector<std::string> words;  // Where it takes one of these.
};

struct OptionEntry {
  std::vector<std::string> names;  // "--output", "-h".
  std::string description;
  Values values;
};

// A command by its path below the program, "org create"; the program itself is "".
struct CommandEntry {
  std::string path;
  std::string description;
  std::vector<const CLI::App*> commands;
  std::vector<OptionEntry> options;
  std::vector<Values> arguments;
};

// CLI11 tells the words of IsMember in the type's name, as "TEXT:{table,json}".
Values ValuesOf(const CLI::Option& option) {
  Values values;
  values.needs = option.get_items_expected_max() > 0 && option.get_type_size() > 0;
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.find('}');
  if (open != std::string::npos && close != std::string::npos && open < close) {
    values.words = absl::StrSplit(type.substr(open + 1, close - open - 1), ',', absl::SkipEmpty());
  } else if (absl::StartsWith(type, "FILE")) {
    values.place = "@files";
  } else if (absl::StartsWith(type, "DIR")) {
    values.place = "@folders";
  }
  return values;
}

CommandEntry EntryOf(const CLI::App& app, const std::string& path) {
  CommandEntry entry;
  entry.path = path;
  entry.description = app.get_description();
  entry.commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      entry.arguments.push_back(ValuesOf(*option));
      continue;
    }
    OptionEntry one;
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    one.description = option->get_description();
    one.values = ValuesOf(*option);
    entry.options.push_back(std::move(one));
  }
  return entry;
}

void Collect(const CLI::App& app, const std::string& path, std::vector<CommandEntry>* entries) {
  entries->push_back(EntryOf(app, path));
  // A copy: the vector may move while the commands below are added.
  const std::vector<const CLI::App*> commands = entries->back().commands;
  for (const CLI::App* command : commands) {
    const std::string& name = command->get_name();
    Collect(*command, path.empty() ? name : absl::StrCat(path, " ", name), entries);
  }
}

std::vector<CommandEntry> EntriesOf(const CLI::App& root, const std::vector<OptionWords>& further) {
  std::vector<CommandEntry> entries;
  Collect(root, "", &entries);
  for (CommandEntry& entry : entries) {
    for (OptionEntry& option : entry.options) {
      for (const OptionWords& one : further) {
        const bool is_it =
            one.path == entry.path &&
            std::find(option.names.begin(), option.names.end(), one.option) != option.names.end();
        if (is_it) option.values.words = one.words;
      }
    }
  }
  return entries;
}

// What a value may be, as the scripts' functions print it: words, a place, or "@any".
std::string Printed(const Values& values) {
  if (!values.words.empty()) return absl::StrJoin(values.words, " ");
  return values.place.empty() ? "@any" : values.place;
}

// Functions that bash and zsh understand alike. Each prints what belongs to a command's path.
std::string Tables(const std::vector<CommandEntry>& entries) {
  std::string commands, options, values, arguments;
  for (const CommandEntry& entry : entries) {
    std::vector<std::string> names;
    for (const CLI::App* command : entry.commands) names.push_back(command->get_name());
    if (!names.empty()) {
      absl::StrAppend(&commands, "    '", entry.path, "') echo '", absl::StrJoin(names, " "),
                      "' ;;\n");
    }
    std::vector<std::string> option_names;
    for (const OptionEntry& option : entry.options) {
      for (const std::string& name : option.names) {
        option_names.push_back(name);
        if (!option.values.needs) continue;
        absl::StrAppend(&values, "    '", entry.path, ":", name, "') echo '",
                        Printed(option.values), "' ;;\n");
      }
    }
    absl::StrAppend(&options, "    '", entry.path, "') echo '", absl::StrJoin(option_names, " "),
                    "' ;;\n");
    for (size_t i = 0; i < entry.arguments.size(); ++i) {
      if (Printed(entry.arguments[i]) == "@any") continue;
      absl::StrAppend(&arguments, "    '", entry.path, ":", i, "') echo '",
                      Printed(entry.arguments[i]), "' ;;\n");
    }
  }
  return absl::StrCat(
      "# The commands below a command.\n_bursar_commands() {\n  case \"$1\" in\n", commands,
      "  esac\n}\n\n# The options of a command.\n_bursar_options() {\n  case \"$1\" in\n", options,
      "  esac\n}\n\n# What an option takes: words, @files, @folders or @any; nothing for flags.\n"
      "_bursar_own_values() {\n  case \"$1:$2\" in\n",
      values,
      "  esac\n}\n_bursar_values() {\n"
      "  local found\n  found=$(_bursar_own_values \"$1\" \"$2\")\n"
      "  if [ -z \"$found\" ]; then found=$(_bursar_own_values '' \"$2\"); fi\n"
      "  echo \"$found\"\n}\n\n# What the n-th argument of a command is.\n"
      "_bursar_argument() {\n  case \"$1:$2\" in\n",
      arguments, "  esac\n}\n\n");
}

// Walks over the words before the one that is completed, given as arguments. Sets _bursar_path, the
// command so far, _bursar_place, how many arguments it has, and _bursar_wanted, the option that
// waits for its value.
constexpr char kWalk[] = R"sh(_bursar_walk() {
  local word
  _bursar_path='' _bursar_place=0 _bursar_wanted=''
  for word in "$@"; do
    if [ -n "$_bursar_wanted" ]; then
      if [ "$word" != '=' ]; then _bursar_wanted=''; fi
      continue
    fi
    case "$word" in
      --*=*) ;;
      -*)
        if [ -n "$(_bursar_values "$_bursar_path" "$word")" ]; then _bursar_wanted=$word; fi
        ;;
      *)
        case " $(_bursar_commands "$_bursar_path") " in
          *" $word "*) _bursar_path="${_bursar_path:+$_bursar_path }$word" ;;
          *) _bursar_place=$((_bursar_place + 1)) ;;
        esac
        ;;
    esac
  done
}

# What may stand next: words, @files, @folders or @any.
_bursar_candidates() {
  local current=$1
  if [ -n "$_bursar_wanted" ]; then
    _bursar_values "$_bursar_path" "$_bursar_wanted"
    return
  fi
  case "$current" in
    -*) echo "$(_bursar_options "$_bursar_path") $(_bursar_options '')" ;;
    *)
      if [ -n "$(_bursar_commands "$_bursar_path")" ]; then
        _bursar_commands "$_bursar_path"
      else
        _bursar_argument "$_bursar_path" "$_bursar_place"
      fi
      ;;
  esac
}

)sh";

constexpr char kBash[] = R"sh(_bursar() {
  local current=${COMP_WORDS[COMP_CWORD]} candidates
  _bursar_walk "${COMP_WORDS[@]:1:COMP_CWORD-1}"
  # Bash takes --option=value apart at the equals sign.
  if [ "$current" = '=' ]; then current=''; fi
  candidates=$(_bursar_candidates "$current")
  COMPREPLY=()
  case "$candidates" in
    @any | '') ;;
    @files) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    @folders) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current") ;;
  esac
}

complete -o filenames -F _bursar bursar
)sh";

constexpr char kZsh[] = R"sh(_bursar() {
  local current=${words[CURRENT]} candidates
  _bursar_walk "${(@)words[2,CURRENT-1]}"
  # --option=value is one word here.
  if [[ -z $_bursar_wanted && $current == --*=* ]]; then
    _bursar_wanted=${current%%=*}
    compset -P '*='
    current=${current#*=}
  fi
  candidates=$(_bursar_candidates "$current")
  case "$candidates" in
    @any | '') ;;
    @files) _files ;;
    @folders) _files -/ ;;
    *) compadd -- ${=candidates} ;;
  esac
}

if [ "${funcstack[1]}" = _bursar ]; then
  _bursar "$@"
else
  compdef _bursar bursar
fi
)sh";

// Text between single quotes of fish.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

constexpr char kFishHead[] = R"sh(
# Whether the command typed so far is exactly this path, and how many arguments it has.
function __bursar_walk
    set -g __bursar_path ''
    set -g __bursar_place 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch $word
            case '--*=*'
            case '-*'
                if contains -- "$__bursar_path:$word" $__bursar_taking
                    or contains -- ":$word" $__bursar_taking
                    set skip 1
                end
            case '*'
                set -l path (string trim -- "$__bursar_path $word")
                if contains -- $path $__bursar_commands
                    set -g __bursar_path $path
                else
                    set -g __bursar_place (math $__bursar_place + 1)
                end
        end
    end
end

function __bursar_at
    __bursar_walk
    test "$__bursar_path" = "$argv[1]"
end

function __bursar_argument
    __bursar_at "$argv[1]"; and test $__bursar_place -eq $argv[2]
end

complete -c bursar -f
)sh";

std::string FishValues(const Values& values) {
  if (!values.needs) return "";
  if (!values.words.empty()) {
    return absl::StrCat(" -x -a ", Quoted(absl::StrJoin(values.words, " ")));
  }
  if (values.place == "@files") return " -r -F";
  if (values.place == "@folders") return " -x -a '(__fish_complete_directories)'";
  return " -x";
}

std::string FishOption(const OptionEntry& option, const std::string& condition) {
  std::string line = absl::StrCat("complete -c bursar", condition);
  for (const std::string& name : option.names) {
    absl::StrAppend(
        &line, absl::StartsWith(name, "--") ? " -l " + name.substr(2) : " -s " + name.substr(1));
  }
  return absl::StrCat(line, " -d ", Quoted(option.description), FishValues(option.values), "\n");
}

}  // namespace

std::string BashCompletion(const CLI::App& root, const std::vector<OptionWords>& further) {
  return absl::StrCat("# Completion of bursar in bash. Made by `bursar completion bash`.\n\n",
                      Tables(EntriesOf(root, further)), kWalk, kBash);
}

std::string ZshCompletion(const CLI::App& root, const std::vector<OptionWords>& further) {
  return absl::StrCat("#compdef bursar\n# Made by `bursar completion zsh`.\n\n",
                      Tables(EntriesOf(root, further)), kWalk, kZsh);
}

std::string FishCompletion(const CLI::App& root, const std::vector<OptionWords>& further) {
  const std::vector<CommandEntry> entries = EntriesOf(root, further);
  std::vector<std::string> paths, taking;
  std::string lines;
  for (const CommandEntry& entry : entries) {
    if (!entry.path.empty()) paths.push_back(Quoted(entry.path));
    const std::string at = absl::StrCat(" -n ", Quoted("__bursar_at '" + entry.path + "'"));
    for (const CLI::App* command : entry.commands) {
      absl::StrAppend(&lines, "complete -c bursar", at, " -a ", Quoted(command->get_name()), " -d ",
                      Quoted(command->get_description()), "\n");
    }
    for (const OptionEntry& option : entry.options) {
      absl::StrAppend(&lines, FishOption(option, entry.path.empty() ? "" : at));
      for (const std::string& name : option.names) {
        if (option.values.needs) taking.push_back(Quoted(absl::StrCat(entry.path, ":", name)));
      }
    }
    for (size_t i = 0; i < entry.arguments.size(); ++i) {
      const Values& values = entry.arguments[i];
      if (Printed(values) == "@any") continue;
      const std::string condition = absl::StrCat("__bursar_argument '", entry.path, "' ", i);
      absl::StrAppend(&lines, "complete -c bursar -n ", Quoted(condition),
                      values.words.empty()
                          ? values.place == "@files" ? " -F" : " -a '(__fish_complete_directories)'"
                          : " -a " + Quoted(absl::StrJoin(values.words, " ")),
                      "\n");
    }
  }
  return absl::StrCat("# Completion of bursar in fish. Made by `bursar completion fish`.\n\n",
                      "set -g __bursar_commands ", absl::StrJoin(paths, " "),
                      "\nset -g __bursar_taking ", absl::StrJoin(taking, " "), "\n", kFishHead,
                      lines);
}

}  // namespace bursar::cli
