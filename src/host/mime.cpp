// SPDX-License-Identifier: Apache-2.0
#include "host/mime.hpp"

#include <algorithm>
#include <functional>

#include "http/text.hpp"

namespace microtome::host {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::to_lower);
  return out;
}

}  // namespace

MimeTable::MimeTable(const std::vector<std::pair<std::string, std::string>>& ends) {
  for (const auto& [end, type] : ends) {
    types_.try_emplace(lower(end), type);
    lengths_.push_back(end.size());
  }
  std::sort(lengths_.begin(), lengths_.end(), std::greater<>());
  lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
}

std::string_view MimeTable::find(std::string_view name) const {
  const std::string low = lower(name);
  for (const std::size_t length : lengths_) {
    if (length <= low.size()) {
      const auto found = types_.find(low.substr(low.size() - length));
      if (found != types_.end()) {
        return found->second;
      }
    }
  }
  return {};
}

}  // namespace microtome::host
