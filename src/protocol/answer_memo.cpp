// SPDX-License-Identifier: Apache-2.0
#include "protocol/answer_memo.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>
#include <variant>

#include "http/text.hpp"

namespace microtome::protocol {
namespace {

// Everything of a request that an answer may depend on, but for its conditions.
std::string address_of(const void* scope, const http::Request& request) {
  std::string address;
  address.reserve(96 + request.query.size() + request.path.size());
  address.append(reinterpret_cast<const char*>(&scope), sizeof(scope));
  for (const std::string* part : {&request.scheme, &request.authority, &request.mount, &request.path}) {
    address += *part;
    address += '\n';
  }
  address += request.query;
  return address;
}

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

std::shared_ptr<const AnswerMemo::Entry> AnswerMemo::look(std::size_t hash, const std::string& address) {
  const std::size_t set = hash % kSets;
  const std::scoped_lock lock(locks_[set % kLocks]);
  for (const Slot& slot : sets_[set]) {
    if (slot.hash == hash && slot.entry && slot.entry->address == address) {
      return slot.entry;
    }
  }
  return nullptr;
}

std::optional<http::Response> AnswerMemo::find(const void* scope, const http::Request& request) {
  if (!ready_.load(std::memory_order_acquire) || request.query.size() + request.path.size() > kMostAddress ||
      !plain(request)) {
    return std::nullopt;
  }
  const std::string address = address_of(scope, request);
  const auto entry = look(std::hash<std::string>{}(address), address);
  const std::int64_t now = Lease::now_ns();
  if (!entry || !entry->name->holds(now) || !entry->picture->holds(now)) {
    return std::nullopt;
  }
  auto file = entry->file.lock();
  if (!file) {
    return std::nullopt;
  }
  http::Response response;
  response.lines = entry->lines;
  response.trace = entry->trace;
  http::FileBody body{entry->prefix, {}, entry->suffix};
  body.ranges.push_back({std::move(file), entry->offset, entry->length});
  response.body = std::move(body);
  return response;
}

void AnswerMemo::keep(const void* scope, const http::Request& request, const http::Response& response, LeasePtr name,
                      LeasePtr picture) {
  const auto* body = std::get_if<http::FileBody>(&response.body);
  if (response.status != 200 || body == nullptr || body->ranges.size() != 1 || response.headers.has("Vary") ||
      request.query.size() + request.path.size() > kMostAddress || !plain(request)) {
    return;
  }
  auto lines = std::make_shared<std::string>();
  if (http::append_field_lines(*lines, response.headers) > 0 || lines->size() > kMostLines) {
    return;
  }
  lines->shrink_to_fit();
  auto entry = std::make_shared<Entry>();
  entry->address = address_of(scope, request);
  entry->lines = std::move(lines);
  entry->prefix = body->prefix;
  entry->suffix = body->suffix;
  entry->file = body->ranges.front().file;
  entry->offset = body->ranges.front().offset;
  entry->length = body->ranges.front().length;
  entry->name = std::move(name);
  entry->picture = std::move(picture);
  entry->trace = response.trace;
  std::call_once(made_, [this] {
    sets_.resize(kSets);
    ready_.store(true, std::memory_order_release);
  });
  const std::size_t hash = std::hash<std::string>{}(entry->address);
  const std::size_t set = hash % kSets;
  const std::scoped_lock lock(locks_[set % kLocks]);
  Set& slots = sets_[set];
  // In place of its older self, else of the oldest: the newest comes first.
  auto* const old = std::ranges::find_if(slots, [&](const Slot& slot) {
    return slot.hash == hash && slot.entry && slot.entry->address == entry->address;
  });
  auto* const last = old != slots.end() ? old : slots.end() - 1;
  std::move_backward(slots.begin(), last, last + 1);
  slots.front() = {hash, std::move(entry)};
}

}  // namespace microtome::protocol
