// SPDX-License-Identifier: Apache-2.0
#include "protocol/answer_memo.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string_view>
#include <utility>
#include <variant>

#include "http/text.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace microtome::protocol {
namespace {

// A request that asks for the whole answer whatever its state.
bool plain(const http::Request& request) {
  if ((request.method != "GET" && request.method != "HEAD") || !request.body.empty()) {
    return false;
  }
  static constexpr std::array<std::string_view, 5> kConditions{"Range", "If-Range", "If-None-Match",
                                                               "If-Modified-Since", "If-Match"};
  return std::ranges::none_of(request.headers.all(), [](const http::Header& header) {
    return std::ranges::any_of(kConditions,
                               [&](std::string_view name) { return http::equal_no_case(header.name, name); });
  });
}

}  // namespace

AnswerMemo::AnswerMemo() : key_((std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()) {}

// Of everything of a request that an answer may depend on, but for its conditions.
AnswerMemo::Hash AnswerMemo::hash_of(const void* scope, const http::Request& request) const {
  std::string address;
  address.reserve(96 + request.query.size() + request.path.size());
  address.append(reinterpret_cast<const char*>(&scope), sizeof(scope));
  for (const std::string* part : {&request.scheme, &request.authority, &request.mount, &request.path}) {
    address += *part;
    address += '\n';
  }
  address += request.query;
  const XXH128_hash_t hash = XXH3_128bits_withSeed(address.data(), address.size(), key_);
  return {hash.low64 | 1, hash.high64};  // 0 is an empty place
}

std::optional<http::Response> AnswerMemo::find(const void* scope, const http::Request& request) {
  if (!ready_.load(std::memory_order_acquire) || request.query.size() + request.path.size() > kMostAddress ||
      !plain(request)) {
    return std::nullopt;
  }
  const Hash hash = hash_of(scope, request);
  const std::size_t number = hash.high % kSets;
  http::Response response;
  http::FileBody body;
  SourcePtr source;
  {
    const std::scoped_lock lock(locks_[number % kLocks]);
    const Set& set = sets_[number];
    const auto at = static_cast<std::size_t>(std::ranges::find(set.hashes, hash.low) - set.hashes.begin());
    if (at == kWays || set.slots[at].hash != hash.high) {
      return std::nullopt;
    }
    const Slot& slot = set.slots[at];
    source = slot.source;
    body.ranges.push_back({nullptr, slot.offset, slot.length});
    response.headers.add("ETag", std::string(slot.tag.data(), slot.tag_size));
  }
  const std::int64_t now = Lease::now_ns();
  if (!source->name->holds(now) || !source->picture->holds(now)) {
    return std::nullopt;
  }
  body.ranges.front().file = source->file.lock();
  if (!body.ranges.front().file) {
    return std::nullopt;
  }
  body.prefix = source->prefix;
  body.suffix = source->suffix;
  response.lines = std::shared_ptr<const std::string>(source, &source->lines);
  response.trace = source->trace;
  response.body = std::move(body);
  return response;
}

// The same source that other tiles have, when it was used a moment ago.
AnswerMemo::SourcePtr AnswerMemo::shared(Source source) {
  const auto same_file = [&](const Source& other) {
    return !source.file.owner_before(other.file) && !other.file.owner_before(source.file);
  };
  const std::scoped_lock lock(recent_mutex_);
  for (const SourcePtr& other : recent_) {
    if (other && other->name == source.name && other->picture == source.picture && other->prefix == source.prefix &&
        other->suffix == source.suffix && other->trace.protocol == source.trace.protocol &&
        other->trace.plan == source.trace.plan && same_file(*other) && other->lines == source.lines) {
      return other;
    }
  }
  auto made = std::make_shared<const Source>(std::move(source));
  recent_[next_recent_] = made;
  next_recent_ = (next_recent_ + 1) % kRecent;
  return made;
}

void AnswerMemo::keep(const void* scope, const http::Request& request, const http::Response& response, LeasePtr name,
                      LeasePtr picture) {
  const auto* body = std::get_if<http::FileBody>(&response.body);
  if (response.status != 200 || body == nullptr || body->ranges.size() != 1 || response.headers.has("Vary") ||
      request.query.size() + request.path.size() > kMostAddress || !plain(request)) {
    return;
  }
  const std::string tag(response.headers.get("ETag"));
  http::Headers others;
  for (const http::Header& header : response.headers.all()) {
    if (!http::equal_no_case(header.name, "ETag")) {
      others.add(header.name, header.value);
    }
  }
  Source source;
  if (http::append_field_lines(source.lines, others) > 0 || source.lines.size() > kMostLines || tag.empty() ||
      tag.size() > kMostTag) {
    return;
  }
  const io::FileRange& range = body->ranges.front();
  source.prefix = body->prefix;
  source.suffix = body->suffix;
  source.file = range.file;
  source.name = std::move(name);
  source.picture = std::move(picture);
  source.trace = response.trace;
  Slot made;
  const Hash hash = hash_of(scope, request);
  made.hash = hash.high;
  made.source = shared(std::move(source));
  made.offset = range.offset;
  made.length = range.length;
  made.tag_size = static_cast<std::uint8_t>(tag.size());
  std::ranges::copy(tag, made.tag.begin());
  std::call_once(made_, [this] {
    sets_ = std::vector<Set>(kSets);
    ready_.store(true, std::memory_order_release);
  });
  const std::size_t number = hash.high % kSets;
  SourcePtr old;  // ends after the lock
  const std::scoped_lock lock(locks_[number % kLocks]);
  Set& set = sets_[number];
  auto at = static_cast<std::size_t>(std::ranges::find(set.hashes, hash.low) - set.hashes.begin());
  if (at == kWays) {
    at = set.next;
    set.next = (set.next + 1) % kWays;
  }
  old = std::move(set.slots[at].source);
  set.hashes[at] = hash.low;
  set.slots[at] = std::move(made);
}

}  // namespace microtome::protocol
