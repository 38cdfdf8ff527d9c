// SPDX-License-Identifier: Apache-2.0
#include "protocol/iip_query.hpp"

#include <algorithm>
#include <array>

#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::protocol {
namespace {

constexpr std::size_t kMostCommands = 1000;

// Commands of iipsrv 1.3 and of WlzIIPSrv 1.1, sorted.
constexpr std::array<std::string_view, 54> kCommands{
    "ATL", "CMP", "CNT",     "CNV", "COL",  "CTW", "CVT", "DEEPZOOM", "DPT",  "DST", "FIF",    "FPL",    "FXP",
    "FXT", "GAM", "HEI",     "ICC", "IIIF", "INV", "ITP", "JTL",      "JTLS", "LYR", "MAP",    "MINMAX", "MOD",
    "OBJ", "PAB", "PFL",     "PIT", "PRL",  "PTL", "QLT", "RGN",      "RMD",  "ROL", "ROT",    "SCL",    "SDS",
    "SEL", "SHD", "SPECTRA", "TIL", "TTL",  "UPV", "WID", "WLZ",      "WTL",  "YAW", "ZOOMIFY"};

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), http::to_upper);
  return result;
}

bool is_command(std::string_view name) {
  return std::ranges::find(kCommands, name) != kCommands.end() && !name.empty();
}

// Expressions, in which a "+" is no space. The old server decoded nothing in them, so that they had to be sent as
// they are; but no expression holds a "%", and many a client encodes every comma and parenthesis.
bool is_expression(std::string_view name) {
  return name == "SEL" || name == "MAP" || name == "FPL";
}

// Names of files keep a "+" that means a space, as the old servers took it.
std::string decode(const std::string& name, std::string_view text) {
  auto decoded = http::percent_decode_lenient(text, is_expression(name) ? http::Plus::literal : http::Plus::space);
  // A NUL never gets further: no file has one in its name, and nothing else needs it.
  return decoded ? std::move(*decoded) : std::string(1, '\0');
}

}  // namespace

bool is_iip_query(std::string_view query) {
  while (query.starts_with('&')) {
    query.remove_prefix(1);
  }
  const std::string_view name = query.substr(0, query.find_first_of("=&"));
  constexpr std::size_t kLongest = 8;
  return !name.empty() && name.size() <= kLongest && is_command(upper(name));
}

Result<std::vector<IipCommand>> parse_iip(std::string_view query) {
  std::vector<IipCommand> commands;
  for (const http::QueryItem& item : http::split_query(query)) {
    if (item.name.empty() || (item.has_value && item.value.empty())) {
      continue;
    }
    if (commands.size() >= kMostCommands) {
      return fail(Code::bad_request, "too many commands");
    }
    std::string name = upper(item.name);
    std::string argument = decode(name, item.has_value ? item.value : item.name);
    commands.push_back({std::move(name), std::move(argument)});
  }
  return commands;
}

}  // namespace microtome::protocol
