// SPDX-License-Identifier: Apache-2.0
#include "woolz/store.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace microtome::woolz {
namespace {

constexpr std::size_t kMostSeen = 4096;  // names whose state is remembered

}  // namespace

std::string text_of(const io::FileId& id) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%llx-%llx-%llx-%llx", static_cast<unsigned long long>(id.device),
                static_cast<unsigned long long>(id.inode), static_cast<unsigned long long>(id.size),
                static_cast<unsigned long long>(id.mtime_ns));
  return text.data();
}

std::optional<io::FileId> Store::known(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(path);
  if (found == seen_.end() || found->second.until < std::chrono::steady_clock::now()) {
    return std::nullopt;
  }
  return found->second.id;
}

Result<io::FileId> Store::identify(const std::string& path) {
  auto id = io::File::identify(path);
  const std::lock_guard lock(mutex_);
  if (!id) {
    seen_.erase(path);
    return id;
  }
  if (seen_.size() >= kMostSeen) {
    seen_.clear();
  }
  seen_[path] = {*id, std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.revalidate_ms)};
  return id;
}

std::optional<Store::Item> Store::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return std::nullopt;
  }
  items_.splice(items_.begin(), items_, found->second);
  return items_.front();
}

void Store::keep(Item item) {
  const std::lock_guard lock(mutex_);
  if (options_.max_count == 0 || item.bytes > options_.max_bytes) {
    return;
  }
  if (const auto old = by_key_.find(item.key); old != by_key_.end()) {
    bytes_ -= old->second->bytes;
    items_.erase(old->second);
    by_key_.erase(old);
  }
  bytes_ += item.bytes;
  items_.push_front(std::move(item));
  by_key_[items_.front().key] = items_.begin();
  while (items_.size() > options_.max_count || bytes_ > options_.max_bytes) {
    bytes_ -= items_.back().bytes;
    by_key_.erase(items_.back().key);
    items_.pop_back();
  }
}

std::shared_ptr<std::mutex> Store::gate(const std::string& key) {
  const std::lock_guard lock(mutex_);
  auto& gate = gates_[key];
  if (!gate) {
    gate = std::make_shared<std::mutex>();
  }
  return gate;
}

void Store::leave(const std::string& key, const std::shared_ptr<std::mutex>& gate) {
  const std::lock_guard lock(mutex_);
  if (gate.use_count() <= 2) {  // ours and the map's: nobody waits
    gates_.erase(key);
  }
}

Result<ObjectPtr> Store::open(const std::string& path) {
  const auto remembered = known(path);
  auto id = remembered ? Result<io::FileId>(*remembered) : identify(path);
  if (!id) {
    return std::unexpected(id.error());
  }
  const std::string key = path + '\n' + text_of(*id);
  const auto door = gate(key);
  const std::unique_lock working(*door);
  Result<ObjectPtr> object;
  if (const auto item = find(key)) {
    object = item->object;
  } else if (auto file = io::File::open(path); !file) {
    object = std::unexpected(file.error());
  } else {
    object = open_object(*file, options_.open);
    if (object && (*file)->id() == *id) {
      keep({key, *object, nullptr, nullptr, (*object)->memory()});
    }
  }
  leave(key, door);
  if (object && !(*object)->intact()) {
    return fail(Code::io, "the object has changed while it was read", path);
  }
  return object;
}

Result<BodyPtr> Store::select(const std::string& path, const ObjectPtr& object, const Expression& expression,
                              const CancelToken& cancel, Work& work) {
  if (expression.operation == Operation::index) {
    return evaluate(*object, expression, options_.evaluate, cancel, work);
  }
  const std::string key = path + '\n' + text_of(object->id()) + '\n' + expression.text();
  const auto door = gate(key);
  const std::unique_lock working(*door);
  Result<BodyPtr> body;
  if (const auto item = find(key)) {
    body = item->body;
  } else {
    body = evaluate(*object, expression, options_.evaluate, cancel, work);
    if (body) {
      // A selection may lean on its object's bricks: it keeps the file mapped, not in memory.
      keep({key, nullptr, *body, nullptr, memory_of(**body)});
    } else if (log_.wants(LogLevel::info)) {
      log_.info(path + ": " + expression.text() + ": " + body.error().message);
    }
  }
  leave(key, door);
  return body;
}

Result<PyramidPtr> Store::pyramid(const std::string& path, const ObjectPtr& object, std::size_t member,
                                  const CancelToken& cancel) {
  const std::string key = path + '\n' + text_of(object->id()) + "\npyramid " + std::to_string(member);
  const auto door = gate(key);
  const std::unique_lock working(*door);
  Result<PyramidPtr> pyramid;
  if (const auto item = find(key)) {
    pyramid = item->pyramid;
  } else {
    std::string sidecar = sidecar_path(path, options_.open);
    if (!sidecar.empty() && member > 0) {
      sidecar += ".m" + std::to_string(member);
    }
    pyramid = pyramid_of(object->members()[member].body, object->id(), sidecar, options_.open, cancel);
    if (pyramid) {
      std::uint64_t bytes = 0;
      for (const BodyPtr& level : **pyramid) {
        bytes += memory_of(*level);
      }
      keep({key, nullptr, nullptr, *pyramid, bytes});
    }
  }
  leave(key, door);
  return pyramid;
}

std::size_t Store::count() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

std::uint64_t Store::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace microtome::woolz
