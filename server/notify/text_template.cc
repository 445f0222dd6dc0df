#include "server/notify/text_template.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace bursar {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

// What names mean, the innermost last.
using Scopes = std::vector<const TemplateData*>;

const std::string* FindText(const Scopes& scopes, std::string_view name) {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    const auto found = (*scope)->texts.find(name);
    if (found != (*scope)->texts.end()) return &found->second;
  }
  return nullptr;
}

const std::vector<TemplateData>* FindList(const Scopes& scopes, std::string_view name) {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    const auto found = (*scope)->lists.find(name);
    if (found != (*scope)->lists.end()) return &found->second;
  }
  return nullptr;
}

class Renderer {
 public:
  Renderer(std::string_view text, Escaping escaping) : text_(text), escaping_(escaping) {}

  // Renders up to the end, or to the end tag of `section`.
  void Render(Scopes& scopes, std::string_view section, bool is_shown, std::string& out) {
    while (true) {
      const size_t open = text_.find(kOpen, at_);
      if (open == std::string_view::npos) {
        BURSAR_CHECK(section.empty());
        if (is_shown) out.append(text_.substr(at_));
        at_ = text_.size();
        return;
      }
      const size_t close = text_.find(kClose, open);
      BURSAR_CHECK(close != std::string_view::npos);
      std::string_view tag = text_.substr(open + kOpen.size(), close - open - kOpen.size());
      if (is_shown) out.append(text_.substr(at_, open - at_));
      at_ = close + kClose.size();
      if (tag.empty() || (tag[0] != '#' && tag[0] != '^' && tag[0] != '/')) {
        const std::string* value = is_shown ? FindText(scopes, tag) : nullptr;
        if (value != nullptr)
          out.append(escaping_ == Escaping::kHtml ? EscapeHtml(*value) : *value);
        continue;
      }
      SkipLineEnd(open);
      if (tag[0] == '/') {
        BURSAR_CHECK(tag.substr(1) == section);
        return;
      }
      RenderSection(scopes, tag.substr(1), tag[0] == '^', is_shown, out);
    }
  }

 private:
  // After a tag that has a line of its own.
  void SkipLineEnd(size_t open) {
    const bool begins_line = open == 0 || text_[open - 1] == '\n';
    if (begins_line && at_ < text_.size() && text_[at_] == '\n') ++at_;
  }

  void RenderSection(Scopes& scopes, std::string_view name, bool is_inverted, bool is_shown,
                     std::string& out) {
    const std::vector<TemplateData>* list = FindList(scopes, name);
    const std::string* value = FindText(scopes, name);
    const bool is_there = list != nullptr ? !list->empty() : value != nullptr && !value->empty();
    const size_t begin = at_;
    if (is_shown && is_there && !is_inverted && list != nullptr) {
      for (const TemplateData& item : *list) {
        at_ = begin;
        scopes.push_back(&item);
        Render(scopes, name, true, out);
        scopes.pop_back();
      }
      return;
    }
    Render(scopes, name, is_shown && is_there != is_inverted, out);
  }

  const std::string_view text_;
  const Escaping escaping_;
  size_t at_ = 0;
};

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < ' ' && c != '\n' ? ' ' : c;
    }
  }
  return escaped;
}

std::string RenderTemplate(std::string_view text, const TemplateData& data, Escaping escaping) {
  Scopes scopes = {&data};
  std::string out;
  Renderer(text, escaping).Render(scopes, "", true, out);
  return out;
}

}  // namespace bursar
