// What is known of objects, by their addresses. Most messages hold few objects that are shared, for which a hash table costs
// more than it spares: the first ones are searched in a row.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hubcell {

template <typename Content>
class IdentityMap {
 public:
  // Null where it is not known. Valid until the next `insert`.
  Content* find(const void* identity) {
    if (!places_.empty()) {
      const auto place = places_.find(identity);
      return place == places_.end() ? nullptr : &entries_[place->second].second;
    }
    for (auto& [known, content] : entries_)
      if (known == identity) return &content;
    return nullptr;
  }
  const Content* find(const void* identity) const { return const_cast<IdentityMap*>(this)->find(identity); }
  // One that is not known. Valid until the next `insert`.
  Content& insert(const void* identity, Content content) {
    entries_.emplace_back(identity, std::move(content));
    if (entries_.size() > kSearchedMax) index_last();
    return entries_.back().second;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  static constexpr std::size_t kSearchedMax = 16;

  void index_last() {
    for (std::size_t place = places_.size(); place < entries_.size(); ++place)
      places_.emplace(entries_[place].first, place);
  }

  std::vector<std::pair<const void*, Content>> entries_;
  std::unordered_map<const void*, std::size_t> places_;  // empty while there are few entries
};

}  // namespace hubcell
