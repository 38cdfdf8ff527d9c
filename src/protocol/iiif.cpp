// SPDX-License-Identifier: Apache-2.0
#include "protocol/iiif.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "http/conditional.hpp"
#include "http/negotiate.hpp"
#include "http/uri.hpp"
#include "protocol/iiif_info.hpp"
#include "protocol/iiif_picture.hpp"
#include "protocol/numbers.hpp"
#include "protocol/public_base.hpp"
#include "protocol/reply.hpp"
#include "protocol/set_calls.hpp"
#include "protocol/woolz_iiif.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kInfo = "/info.json";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kJsonLd = "application/ld+json";

struct Asked {
  IiifPath path;
  IiifVersion version = IiifVersion::either;
  std::string base;  // the absolute base URI of the picture
  std::optional<Manner> manner = {};
  bool negotiated = false;  // Accept chose the format
};

IiifLimits limits_of(const Call& call) {
  const std::int64_t side = longest_side(call.options());
  return {side, side, std::min(side * side, static_cast<std::int64_t>(call.engine().max_output_pixels())),
          call.options().upscaling};
}

void redirect(const Call& call, const std::string& base) {
  http::Response response;
  response.status = 303;
  response.headers.add("Location", base + std::string(kInfo));
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  set_caching(call, response.headers, Caching::usual);
  response.body = "see " + base + std::string(kInfo) + "\n";
  answer(call, std::move(response));
}

IiifVersion usual_version(const Call& call) {
  return call.options().iiif.version == 2 ? IiifVersion::two : IiifVersion::three;
}

void describe(const Call& call, const Asked& asked, const std::string& path, Caching caching) {
  const bool either = asked.version == IiifVersion::either;
  const IiifVersion version = either ? negotiated_iiif(call.request().headers, usual_version(call)) : asked.version;
  with_picture(
      call, path,
      [call, version, caching, asked_version = asked.version, base = asked.base](const image::Picture& picture) {
        IiifLimits limits = limits_of(call);
        limits.upscaling = limits.upscaling && iiif_enlarges(asked_version, version, usual_version(call));
        std::string json =
            write_iiif_info(picture.info(), limits, version, base, iiif_extras(call.options(), version));
        const std::string_view type = iiif_media_type(call.request().headers, version);
        const std::string etag = "\"" + format_hex(set::Hash().add(type).add(json).value()) + "\"";
        http::Response response;
        response.headers.add("Content-Type", std::string(type));
        response.headers.add("Vary", "Accept");
        if (version == IiifVersion::two && type == kJson) {
          response.headers.add("Link", "<" + std::string(kIiifContext2) +
                                           ">;rel=\"http://www.w3.org/ns/json-ld#context\""
                                           ";type=\"application/ld+json\"");
        }
        set_caching(call, response.headers, caching == Caching::immutable ? caching : Caching::revalidate);
        response.body = std::move(json);
        answer_conditional(call, std::move(response), etag, picture.id().mtime_ns);
      });
}

void answer_image(const Call& call, const Asked& asked, const std::string& path, const Version& cached,
                  LeasePtr name) {
  PictureReply reply;
  reply.caching = cached.caching;
  reply.mtime_ns = cached.mtime_ns;
  reply.learn = true;
  reply.name = asked.negotiated ? nullptr : std::move(name);
  render_in(
      call, asked.manner, path,
      [limits = limits_of(call), image = asked.path.image, version = asked.version, base = asked.base,
       negotiated = asked.negotiated, sampling = call.options().sampling](
          const image::Picture& picture, http::Headers& extra) -> Result<engine::PixelRequest> {
        auto made = make_iiif_picture(image, version, picture.info(), limits);
        if (!made) {
          return pass(made.error());
        }
        const std::string canonical = version == IiifVersion::one
                                          ? std::string()
                                          : "<" + base + "/" + made->canonical + ">;rel=\"canonical\", ";
        extra.add("Link", canonical + "<" +
                              std::string(version == IiifVersion::one   ? kIiifProfile1
                                          : version == IiifVersion::two ? kIiifProfile2
                                                                        : kIiifProfile3) +
                              ">;rel=\"profile\"");
        if (negotiated) {
          extra.add("Vary", "Accept");
        }
        if (auto* area = std::get_if<engine::RegionArea>(&made->request.area)) {
          area->sampling = sampling;
        }
        return std::move(made->request);
      },
      reply);
}

