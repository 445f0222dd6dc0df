// Texts with places in them.
#include "server/notify/text_template.h"

#include <gtest/gtest.h>

namespace bursar {
namespace {

TemplateData Sample() {
  TemplateData data;
  data.texts["name"] = "Ann & <Bob>";
  data.texts["empty"] = "";
  data.lists["rows"].resize(2);
  data.lists["rows"][0].texts["name"] = "first";
  data.lists["rows"][1].texts["value"] = "2";
  data.lists["none"] = {};
  return data;
}

// Rules: N3
TEST(TextTemplate, PutsTextsIntoTheirPlaces) {
  EXPECT_EQ(RenderTemplate("Hello {{name}}{{unknown}}!", Sample(), Escaping::kNone),
            "Hello Ann & <Bob>!");
  EXPECT_EQ(RenderTemplate("Hello {{name}}!", Sample(), Escaping::kHtml),
            "Hello Ann &amp; &lt;Bob&gt;!");
}

// Rules: N3
TEST(TextTemplate, SectionsRepeatForListsAndShowForTexts) {
  EXPECT_EQ(RenderTemplate("{{#rows}}[{{name}}={{value}}]{{/rows}}", Sample(), Escaping::kNone),
            "[first=][Ann & <Bob>=2]");
  EXPECT_EQ(RenderTemplate("{{#name}}yes{{/name}}{{^name}}no{{/name}}", Sample(), Escaping::kNone),
            "yes");
  EXPECT_EQ(
      RenderTemplate("{{#empty}}yes{{/empty}}{{^empty}}no{{/empty}}", Sample(), Escaping::kNone),
      "no");
  EXPECT_EQ(RenderTemplate("{{#none}}a{{#rows}}b{{/rows}}{{/none}}c", Sample(), Escaping::kNone),
            "c");
}

// Rules: N3
TEST(TextTemplate, ALineOfNothingButATagLeavesNoLine) {
  EXPECT_EQ(RenderTemplate("a\n{{#rows}}\n- x\n{{/rows}}\nb\n", Sample(), Escaping::kNone),
            "a\n- x\n- x\nb\n");
}

// Rules: N3
TEST(TextTemplate, HtmlIsEscapedWhereItIsPutIn) {
  EXPECT_EQ(EscapeHtml("\"'&<>\x01\r\n\xc3\xa4"), "&quot;&#39;&amp;&lt;&gt;  \n\xc3\xa4");
}

}  // namespace
}  // namespace bursar
