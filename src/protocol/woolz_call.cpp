// SPDX-License-Identifier: Apache-2.0
#include "protocol/woolz_call.hpp"

#include <array>
#include <cstdio>

namespace microtome::protocol {
namespace {

// Everything that decides the bytes, to the last digit of every number.
class Key {
 public:
  Key& add(double v) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.17g;", v);
    text_ += text.data();
    return *this;
  }
  Key& add(const woolz::Vec3& p) { return add(p.x).add(p.y).add(p.z); }
  Key& add(std::string_view text) {
    text_ += std::to_string(text.size()) + ":";
    text_ += text;
    return *this;
  }
  Key& add(const woolz::Parameters& p);
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

Key& Key::add(const woolz::Parameters& p) {
  const woolz::View& v = p.request.view;
  add(v.distance).add(v.pitch).add(v.yaw).add(v.roll).add(static_cast<double>(v.mode)).add(v.fixed).add(v.fixed2);
  add(v.up).add(v.scale).add(static_cast<double>(v.projecting)).add(v.depth);
  add(static_cast<double>(p.request.interpolation));
  for (const woolz::Selector& s : p.request.selectors) {
    add(s.expression.text()).add(s.tint.red).add(s.tint.green).add(s.tint.blue).add(s.tint.alpha);
  }
  if (p.request.map) {
    for (const woolz::MapSpec& s : p.request.map->specs()) {
      add("map").add(static_cast<double>(s.function)).add(s.in_low).add(s.in_high).add(s.out_low).add(s.out_high);
      add(s.first).add(s.second);
    }
  }
  if (p.fitting) {
    add("fit").add(p.fitting->fixed).add(p.fitting->pitch).add(p.fitting->yaw).add(p.fitting->distance);
    for (const auto& item : p.fitting->items) {
      if (const auto* point = std::get_if<woolz::Vec3>(&item)) {
        add(*point);
      } else {
        add("i").add(static_cast<double>(std::get<std::int64_t>(item)));
      }
    }
  }
  return *this;
}

class Running : public std::enable_shared_from_this<Running> {
 public:
  Running(Call call, WoolzJob job) : call_(std::move(call)), job_(std::move(job)) {}

  void run() {
    if (auto found = call_.site->remembered(Names::files_first, job_.name)) {
      return with_path(std::move(found->path));
    }
    on_worker(call_, [self = shared_from_this()] {
      auto found = self->call_.site->find(Names::files_first, self->job_.name);
      if (!found) {
        return self->failed(found.error());
      }
      self->with_path(std::move(found->path));
    });
  }

 private:
  [[nodiscard]] woolz::Store& store() const { return *call_.service->woolz; }

  void with_path(std::string path) {
    if (path.empty()) {
      return failed({Code::not_found, "not found", "a sequence is no object"});
    }
    path_ = std::move(path);
    if (const auto id = store().known(path_)) {
      return with_id(*id);
    }
    on_worker(call_, [self = shared_from_this()] {
      auto id = self->store().identify(self->path_);
      if (!id) {
        return self->failed(id.error());
      }
      self->with_id(*id);
    });
  }

  Result<engine::Engine::Computed> compute(const CancelToken& cancel) const {
    auto object = store().open(path_);
    if (!object) {
      return std::unexpected(object.error());
    }
    woolz::Work work;
    auto made = job_.compute({store(), call_.options().woolz, path_, *object, cancel, work});
    if (!(*object)->intact()) {
      return fail(Code::io, "the object has changed while it was read", path_);
    }
    return made;
  }

  void with_id(const io::FileId& id) {
    call_.engine().compute(
        "woolz\n" + path_ + "\n" + woolz::text_of(id) + "\n" + job_.key, id.mtime_ns,
        std::string(call_.request().headers.get("If-None-Match")), WorkClass::tile, call_.exchange->cancel(),
        [self = shared_from_this()](const CancelToken& cancel) { return self->compute(cancel); },
        [self = shared_from_this(), mtime = id.mtime_ns](Result<engine::Rendered> made) {
          if (!made) {
            return self->failed(made.error());
          }
          self->job_.made(std::move(*made), mtime);
        });
  }

  void failed(Error error) const {
    if (error.code == Code::corrupt || error.code == Code::unsupported) {
      error.code = Code::not_found;  // no sections of this name, as the old server answered
    }
    job_.failed(std::move(error));
  }

  const Call call_;
  const WoolzJob job_;
  std::string path_;
};

}  // namespace

void run_woolz(const Call& call, WoolzJob job) {
  std::make_shared<Running>(call, std::move(job))->run();
}

std::string key_of(const woolz::Parameters& parameters) {
  return Key().add(parameters).take();
}

}  // namespace microtome::protocol
