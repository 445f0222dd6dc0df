// A compiled rule that accepts or refuses a name: the patterns of price lists.
//
// Expressions are ECMAScript, as the public lists write them (look-ahead included), run by a
// backtracking matcher. CheckExpression therefore refuses, before anything is compiled, every
// expression that could take more than polynomial time or unreasonable memory; with names of at
// most kMaxModelNameBytes a match then always ends soon.
//
// Thread rule: immutable; Accepts may be called from any thread.
//
// Source: rule P1 (docs/rules.md).
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/ledger/price_book.h"

namespace bursar {

class NameMatcher {
 public:
  // INVALID_ARGUMENT says what is wrong with the rule, without the path to it. At most 256 rules,
  // 8 deep, texts of 1 to 256 bytes.
  static absl::StatusOr<NameMatcher> Create(const NameMatchSpec& spec);

  bool Accepts(std::string_view name) const;

 private:
  NameMatcher() = default;
  absl::Status Compile(const NameMatchSpec& spec, int depth, int& rules_left);

  NameMatchSpec::Kind kind_ = NameMatchSpec::Kind::kUnset;
  std::string text_;
  std::optional<std::regex> expression_;
  std::vector<NameMatcher> rules_;
};

// What makes the expression unfit to run on names from requests, in words; nothing when it is fit:
// no back-references, no repeated groups, at most two open-ended repetitions, at most four
// alternatives or optional parts, counted repetitions of at most 64, groups nested at most 8 deep.
// Whether it is well-formed is for the compiler to say.
std::optional<std::string> CheckExpression(std::string_view expression);

}  // namespace bursar