// What may be meant as an image or as an identifier with many slashes: the file decides.
void answer_faulty(const Call& call, std::shared_ptr<const Asked> asked) {
  on_worker(call, [call, asked = std::move(asked)] {
    if (call.site->find(Names::ids_first, asked->path.id)) {
      redirect(call, asked->base);
    } else {
      answer_error(call, asked->path.error);
    }
  });
}

// What iipsrv takes beyond the standard: "native" and "grey" as qualities, and no format for JPEG.
std::string as_of_old(std::string_view argument) {
  constexpr int kParameters = 4;
  if (std::ranges::count(argument, '/') < kParameters) {
    return std::string(argument);
  }
  const std::size_t begin = argument.rfind('/') + 1;
  const std::string_view last = argument.substr(begin);
  std::string_view quality = last.substr(0, last.find('.'));
  const std::string_view format = last.substr(quality.size());
  static constexpr std::array<std::string_view, 6> kWords{"default", "native", "color", "gray", "grey", "bitonal"};
  if (std::ranges::find(kWords, quality) == kWords.end()) {
    return std::string(argument);
  }
  quality = quality == "native" ? "default" : quality == "grey" ? "gray" : quality;
  return std::string(argument.substr(0, begin)) + std::string(quality) +
         (format.empty() ? ".jpg" : std::string(format));
}

// 1.1 leaves the format to Accept when the address names none; JPEG unless another one weighs more.
std::string_view accepted_format(const http::Headers& headers) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kTypes{{{".jpg", "image/jpeg"},
                                                                                        {".png", "image/png"},
                                                                                        {".webp", "image/webp"},
                                                                                        {".tif", "image/tiff"},
                                                                                        {".gif", "image/gif"},
                                                                                        {".jp2", "image/jp2"}}};
  return std::ranges::max(kTypes, {}, [&](const auto& type) { return http::media_weight(headers, type.second); })
      .first;
}

bool lacks_format(std::string_view path, IiifVersion version) {
  static constexpr std::array<std::string_view, 4> kQualities{"native", "color", "grey", "bitonal"};
  return version == IiifVersion::one &&
         std::ranges::find(kQualities, path.substr(path.rfind('/') + 1)) != kQualities.end();
}

void serve(const Call& call, Asked request) {
  auto asked = std::make_shared<const Asked>(std::move(request));
  if (asked->path.kind == IiifPath::Kind::faulty) {
    return answer_faulty(call, std::move(asked));
  }
  const Version cached = version_of(call, asked->path.id);
  find_name(call, Names::ids_first, asked->path.id, [call, asked, cached](const Found& found) {
    const auto where = found.views ? found.views->path(std::nullopt, std::nullopt) : Result<std::string>(found.path);
    if (!where) {
      return answer_error(call, where.error());
    }
    switch (asked->path.kind) {
      case IiifPath::Kind::info:
        return describe(call, *asked, *where, cached.caching);
      case IiifPath::Kind::image:
        return answer_image(call, *asked, *where, cached, found.lease);
      default:
        return redirect(call, asked->base);
    }
  });
}

// IIIF_EXTENSIONS: qualities that are processing. The quality is replaced by "default".
std::string take_extension(std::string_view path, std::optional<Manner>& manner) {
  struct Extension {
    std::string_view quality;
    void (*set)(pixel::Operations&);
  };
  static constexpr std::array<Extension, 4> kExtensions{{
      {"negative", [](pixel::Operations& operations) { operations.invert = true; }},
      {"stretch", [](pixel::Operations& operations) { operations.stretch = true; }},
      {"equalization", [](pixel::Operations& operations) { operations.equalise = true; }},
      {"log", [](pixel::Operations& operations) { operations.logarithm = true; }},
  }};
  const std::size_t begin = path.rfind('/') + 1;
  const std::string_view last = path.substr(begin);
  const std::string_view quality = last.substr(0, last.find('.'));
  const auto* const found = std::ranges::find(kExtensions, quality, &Extension::quality);
  if (begin == 0 || found == kExtensions.end()) {
    return std::string(path);
  }
  if (!manner) {
    manner.emplace();
  }
  found->set(manner->operations);
  return std::string(path.substr(0, begin)) + "default" + std::string(last.substr(quality.size()));
}

