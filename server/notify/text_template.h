// Texts with places in them, in the smallest useful part of the mustache language:
//
//   {{name}}                     the text of that name; nothing where there is none
//   {{#name}}…{{/name}}          once for each item of the list `name`, or once where there is a
//                                text of that name that is not empty; the item's own names first
//   {{^name}}…{{/name}}          where neither is there
//
// A line that holds nothing but a section's tag leaves no line behind. Texts are put in as the
// escaping says: as they are, or for HTML. Names that are never closed, and the like, are our own
// mistakes: they end the process, and a test renders every text.
//
// Thread rule: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bursar {

struct TemplateData {
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::vector<TemplateData>, std::less<>> lists;
};

enum class Escaping { kNone, kHtml };

std::string RenderTemplate(std::string_view text, const TemplateData& data, Escaping escaping);

// The text with & < > " ' as HTML entities, and control characters but line ends as blanks.
std::string EscapeHtml(std::string_view text);

}  // namespace bursar
