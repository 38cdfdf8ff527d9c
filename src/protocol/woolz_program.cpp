// SPDX-License-Identifier: Apache-2.0
#include "protocol/woolz_program.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "http/text.hpp"
#include "protocol/numbers.hpp"

namespace microtome::protocol {
namespace {

constexpr std::array<std::string_view, 5> kPictures{"JTL", "PTL", "WTL", "TIL", "CVT"};
// Commands of the protocol that say nothing about sections.
constexpr std::array<std::string_view, 8> kIdle{"FIF", "WID", "HEI", "SDS", "SHD", "ICC", "LYR", "JTLS"};

std::string lower(std::string_view text) {
  std::string out(http::trim(text));
  std::ranges::transform(out, out.begin(), http::to_lower);
  return out;
}

// The whole number at the front, 0 when there is none: "jtl=T" has always meant tile 0. One that is out of range is
// the greatest or least there is, so that no tile has it.
std::int64_t leading_number(std::string_view text) {
  std::int64_t value = 0;
  text = http::trim(text);
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc::result_out_of_range) {
    using Limits = std::numeric_limits<std::int64_t>;
    return text.starts_with('-') ? Limits::min() : Limits::max();
  }
  return value;
}

// "res,tile" or "tile".
void read_tile(WoolzPicture& picture, std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma != std::string_view::npos) {
    picture.resolution = leading_number(text.substr(0, comma));
    text.remove_prefix(comma + 1);
  }
  picture.first = picture.last = leading_number(text);
}

// "res,first" or "res,first-last".
void read_tiles(WoolzPicture& picture, std::string_view text) {
  read_tile(picture, text);
  const std::size_t dash = text.find('-', text.find(',') == std::string_view::npos ? 1 : text.find(',') + 2);
  if (dash < text.size()) {
    picture.last = leading_number(text.substr(dash + 1));
  }
}

codec::Format export_format(std::string_view argument) {
  const std::string name = lower(argument);
  return name == "png" ? codec::Format::png : name == "webp" ? codec::Format::webp : codec::Format::jpeg;
}

void read_picture(WoolzPicture& picture, const IipCommand& command) {
  picture.command = command.name;
  picture.output = WoolzOutput::tile;
  if (command.name == "CVT") {
    picture.output = WoolzOutput::whole;
    picture.format = export_format(command.argument);
  } else if (command.name == "TIL") {
    picture.output = WoolzOutput::tiles;
    read_tiles(picture, command.argument);
  } else {
    picture.format = command.name == "PTL"   ? codec::Format::png
                     : command.name == "WTL" ? codec::Format::webp
                                             : codec::Format::jpeg;
    read_tile(picture, command.argument);
  }
}

// RGN=left,top,width,height in fractions; anything else is passed over.
void read_region(WoolzPicture& picture, std::string_view text) {
  std::array<double, 4> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t comma = text.find(',');
    const auto value = parse_real(http::trim(text.substr(0, comma)));
    if (!value || (comma == std::string_view::npos) != (i + 1 == values.size())) {
      return;
    }
    values[i] = std::clamp(*value, 0.0, 1.0);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  picture.region = values;
}

class ProgramReader {
 public:
  Result<WoolzProgram> run(std::span<const IipCommand> commands);

 private:
  Result<void> take(const IipCommand& command);
  void choose(const IipCommand& command);
  void ask(const IipCommand& command);
  bool modify(const IipCommand& command);
  void fault(std::string_view code, std::string_view argument) {
    if (program_.fault.empty()) {
      program_.fault = std::string(code) + " " + std::string(argument);
    }
  }
  // A question keeps the parameters as they were.
  WoolzParameters snapshot() {
    if (!snapshot_) {
      snapshot_ = std::make_shared<woolz::Parameters>(parameters_);
    }
    return snapshot_;
  }

  WoolzProgram program_;
  woolz::Parameters parameters_;
  WoolzParameters snapshot_;
  bool sized_ = false;
};

void ProgramReader::choose(const IipCommand& command) {
  const std::string name = lower(command.argument);
  if (name.ends_with(".wlz") || name.ends_with(".gz")) {
    program_.name = command.argument;
  } else {
    program_.name.clear();
    fault("1 3", "WLZ");
  }
}

void ProgramReader::ask(const IipCommand& command) {
  static constexpr std::array<std::string_view, 4> kSizes{"basic-info", "max-size", "resolution-number", "tile-size"};
  WoolzQuestion question{lower(command.argument), snapshot(), sized_};
  sized_ = sized_ || std::ranges::find(kSizes, question.name) != kSizes.end();
  // What is asked of the server needs no object.
  static constexpr std::array<std::string_view, 4> kOfServer{"iip,1.0", "iip-server", "iip-opt-comm", "iip-opt-obj"};
  if (program_.name.empty() && std::ranges::find(kOfServer, question.name) == kOfServer.end()) {
    fault("1 3", question.name);
  }
  program_.questions.push_back(std::move(question));
}

bool ProgramReader::modify(const IipCommand& command) {
  WoolzPicture& picture = program_.picture;
  if (command.name == "QLT") {
    picture.quality = static_cast<int>(std::clamp<std::int64_t>(leading_number(command.argument), 1, 100));
  } else if (command.name == "CNT") {
    picture.contrast = std::clamp(parse_real(http::trim(command.argument)).value_or(picture.contrast), 0.0, 255.0);
  } else if (command.name == "RGN") {
    read_region(picture, command.argument);
  } else {
    return std::ranges::find(kIdle, command.name) != kIdle.end();
  }
  return true;
}

Result<void> ProgramReader::take(const IipCommand& command) {
  if (command.name == "WLZ") {
    choose(command);
  } else if (command.name == "OBJ") {
    ask(command);
  } else if (!modify(command)) {
    auto taken = woolz::take_parameter(parameters_, command.name, command.argument);
    if (!taken) {
      return std::unexpected(taken.error());
    }
    if (!*taken) {
      fault("2 2", command.name);
    }
    snapshot_.reset();
  }
  return {};
}

Result<WoolzProgram> ProgramReader::run(std::span<const IipCommand> commands) {
  for (const IipCommand& command : commands) {
    if (std::ranges::find(kPictures, command.name) != kPictures.end()) {
      read_picture(program_.picture, command);
      program_.picture.parameters = snapshot();
      if (program_.name.empty()) {
        fault("1 3", lower(command.name));
      }
      break;  // the first picture ends the program
    }
    if (auto taken = take(command); !taken) {
      return std::unexpected(taken.error());
    }
  }
  return std::move(program_);
}

}  // namespace

Result<WoolzProgram> read_woolz(std::span<const IipCommand> commands) {
  return ProgramReader().run(commands);
}

}  // namespace microtome::protocol
