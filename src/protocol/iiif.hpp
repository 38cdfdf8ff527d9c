// SPDX-License-Identifier: Apache-2.0
// IIIF Image API 3.0 and 2.1, complete but for what docs/formats/iiif.md names. Both functions answer, now or later.
#pragma once

#include <string_view>

#include "http/message.hpp"
#include "protocol/call.hpp"
#include "protocol/iiif_request.hpp"
#include "protocol/manner.hpp"

namespace microtome::protocol {

// `path` is what follows "/iiif/", percent-encoded: "3/{id}/...", "2/{id}/..." or "{id}/...".
void answer_iiif(const Call& call, std::string_view path);

// The argument of "IIIF=", decoded. Takes what iipsrv takes: the size "full", the quality "native", no format.
void answer_iiif_query(const Call& call, std::string_view argument, const Manner& manner);

// `path` follows a prefix that URI_MAP gives to IIIF; it is percent-encoded. `prefix` begins and ends with "/".
void answer_iiif_below(const Call& call, std::string_view path, const std::string& prefix);

// The version of an info.json that is asked for without one in its URL: what Accept names, else `usual`. Pure.
[[nodiscard]] IiifVersion negotiated_iiif(const http::Headers& headers, IiifVersion usual = IiifVersion::three);

// Media type of an info.json (3.0 and 2.1, section 5). Pure.
[[nodiscard]] std::string_view iiif_media_type(const http::Headers& headers, IiifVersion version);

}  // namespace microtome::protocol
