// SPDX-License-Identifier: Apache-2.0
#include "protocol/viewer_page.hpp"

#include <algorithm>

#include "http/negotiate.hpp"
#include "protocol/params.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'";

void send(const Call& call, const Asset& asset) {
  const http::Headers& wanted = call.request().headers;
  const int gzip = asset.gzip ? http::encoding_weight(wanted, "gzip") : 0;
  const int brotli = asset.brotli ? http::encoding_weight(wanted, "br") : 0;
  http::Response response;
  response.headers.add("Content-Type", asset.media_type);
  response.headers.add("Vary", "Accept-Encoding");
  std::string etag = asset.etag;
  const auto encoded = [&](std::string_view coding, const SharedBytes& bytes) {
    response.headers.add("Content-Encoding", std::string(coding));
    response.body = bytes;
    if (etag.ends_with('"')) {
      etag.insert(etag.size() - 1, "-" + std::string(coding));
    }
  };
  if (brotli > 0 && brotli >= gzip) {
    encoded("br", asset.brotli);
  } else if (gzip > 0) {
    encoded("gzip", asset.gzip);
  } else {
    response.body = asset.plain;
  }
  if (asset.media_type.starts_with("text/html")) {
    response.headers.add("Content-Security-Policy", asset.csp.empty() ? std::string(kPolicy) : asset.csp);
    response.headers.add("Referrer-Policy", "same-origin");
  }
  const auto params = Params::parse(call.request().query);
  const bool versioned = asset.path != "/" && params && params->has("v");
  set_caching(call, response.headers, versioned ? Caching::immutable : Caching::revalidate);
  answer_conditional(call, std::move(response), etag, std::nullopt);
}

}  // namespace

bool answer_asset(const Call& call, std::string_view path) {
  const auto& assets = call.options().assets;
  const auto at = std::ranges::find(assets, path, &Asset::path);
  if (at == assets.end() || !at->plain) {
    return false;
  }
  send(call, *at);
  return true;
}

void answer_page(const Call& call) {
  if (!answer_asset(call, "/")) {
    answer_text(call, "text/plain; charset=utf-8", "Microtome " MICROTOME_VERSION "\n", Caching::revalidate,
                "\"" MICROTOME_VERSION "\"");
  }
}

}  // namespace microtome::protocol
