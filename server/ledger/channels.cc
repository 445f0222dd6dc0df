#include "server/ledger/channels.h"

#include <algorithm>

namespace bursar {

bool EventPasses(const std::vector<std::string>& filters, const std::string& event) {
  if (filters.empty()) return true;
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
    if (!filter.empty() && filter.back() == '*') {
      return event.compare(0, filter.size() - 1, filter, 0, filter.size() - 1) == 0;
    }
    return filter == event;
  });
}

bool IsEventFilter(const std::string& filter) {
  if (filter.empty() || filter.size() > kMaxEventFilterBytes) return false;
  bool in_word = false;
  for (size_t i = 0; i < filter.size(); ++i) {
    const char c = filter[i];
    const bool is_last = i + 1 == filter.size();
    if (c == '*') return is_last && !in_word && i > 0;
    if (c == '.') {
      if (!in_word || is_last) return false;
      in_word = false;
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
      in_word = true;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace bursar