std::string without_delimiter(std::string id, const std::string& delimiter) {
  for (std::size_t at = 0; !delimiter.empty() && (at = id.find(delimiter, at)) != std::string::npos; ++at) {
    id.replace(at, delimiter.size(), "/");
  }
  return id;
}

void answer_path(const Call& call, std::string_view path, IiifVersion version, const std::string& before_id,
                 std::optional<Manner> manner = {}) {
  std::string plain = call.options().iiif.extensions ? take_extension(path, manner) : std::string(path);
  bool negotiated = lacks_format(plain, version);
  if (negotiated) {
    const std::string named = plain + std::string(accepted_format(call.request().headers));
    const auto image = parse_iiif(named, version);
    negotiated = image && image->kind == IiifPath::Kind::image;
    plain = negotiated ? named : plain;
  }
  auto parsed = parse_iiif(plain, version);
  if (!parsed) {
    return answer_error(call, parsed.error());
  }
  std::string base = public_base(call.options().public_url, call.request()) + before_id + safe_path(parsed->raw_id);
  parsed->raw_id = {};  // it looks into the request
  parsed->id = without_delimiter(std::move(parsed->id), call.options().iiif.delimiter);
  // Both spellings were understood; the rules are those of the version that describes the address.
  if (version == IiifVersion::either && parsed->kind == IiifPath::Kind::image &&
      usual_version(call) == IiifVersion::two) {
    version = IiifVersion::two;
  }
  if (answer_iiif_section(call, *parsed, version, base, limits_of(call), negotiated)) {
    return;
  }
  serve(call, {std::move(*parsed), version, std::move(base), std::move(manner), negotiated});
}

}  // namespace

IiifVersion negotiated_iiif(const http::Headers& headers, IiifVersion usual) {
  const std::string accept = http::joined(headers, "Accept");
  const bool two = accept.find(kIiifContext2) != std::string::npos;
  const bool three = accept.find(kIiifContext3) != std::string::npos;
  return two == three ? usual : two ? IiifVersion::two : IiifVersion::three;
}

std::string_view iiif_media_type(const http::Headers& headers, IiifVersion version) {
  const int linked = http::media_weight(headers, kJsonLd);
  const int plain = http::media_weight(headers, kJson);
  if (version == IiifVersion::one) {
    return linked > plain ? kJsonLd : kJson;
  }
  if (version == IiifVersion::two) {
    return linked > plain ? "application/ld+json;profile=\"http://iiif.io/api/image/2/context.json\"" : kJson;
  }
  // Whoever takes both alike gets JSON-LD (3.0, section 5.1); a browser's address bar would only save that.
  const bool person = http::media_weight(headers, "text/html") > linked;
  return linked == 0 || plain > linked || person
             ? kJson
             : "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"";
}

void answer_iiif(const Call& call, std::string_view path) {
  if (path.starts_with("3/")) {
    return answer_path(call, path.substr(2), IiifVersion::three, "/iiif/3/");
  }
  if (path.starts_with("1/")) {
    return answer_path(call, path.substr(2), IiifVersion::one, "/iiif/1/");
  }
  if (path.starts_with("2/")) {
    return answer_path(call, path.substr(2), IiifVersion::two, "/iiif/2/");
  }
  answer_path(call, path, IiifVersion::either, "/iiif/");
}

void answer_iiif_below(const Call& call, std::string_view path, const std::string& prefix) {
  answer_path(call, path, IiifVersion::either, prefix);
}

void answer_iiif_query(const Call& call, std::string_view argument, const Manner& manner) {
  const std::string& path = call.request().path;
  const std::string encoded = http::encode_path(as_of_old(argument));
  answer_path(call, encoded, IiifVersion::either, (path.empty() ? "/" : safe_path(path)) + "?IIIF=", manner);
}

}  // namespace microtome::protocol
