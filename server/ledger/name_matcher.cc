#include "server/ledger/name_matcher.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace bursar {
namespace {

constexpr size_t kMaxTextBytes = 256;
constexpr int kMaxRules = 256;
constexpr int kMaxRuleDepth = 8;
constexpr int kMaxOpenEndedRepetitions = 2;
constexpr int kMaxChoices = 4;
constexpr int kMaxCountedRepetition = 64;
constexpr int kMaxGroupDepth = 8;

// Walks over an expression once and counts what makes a backtracking matcher slow. It need not
// understand everything: what it misreads can only be more than it counts, never less.
class ExpressionScan {
 public:
  explicit ExpressionScan(std::string_view expression) : text_(expression) {}

  std::optional<std::string> Run() {
    while (at_ < text_.size() && !problem_) Step();
    return problem_;
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Refuse(const char* why) {
    if (!problem_) problem_ = why;
  }
  void CountChoice() {
    if (++choices_ > kMaxChoices) Refuse("has more than four alternatives or optional parts");
  }
  void CountOpenEnded() {
    if (++open_ended_ > kMaxOpenEndedRepetitions) {
      Refuse("has more than two open-ended repetitions");
    }
  }

  void Step() {
    const char c = text_[at_++];
    switch (c) {
      case '\\':
        if (std::isdigit(static_cast<unsigned char>(Peek()))) Refuse("has a back-reference");
        ++at_;
        break;
      case '[':
        SkipClass();
        break;
      case '(':
        OpenGroup();
        break;
      case ')':
        --depth_;
        if (Peek() == '*' || Peek() == '+' || Peek() == '{') Refuse("repeats a group");
        break;
      case '|':
        CountChoice();
        break;
      case '?':
        CountChoice();
        EndRepetition();
        break;
      case '*':
      case '+':
        CountOpenEnded();
        EndRepetition();
        break;
      case '{':
        CountedRepetition();
        break;
      default:
        break;
    }
  }

  void SkipClass() {
    while (at_ < text_.size() && text_[at_] != ']') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
  }

  void OpenGroup() {
    if (++depth_ > kMaxGroupDepth) Refuse("nests groups too deeply");
    if (Peek() == '?') at_ += 2;  // "(?:", "(?=", "(?!": not an optional part.
  }

  void CountedRepetition() {
    const size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) return;  // For the compiler to refuse.
    const std::string_view counts = text_.substr(at_, end - at_);
    int number = 0;
    for (const char c : counts) {
      number = c == ',' ? 0 : number * 10 + (c - '0');
      if (c != ',' && !std::isdigit(static_cast<unsigned char>(c))) return;
      if (number > kMaxCountedRepetition) return Refuse("repeats more than 64 times");
    }
    // "{8}" matches in one way; "{2,}" and "{2,9}" in many.
    if (counts.find(',') != std::string_view::npos) CountOpenEnded();
    at_ = end + 1;
    EndRepetition();
  }

  // Behind a repetition: a "?" makes it lazy, which leaves the set of ways to match as it is. The
  // compiler would also take a second repetition, which multiplies them.
  void EndRepetition() {
    if (Peek() == '?') ++at_;
    const char next = Peek();
    if (next == '*' || next == '+' || next == '{' || next == '?') Refuse("repeats a repetition");
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int open_ended_ = 0;
  int choices_ = 0;
  std::optional<std::string> problem_;
};

}  // namespace

std::optional<std::string> CheckExpression(std::string_view expression) {
  return ExpressionScan(expression).Run();
}

absl::StatusOr<NameMatcher> NameMatcher::Create(const NameMatchSpec& spec) {
  NameMatcher matcher;
  int rules_left = kMaxRules;
  if (absl::Status status = matcher.Compile(spec, 1, rules_left); !status.ok()) return status;
  return matcher;
}

absl::Status NameMatcher::Compile(const NameMatchSpec& spec, int depth, int& rules_left) {
  using Kind = NameMatchSpec::Kind;
  if (depth > kMaxRuleDepth) return absl::InvalidArgumentError("nests more than 8 deep");
  if (--rules_left < 0) return absl::InvalidArgumentError("has more than 256 rules");
  kind_ = spec.kind;
  if (kind_ == Kind::kUnset) return absl::InvalidArgumentError("sets no rule");
  if (kind_ == Kind::kAllOf || kind_ == Kind::kAnyOf) {
    if (spec.rules.empty()) return absl::InvalidArgumentError("combines no rules");
    for (const NameMatchSpec& rule : spec.rules) {
      NameMatcher child;
      if (absl::Status s = child.Compile(rule, depth + 1, rules_left); !s.ok()) return s;
      rules_.push_back(std::move(child));
    }
    return absl::OkStatus();
  }
  if (spec.text.empty() || spec.text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError("has a text that is not 1 to 256 bytes long");
  }
  text_ = spec.text;
  if (kind_ != Kind::kRegex) return absl::OkStatus();
  if (std::optional<std::string> problem = CheckExpression(text_)) {
    return absl::InvalidArgumentError("expression \"" + text_ + "\" " + *problem);
  }
  try {
    expression_.emplace(text_, std::regex::ECMAScript | std::regex::nosubs);
  } catch (const std::regex_error& error) {
    return absl::InvalidArgumentError("expression \"" + text_ + "\" is malformed: " + error.what());
  }
  return absl::OkStatus();
}

bool NameMatcher::Accepts(std::string_view name) const {
  using Kind = NameMatchSpec::Kind;
  const auto accepts = [name](const NameMatcher& rule) { return rule.Accepts(name); };
  switch (kind_) {
    case Kind::kUnset:
      return false;
    case Kind::kEquals:
      return name == text_;
    case Kind::kStartsWith:
      return name.starts_with(text_);
    case Kind::kEndsWith:
      return name.ends_with(text_);
    case Kind::kContains:
      return name.find(text_) != std::string_view::npos;
    case Kind::kRegex:
      try {
        return std::regex_search(name.begin(), name.end(), *expression_);
      } catch (const std::regex_error&) {
        return false;  // The matcher gave up for want of memory: not a name it accepts.
      }
    case Kind::kAllOf:
      return std::all_of(rules_.begin(), rules_.end(), accepts);
    case Kind::kAnyOf:
      return std::any_of(rules_.begin(), rules_.end(), accepts);
  }
  return false;
}

}  // namespace bursar
