// SPDX-License-Identifier: Apache-2.0
#include "protocol/woolz.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "http/status.hpp"
#include "protocol/reply.hpp"
#include "protocol/woolz_answers.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kIipType = "application/vnd.netfpx";

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
  std::string text_ = "woolz\n";
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
  if (p.tile_point) {
    add("prl").add(static_cast<double>(p.tile_point->tile)).add(p.tile_point->x).add(p.tile_point->y);
  }
  if (p.object_point) {
    add("pab").add(*p.object_point);
  }
  return *this;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return out;
}

// Viewers of the old server know an error by the word "html" in the body.
void answer_page_of(const Call& call, Error error) {
  if (error.code == Code::corrupt || error.code == Code::unsupported) {
    error.code = Code::not_found;  // no sections of this name, as the old server answered
  }
  call.service->log.write(error.code == Code::io || error.code == Code::internal ? LogLevel::warning : LogLevel::info,
                          error.message + (error.context.empty() ? "" : ": " + error.context));
  http::Response response = http::error_response(error);
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Content-Disposition", "inline;filename=\"iipsrv.html\"");
  response.body = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Error</title></head><body><p>" +
                  escaped(error.message) + "</p></body></html>\n";
  answer(call, std::move(response));
}

class WoolzSession : public std::enable_shared_from_this<WoolzSession> {
 public:
  WoolzSession(Call call, WoolzProgram program, std::string query)
      : call_(std::move(call)), program_(std::move(program)), query_(std::move(query)) {}

  void run() {
    if (program_.name.empty()) {
      return answer_line(error_line(program_.fault));
    }
    if (std::string fault = pictures() ? std::string() : fault_of(program_, query_); !fault.empty()) {
      return answer_line(error_line(fault));
    }
    if (auto found = call_.site->remembered(Names::files_first, program_.name)) {
      return with_path(std::move(found->path));
    }
    on_worker(call_, [self = shared_from_this()] {
      auto found = self->call_.site->find(Names::files_first, self->program_.name);
      if (!found) {
        return answer_page_of(self->call_, found.error());
      }
      self->with_path(std::move(found->path));
    });
  }

 private:
  [[nodiscard]] woolz::Store& store() const { return *call_.service->woolz; }
  [[nodiscard]] bool pictures() const { return program_.picture.output != WoolzOutput::none; }

  void with_path(std::string path) {
    if (path.empty()) {
      return answer_page_of(call_, {Code::not_found, "not found", "a sequence is no object"});
    }
    path_ = std::move(path);
    if (const auto id = store().known(path_)) {
      return with_id(*id);
    }
    on_worker(call_, [self = shared_from_this()] {
      auto id = self->store().identify(self->path_);
      if (!id) {
        return answer_page_of(self->call_, id.error());
      }
      self->with_id(*id);
    });
  }

  [[nodiscard]] std::string key(const io::FileId& id) const {
    Key key;
    key.add(path_).add(woolz::text_of(id));
    if (!pictures()) {
      return key.add("questions").add(query_).take();
    }
    const WoolzPicture& p = program_.picture;
    key.add(static_cast<double>(p.output)).add(codec::media_type(p.format));
    key.add(p.quality.value_or(call_.options().jpeg_quality)).add(*p.parameters);
    if (p.output == WoolzOutput::whole) {
      key.add(p.contrast).add(p.region[0]).add(p.region[1]).add(p.region[2]).add(p.region[3]);
    } else {
      key.add(static_cast<double>(p.first)).add(static_cast<double>(p.last)).add(static_cast<double>(p.resolution));
    }
    return key.take();
  }

  Result<engine::Engine::Computed> compute(const CancelToken& cancel) const {
    auto object = store().open(path_);
    if (!object) {
      return std::unexpected(object.error());
    }
    const WoolzContext context{store(), call_.options().woolz, path_, *object, cancel};
    if (pictures()) {
      return make_picture(context, program_.picture, call_.options().jpeg_quality);
    }
    auto text = answer_questions(context, program_);
    if (!text) {
      return std::unexpected(text.error());
    }
    return engine::Engine::Computed{Bytes(text->begin(), text->end()), std::string(kIipType)};
  }

  void with_id(const io::FileId& id) {
    call_.engine().compute(
        key(id), id.mtime_ns, std::string(call_.request().headers.get("If-None-Match")), WorkClass::tile,
        call_.exchange->cancel(),
        [self = shared_from_this()](const CancelToken& cancel) { return self->compute(cancel); },
        [self = shared_from_this(), mtime = id.mtime_ns](Result<engine::Rendered> made) {
          if (!made) {
            return answer_page_of(self->call_, made.error());
          }
          self->answer_made(std::move(*made), mtime);
        });
  }

  void answer_made(engine::Rendered made, std::int64_t mtime_ns) {
    http::Response response;
    response.headers.add("Content-Type", std::move(made.media_type));
    if (pictures() && program_.picture.output != WoolzOutput::tiles) {
      response.headers.add("Content-Disposition", disposition());
    }
    set_caching(call_, response.headers, Caching::usual);
    response.body = std::move(made.body);
    answer_conditional(call_, std::move(response), made.etag, mtime_ns);
  }

  [[nodiscard]] std::string disposition() const {
    const WoolzPicture& p = program_.picture;
    std::string name = p.command;
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    const std::string_view extension = p.format == codec::Format::png    ? ".png"
                                       : p.format == codec::Format::webp ? ".webp"
                                                                         : ".jpg";
    return "inline;filename=\"" + name + std::string(extension) + "\"";
  }

  void answer_line(std::string line) {
    http::Response response;
    response.headers.add("Content-Type", std::string(kIipType));
    response.headers.add("Content-Disposition", "inline;filename=\"IIPisAMadGameClosedToOurUnderstanding.netfpx\"");
    set_caching(call_, response.headers, Caching::revalidate);
    response.body = std::move(line);
    answer(call_, std::move(response));
  }

  const Call call_;
  const WoolzProgram program_;
  const std::string query_;
  std::string path_;
};

}  // namespace

bool is_woolz(std::span<const IipCommand> commands) {
  const auto last = std::find_if(commands.rbegin(), commands.rend(), [](const IipCommand& command) {
    return command.name == "WLZ" || command.name == "FIF";
  });
  return last != commands.rend() && last->name == "WLZ";
}

void answer_woolz(const Call& call, std::span<const IipCommand> commands, std::string_view query) {
  auto program = read_woolz(commands);
  if (!program) {
    return answer_page_of(call, program.error());
  }
  std::make_shared<WoolzSession>(call, std::move(*program), std::string(query))->run();
}

}  // namespace microtome::protocol
