// SPDX-License-Identifier: Apache-2.0
// A Woolz query, read: which object, what is asked of it, and what view each question is about. Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "codec/codec.hpp"
#include "protocol/iip_query.hpp"
#include "woolz/command.hpp"

namespace microtome::protocol {

using WoolzParameters = std::shared_ptr<const woolz::Parameters>;

// One OBJ, with the parameters that came before it.
struct WoolzQuestion {
  std::string name;  // lower case
  WoolzParameters parameters;
  bool sized = false;  // the size of the section was asked for before
};

enum class WoolzOutput : std::uint8_t { none, tile, tiles, whole };

struct WoolzPicture {
  WoolzOutput output = WoolzOutput::none;
  std::string command;  // JTL, PTL, WTL, TIL, CVT
  codec::Format format = codec::Format::jpeg;
  std::int64_t first = 0;  // tile numbers
  std::int64_t last = 0;
  std::int64_t resolution = 0;               // echoed by TIL
  std::optional<int> quality;                // QLT
  double contrast = 1;                       // CNT, of whole sections only
  std::array<double, 4> region{0, 0, 1, 1};  // RGN: left, top, width, height in fractions
  WoolzParameters parameters;
};

struct WoolzProgram {
  std::string name;  // WLZ; empty when its file cannot be an object
  std::vector<WoolzQuestion> questions;
  WoolzPicture picture;
  std::string fault;  // the first IIP fault: "2 2 FOO"
};

// Code::bad_request for SEL, MAP and FPL that are malformed.
[[nodiscard]] Result<WoolzProgram> read_woolz(std::span<const IipCommand> commands);

}  // namespace microtome::protocol
