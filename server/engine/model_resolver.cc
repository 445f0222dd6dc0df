#include "server/engine/model_resolver.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "server/base/strings.h"

namespace bursar {

size_t ModelResolver::Hash::operator()(const View& view) const {
  return absl::HashOf(view.book, ToAbsl(view.provider), ToAbsl(view.model));
}

bool ModelResolver::Equal::operator()(const View& a, const View& b) const {
  return a.book == b.book && a.model == b.model && a.provider == b.provider;
}

ModelResolver::ModelResolver(size_t capacity)
    : generation_capacity_(std::max<size_t>(capacity, 2) / 2) {}

const ModelPrices* ModelResolver::Resolve(const std::shared_ptr<const PriceBook>& book,
                                          std::string_view provider, std::string_view model) {
  // Longer names are unknown to every book and not worth remembering.
  if (provider.size() > kMaxModelNameBytes || model.size() > kMaxModelNameBytes) return nullptr;
  const View view{book.get(), provider, model};
  {
    std::lock_guard lock(mutex_);
    if (const auto found = young_.find(view); found != young_.end()) return found->second;
    if (auto found = old_.extract(view); !found.empty()) {
      const ModelPrices* answer = found.mapped();
      Remember(std::move(found.key()), answer);
      return answer;
    }
  }
  // Without the lock: patterns take microseconds, and two threads may well both resolve a new name.
  const ModelPrices* answer = book->Resolve(provider, model);
  std::lock_guard lock(mutex_);
  Remember(Key{book, std::string(provider), std::string(model)}, answer);
  return answer;
}

void ModelResolver::Remember(Key key, const ModelPrices* model) {
  if (young_.size() >= generation_capacity_) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_.insert_or_assign(std::move(key), model);
}

size_t ModelResolver::size() const {
  std::lock_guard lock(mutex_);
  return young_.size() + old_.size();
}

}  // namespace bursar
