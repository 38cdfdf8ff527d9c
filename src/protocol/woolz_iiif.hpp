// SPDX-License-Identifier: Apache-2.0
// Sections of Woolz objects as IIIF pictures: the identifier is "{object}/section/{view}".
#pragma once

#include <string>

#include "protocol/call.hpp"
#include "protocol/iiif_picture.hpp"
#include "protocol/iiif_request.hpp"

namespace microtome::protocol {

// Answers when the identifier names a section; false otherwise. `base` is the absolute base URI; `negotiated`: Accept
// chose the format.
bool answer_iiif_section(const Call& call, const IiifPath& path, IiifVersion version, const std::string& base,
                         const IiifLimits& limits, bool negotiated);

}  // namespace microtome::protocol
